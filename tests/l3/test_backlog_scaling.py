"""Instances of an asynchronous variant that follow its queue, down to none and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from mla_constructs.errors import InvalidArgument
from mla_constructs.scaling.backlog_scaling import BacklogScaling

if TYPE_CHECKING:
    from aws_cdk.assertions import Template

    from tests.l3.conftest import Parts

POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"


def scaling(parts: Parts, **changes: int) -> BacklogScaling:
    capacity = {"min_capacity": 0, "max_capacity": 4} | changes
    return BacklogScaling(parts.stack, "Scaling", endpoint=parts.asynchronous(), **capacity)


def track(made: BacklogScaling, target: float) -> None:
    made.track_backlog_per_instance(
        target=target,
        scale_out_cooldown=Duration.seconds(300),
        scale_in_cooldown=Duration.seconds(600),
    )


@pytest.fixture(scope="module")
def template(new_parts: type[Parts]) -> Template:
    parts = new_parts()
    made = scaling(parts)
    track(made, 5)
    made.wake_from_zero(minutes=2, cooldown=Duration.seconds(240))
    return parts.template


def only(template: Template, type_: str, **properties: Any) -> tuple[str, dict[str, Any]]:
    ((name, resource),) = template.find_resources(type_, {"Properties": properties}).items()
    return name, resource["Properties"]


def test_target_goes_down_to_zero(template: Template) -> None:
    _, target = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 4)
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"


def test_backlog_per_instance_is_tracked_by_the_endpoint_only(template: Template) -> None:
    """With a VariantName among the dimensions there is no such metric."""
    endpoint, _ = only(template, "AWS::SageMaker::Endpoint")
    _, policy = only(template, POLICY, PolicyType="TargetTrackingScaling")
    assert policy["TargetTrackingScalingPolicyConfiguration"] == {
        "CustomizedMetricSpecification": {
            "Namespace": "AWS/SageMaker",
            "MetricName": "ApproximateBacklogSizePerInstance",
            "Dimensions": [
                {"Name": "EndpointName", "Value": {"Fn::GetAtt": [endpoint, "EndpointName"]}}
            ],
            "Statistic": "Average",
        },
        "TargetValue": 5,
        "ScaleOutCooldown": 300,
        "ScaleInCooldown": 600,
    }


def test_waking_adds_one_instance_from_the_threshold_on(template: Template) -> None:
    _, policy = only(template, POLICY, PolicyType="StepScaling")
    assert policy["StepScalingPolicyConfiguration"] == {
        "AdjustmentType": "ChangeInCapacity",
        "MetricAggregationType": "Average",
        "Cooldown": 240,
        "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    }


def test_alarm_wakes_when_requests_wait_without_an_instance(template: Template) -> None:
    endpoint, _ = only(template, "AWS::SageMaker::Endpoint")
    step, _ = only(template, POLICY, PolicyType="StepScaling")
    _, alarm = only(template, "AWS::CloudWatch::Alarm")
    assert alarm.pop("AlarmDescription")
    assert alarm == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "HasBacklogWithoutCapacity",
        "Dimensions": [
            {"Name": "EndpointName", "Value": {"Fn::GetAtt": [endpoint, "EndpointName"]}}
        ],
        "Statistic": "Average",
        "Period": 60,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "EvaluationPeriods": 2,
        "DatapointsToAlarm": 2,
        "TreatMissingData": "missing",
        "AlarmActions": [{"Ref": step}],
    }


def test_both_policies_scale_one_target(template: Template) -> None:
    target, _ = only(template, "AWS::ApplicationAutoScaling::ScalableTarget")
    policies = template.find_resources(POLICY).values()
    assert [policy["Properties"]["ScalingTargetId"] for policy in policies] == [
        {"Ref": target},
        {"Ref": target},
    ]


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        ({"min_capacity": -1}, "min_capacity is -1 and max_capacity is 4: choose 0 <= min_"),
        ({"min_capacity": 5}, "min_capacity is 5 and max_capacity is 4: choose 0 <= min_"),
        ({"max_capacity": -1}, "min_capacity is 0 and max_capacity is -1: choose 0 <= min_"),
    ],
)
def test_bad_capacity_raises_with_the_values_and_the_fix(
    capacity: dict[str, int], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        scaling(parts, **capacity)
    assert message in str(raised.value)


@pytest.mark.parametrize("target", [0, -0.5])
def test_bad_target_raises_with_the_value_and_the_fix(target: float, parts: Parts) -> None:
    made = scaling(parts)
    with pytest.raises(InvalidArgument) as raised:
        track(made, target)
    assert str(raised.value) == f"target is {target:g}: give a positive number of requests."


def test_smallest_values_are_accepted(parts: Parts) -> None:
    made = scaling(parts, min_capacity=0, max_capacity=0)
    track(made, 0.1)
