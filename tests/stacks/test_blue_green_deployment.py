"""What makes it a roll-out that goes back by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app import build
from catalogue.discover import discover
from catalogue.template import Template
from study.assembly import load
from study.iam import as_list, statements

SLUG = "blue_green_deployment"
Deploy = Callable[..., Template]


@pytest.fixture(scope="module")
def deploy(tmp_path_factory: pytest.TempPathFactory) -> Deploy:
    """Synthesizes the stack with options."""

    def template(**options: str) -> Template:
        outdir: Path = tmp_path_factory.mktemp("out")
        build({"stack": SLUG, **options}, outdir=str(outdir)).synth()
        return load([discover()[SLUG]], outdir)[0]

    return template


@pytest.fixture(scope="module")
def canary(deploy: Deploy) -> Template:
    return deploy()


def deployment(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = template.only("AWS::SageMaker::Endpoint")["DeploymentConfig"]
    return found


def shift(template: Template) -> dict[str, Any]:
    found: dict[str, Any] = deployment(template)["BlueGreenUpdatePolicy"]
    return found


def test_canary_is_half_of_the_fleet_and_is_watched_for_ten_minutes(canary: Template) -> None:
    assert shift(canary) == {
        "TrafficRoutingConfiguration": {
            "Type": "CANARY",
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50},
            "WaitIntervalInSeconds": 600,
        },
        "TerminationWaitInSeconds": 300,
        "MaximumExecutionTimeoutInSeconds": 3600,
    }


@pytest.mark.parametrize(
    ("rollout", "type_"), [("linear", "LINEAR"), ("all_at_once", "ALL_AT_ONCE")]
)
def test_other_shifts_are_watched_as_well(rollout: str, type_: str, deploy: Deploy) -> None:
    found = shift(deploy(rollout=rollout))
    routing = found["TrafficRoutingConfiguration"]
    assert routing["Type"] == type_
    assert routing["WaitIntervalInSeconds"] + found["TerminationWaitInSeconds"] >= 600


def test_rolling_needs_one_instance_more_and_no_second_fleet(deploy: Deploy) -> None:
    template = deploy(rollout="rolling")
    policy = deployment(template)["RollingUpdatePolicy"]
    assert policy["MaximumBatchSize"] == {"Type": "CAPACITY_PERCENT", "Value": 50}
    assert "BlueGreenUpdatePolicy" not in deployment(template)


@pytest.mark.parametrize("rollout", ["canary", "linear", "all_at_once", "rolling"])
def test_every_rollout_goes_back_on_errors_and_on_latency(rollout: str, deploy: Deploy) -> None:
    template = deploy(rollout=rollout)
    alarms = dict(template.of_type("AWS::CloudWatch::Alarm"))
    named = [a["AlarmName"] for a in deployment(template)["AutoRollbackConfiguration"]["Alarms"]]
    watched = {alarms[name.strip("<>")]["MetricName"] for name in named}
    assert watched == {"InvocationModelErrors", "ModelLatency"}


def test_alarms_judge_the_new_fleet_alone(canary: Template) -> None:
    ((config, _),) = canary.of_type("AWS::SageMaker::EndpointConfig")
    for name, alarm in canary.of_type("AWS::CloudWatch::Alarm"):
        dimensions = {d["Name"]: d["Value"] for d in alarm["Dimensions"]}
        assert dimensions["EndpointConfigName"] == f"<{config}.EndpointConfigName>", name


def test_alarm_sees_what_the_broken_model_does_to_a_request(canary: Template) -> None:
    """The container answers 400, not 500: an alarm on server errors would let it through."""
    (errors,) = [
        alarm
        for _, alarm in canary.of_type("AWS::CloudWatch::Alarm")
        if alarm["MetricName"] == "InvocationModelErrors"
    ]
    assert (errors["Statistic"], errors["Threshold"]) == ("Average", 0.05)
    bake = shift(canary)["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"]
    assert errors["Period"] * errors["EvaluationPeriods"] < bake


def test_role_may_ask_for_exactly_these_alarms(canary: Template) -> None:
    asked = {
        resource
        for role, statement in statements(canary)
        if role.startswith("ModelRole")
        and "cloudwatch:DescribeAlarms" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    assert asked == {f"<{name}.Arn>" for name, _ in canary.of_type("AWS::CloudWatch::Alarm")}


def test_both_fleets_fit_a_new_account(canary: Template) -> None:
    (variant,) = canary.only("AWS::SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["InitialInstanceCount"] * 2 == 4
    assert variant["VariantName"] == "AllTraffic"


@pytest.mark.parametrize("model", ["challenger", "broken"])
def test_another_model_changes_the_artifact_and_nothing_else(
    model: str, canary: Template, deploy: Deploy
) -> None:
    other = deploy(model=model)
    changed = {
        name
        for name, resource in canary.resources.items()
        if other.resources[name]["Properties"] != resource["Properties"]
    }
    types = {canary.resources[name]["Type"] for name in changed}
    assert types == {"AWS::SageMaker::Model", "AWS::IAM::Policy"}
    assert canary.resources.keys() == other.resources.keys()


def test_command_for_the_traffic_is_among_the_outputs(canary: Template) -> None:
    assert "scripts.traffic" in str(canary.document["Outputs"]["TrafficCommand"]["Value"])
