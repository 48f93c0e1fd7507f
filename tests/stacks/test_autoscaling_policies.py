"""What makes it one endpoint under four policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from app import build
from catalogue.discover import discover
from catalogue.template import Template
from study.assembly import load

SLUG = "autoscaling_policies"
POLICIES = ("invocations", "concurrency", "step", "schedule")
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


@pytest.fixture(scope="module")
def by_policy(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Template]:
    """The template of each policy."""
    found = {}
    for policy in POLICIES:
        outdir = tmp_path_factory.mktemp(policy)
        build({"stack": SLUG, "policy": policy}, outdir=str(outdir)).synth()
        (found[policy],) = load([discover()[SLUG]], outdir)
    return found


def tracking(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template.only(POLICY)["TargetTrackingScalingPolicyConfiguration"]
    return found


def test_option_offers_these_policies_and_invocations_by_default(
    by_policy: Mapping[str, Template], templates: Mapping[str, Template]
) -> None:
    (option,) = discover()[SLUG].facts.options
    assert option.values == POLICIES
    assert templates[SLUG].document == by_policy["invocations"].document


def test_change_of_policy_leaves_everything_else_as_it_is(
    by_policy: Mapping[str, Template],
) -> None:
    def rest(template: Template) -> dict[str, Any]:
        return {
            name: resource
            for name, resource in template.resources.items()
            if not name.startswith("Scaling")
        }

    first, *others = by_policy.values()
    assert all(rest(other) == rest(first) for other in others)
    assert any(resource["Type"] == "AWS::SageMaker::Endpoint" for resource in rest(first).values())


def test_invocations_target_is_half_of_what_an_instance_sustains(
    by_policy: Mapping[str, Template],
) -> None:
    found = tracking(by_policy["invocations"])
    assert found["TargetValue"] == 50 * 0.5 * 60
    assert found["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }


def test_concurrency_is_tracked_at_high_resolution(by_policy: Mapping[str, Template]) -> None:
    found = tracking(by_policy["concurrency"])
    assert found["TargetValue"] == 4
    assert found["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    }


def test_steps_go_out_within_half_a_minute_and_in_by_an_alarm_of_their_own(
    by_policy: Mapping[str, Template],
) -> None:
    template = by_policy["step"]
    policies = dict(template.of_type(POLICY))
    changes = {
        alarm["ComparisonOperator"]: (
            alarm["Threshold"],
            alarm["Period"] * alarm["EvaluationPeriods"],
            [
                step["ScalingAdjustment"]
                for step in policies[action.strip("<>")]["StepScalingPolicyConfiguration"][
                    "StepAdjustments"
                ]
            ],
        )
        for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
        for action in alarm["AlarmActions"]
        if action.strip("<>") in policies
    }
    assert changes == {
        "GreaterThanOrEqualToThreshold": (4, 30, [1, 2, 3]),
        "LessThanOrEqualToThreshold": (1, 900, [-1]),
    }


def test_schedule_moves_the_bounds_and_nothing_else_scales(
    by_policy: Mapping[str, Template],
) -> None:
    template = by_policy["schedule"]
    assert list(template.of_type(POLICY)) == []
    morning, evening = template.only(TARGET)["ScheduledActions"]
    assert morning["ScalableTargetAction"] == {"MinCapacity": 3, "MaxCapacity": 4}
    # Without the maximum nothing would take the instances of the day away.
    assert evening["ScalableTargetAction"] == {"MinCapacity": 1, "MaxCapacity": 1}
    assert {morning["Timezone"], evening["Timezone"]} == {"Europe/Berlin"}


def test_bounds_fit_a_new_account(by_policy: Mapping[str, Template]) -> None:
    for template in by_policy.values():
        target = template.only(TARGET)
        assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)


def test_alarm_when_scaling_has_reached_its_maximum(by_policy: Mapping[str, Template]) -> None:
    alarms = dict(by_policy["invocations"].of_type("AWS::CloudWatch::Alarm"))
    (ceiling,) = [alarm for name, alarm in alarms.items() if "Ceiling" in name]
    assert 3 < ceiling["Threshold"] < 4
    (expression,) = [m["Expression"] for m in ceiling["Metrics"] if "Expression" in m]
    assert expression == "invocations / per_instance"


def test_dashboard_draws_capacity_beside_load(by_policy: Mapping[str, Template]) -> None:
    body = str(by_policy["invocations"].only("AWS::CloudWatch::Dashboard")["DashboardBody"])
    for drawn in ("invocations / per_instance", "ConcurrentRequestsPerModel", "p99"):
        assert drawn in body
