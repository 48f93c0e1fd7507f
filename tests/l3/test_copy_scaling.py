"""Copies of a component that follow its requests, down to none and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk.assertions import Template

from mla_constructs.errors import InvalidArgument
from mla_constructs.scaling.copy_scaling import CopyScaling

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


def scaling(parts: Parts, **changes: int) -> CopyScaling:
    capacity = {"min_capacity": 0, "max_capacity": 3} | changes
    return CopyScaling(parts.stack, "Scaling", component=parts.component(), **capacity)


def track(made: CopyScaling, target: float) -> None:
    made.track_invocations_per_copy(
        target=target,
        scale_out_cooldown=Duration.seconds(60),
        scale_in_cooldown=Duration.seconds(300),
    )


@pytest.fixture(scope="module")
def template(new_parts: type[Parts]) -> Template:
    parts = new_parts()
    made = scaling(parts)
    track(made, 300)
    made.wake_from_zero(cooldown=Duration.minutes(10))
    return parts.template


def only(template: Template, type_: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    ((name, found),) = template.find_resources(type_, {"Properties": properties}).items()
    return name, dict(found["Properties"])


def test_target_is_the_component_and_goes_before_it(template: Template) -> None:
    _, target = only(template, TARGET)
    assert target["ResourceId"]["Fn::Join"][1] == [
        "inference-component/",
        {"Ref": "AWS::StackName"},
        "-trees",
    ]
    assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)
    component, _ = only(template, "AWS::SageMaker::InferenceComponent")
    (resource,) = template.find_resources(TARGET).values()
    assert component in resource["DependsOn"]


def test_target_tracks_the_invocations_of_a_copy(template: Template) -> None:
    _, policy = only(template, POLICY, PolicyType="TargetTrackingScaling")
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerInferenceComponentInvocationsPerCopy"
        },
        "TargetValue": 300,
        "ScaleOutCooldown": 60,
        "ScaleInCooldown": 300,
    }


def test_waking_adds_one_copy_from_the_threshold_on(template: Template) -> None:
    _, policy = only(template, POLICY, PolicyType="StepScaling")
    assert policy["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Maximum",
        "Cooldown": 600,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }


def test_alarm_adds_up_a_minutes_failures_of_the_component(template: Template) -> None:
    step, _ = only(template, POLICY, PolicyType="StepScaling")
    _, alarm = only(template, "AWS::CloudWatch::Alarm")
    assert alarm.pop("AlarmDescription")
    assert alarm == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "NoCapacityInvocationFailures",
        "Dimensions": [
            {
                "Name": "InferenceComponentName",
                "Value": {"Fn::Join": ["", [{"Ref": "AWS::StackName"}, "-trees"]]},
            }
        ],
        "Statistic": "Sum",
        "Period": 60,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "EvaluationPeriods": 1,
        "DatapointsToAlarm": 1,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Ref": step}],
    }


def copies_added(alarm: dict[str, Any], policy: dict[str, Any], failures: int) -> int:
    """What CloudWatch and Application Auto Scaling make of one minute with so many failures."""
    breaches = {
        "GreaterThanThreshold": failures > alarm["Threshold"],
        "GreaterThanOrEqualToThreshold": failures >= alarm["Threshold"],
    }[alarm["ComparisonOperator"]]
    above = failures - alarm["Threshold"]
    return sum(
        step["ScalingAdjustment"]
        for step in policy["StepScalingPolicyConfiguration"]["StepAdjustments"]
        if breaches
        and step.get("MetricIntervalLowerBound", float("-inf")) <= above
        and above < step.get("MetricIntervalUpperBound", float("inf"))
    )


@pytest.mark.parametrize(("failures", "added"), [(0, 0), (1, 1), (2, 1), (500, 1)])
def test_one_failed_call_is_enough_and_many_add_no_more(
    failures: int, added: int, template: Template
) -> None:
    _, policy = only(template, POLICY, PolicyType="StepScaling")
    _, alarm = only(template, "AWS::CloudWatch::Alarm")
    assert copies_added(alarm, policy, failures) == added


def test_the_published_comparison_would_sleep_through_one_failed_call(template: Template) -> None:
    _, policy = only(template, POLICY, PolicyType="StepScaling")
    published = {"ComparisonOperator": "GreaterThanThreshold", "Threshold": 1}
    assert copies_added(published, policy, 1) == 0


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        ({"min_capacity": -1}, "min_capacity is -1 and max_capacity is 3: choose 0 <= min_"),
        ({"min_capacity": 4}, "min_capacity is 4 and max_capacity is 3: choose 0 <= min_"),
    ],
)
def test_bad_capacity_raises_with_the_values_and_the_fix(
    capacity: dict[str, int], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        scaling(parts, **capacity)
    assert message in str(raised.value)


@pytest.mark.parametrize("target", [0, -1])
def test_bad_target_raises_with_the_value_and_the_fix(target: float, parts: Parts) -> None:
    made = scaling(parts)
    with pytest.raises(InvalidArgument) as raised:
        track(made, target)
    assert str(raised.value) == f"target is {target:g}: give a positive number of invocations."
