"""Instances of a real-time variant that follow its load, or the clock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch

from mla_constructs.errors import InvalidArgument
from mla_constructs.scaling.instance_scaling import InstanceScaling, Step

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

METRIC = cloudwatch.Metric(
    namespace="AWS/SageMaker",
    metric_name="ConcurrentRequestsPerModel",
    statistic="Maximum",
    period=Duration.seconds(10),
)
MORNING = autoscaling.Schedule.cron(hour="8", minute="0", week_day="MON-FRI")


def scaling(parts: Parts, **changes: int) -> InstanceScaling:
    capacity = {"min_capacity": 1, "max_capacity": 4} | changes
    return InstanceScaling(parts.stack, "Scaling", endpoint=parts.realtime(), **capacity)


def track(made: InstanceScaling, rate: float, factor: float) -> None:
    made.track_invocations_per_instance(
        max_requests_per_second=rate,
        safety_factor=factor,
        scale_out_cooldown=Duration.seconds(60),
        scale_in_cooldown=Duration.seconds(300),
    )


def test_target_is_what_an_instance_sustains_in_a_minute_with_a_reserve(parts: Parts) -> None:
    track(scaling(parts), 50, 0.5)
    parts.template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "PolicyType": "TargetTrackingScaling",
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
                },
                "TargetValue": 50 * 0.5 * 60,
                "ScaleOutCooldown": 60,
                "ScaleInCooldown": 300,
            },
        },
    )
    parts.template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
            "MinCapacity": 1,
            "MaxCapacity": 4,
        },
    )


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        ({"min_capacity": 0}, "min_capacity is 0 and max_capacity is 4: choose 1 <= min_capacity"),
        ({"min_capacity": 5}, "min_capacity is 5 and max_capacity is 4: choose 1 <= min_capacity"),
        ({"max_capacity": 0}, "min_capacity is 1 and max_capacity is 0: choose 1 <= min_capacity"),
    ],
)
def test_bad_capacity_raises_with_the_values_and_the_fix(
    capacity: dict[str, int], message: str, parts: Parts
) -> None:
    """Above all: a real-time variant that names a model does not scale to zero."""
    with pytest.raises(InvalidArgument) as raised:
        scaling(parts, **capacity)
    assert message in str(raised.value)


@pytest.mark.parametrize("kind", ["asynchronous", "serverless"])
def test_endpoint_without_the_metrics_is_refused(kind: str, parts: Parts) -> None:
    """Above all: asynchronous endpoints publish no InvocationsPerInstance."""
    with pytest.raises(InvalidArgument, match="scale it by BacklogScaling if asynchronous"):
        InstanceScaling(
            parts.stack,
            "Scaling",
            endpoint=getattr(parts, kind)(),
            min_capacity=1,
            max_capacity=2,
        )


def test_unknown_variant_is_refused(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="variant_name is 'B': the endpoint's variants are "):
        InstanceScaling(
            parts.stack,
            "Scaling",
            endpoint=parts.realtime(),
            variant_name="B",
            min_capacity=1,
            max_capacity=2,
        )


@pytest.mark.parametrize(
    ("rate", "factor", "message"),
    [
        (0, 0.5, "max_requests_per_second is 0: give the positive rate"),
        (-2.5, 0.5, "max_requests_per_second is -2.5: give the positive rate"),
        (50, 0, "safety_factor is 0: choose a value from 0.01 to 1."),
        (50, -0.5, "safety_factor is -0.5: choose a value from 0.01 to 1."),
        (50, 1.01, "safety_factor is 1.01: choose a value from 0.01 to 1."),
        (50, 50, "safety_factor is 50: choose a value from 0.01 to 1."),
    ],
)
def test_bad_target_raises_with_the_value_and_the_fix(
    rate: float, factor: float, message: str, parts: Parts
) -> None:
    made = scaling(parts)
    with pytest.raises(InvalidArgument) as raised:
        track(made, rate, factor)
    assert message in str(raised.value)


@pytest.mark.parametrize(("rate", "factor"), [(0.1, 0.5), (50, 0.01), (50, 1)])
def test_edges_of_the_range_are_accepted(rate: float, factor: float, parts: Parts) -> None:
    track(scaling(parts, min_capacity=1, max_capacity=1), rate, factor)


def test_concurrent_requests_are_tracked_at_high_resolution(parts: Parts) -> None:
    scaling(parts).track_concurrent_requests(
        target=4, scale_out_cooldown=Duration.seconds(30), scale_in_cooldown=Duration.seconds(300)
    )
    parts.template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": (
                        "SageMakerVariantConcurrentRequestsPerModelHighResolution"
                    )
                },
                "TargetValue": 4,
                "ScaleOutCooldown": 30,
                "ScaleInCooldown": 300,
            },
        },
    )


@pytest.mark.parametrize("target", [0, -4])
def test_bad_concurrency_raises_with_the_value_and_the_fix(target: float, parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=f"target is {target}: give a positive number"):
        scaling(parts).track_concurrent_requests(
            target=target,
            scale_out_cooldown=Duration.seconds(30),
            scale_in_cooldown=Duration.seconds(300),
        )


def step(made: InstanceScaling, *steps: tuple[float, int], periods: int = 3) -> None:
    made.step_on(
        METRIC,
        steps=[Step(at=at, change=change) for at, change in steps],
        periods=periods,
        cooldown=Duration.seconds(60),
    )


def stepped(parts: Parts, operator: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the alarm with this operator and the configuration of the policy it calls."""
    (alarm,) = parts.template.find_resources(
        "AWS::CloudWatch::Alarm", {"Properties": {"ComparisonOperator": operator}}
    ).values()
    (action,) = alarm["Properties"]["AlarmActions"]
    policies = parts.template.find_resources("AWS::ApplicationAutoScaling::ScalingPolicy")
    policy = policies[action["Ref"]]["Properties"]["StepScalingPolicyConfiguration"]
    return alarm["Properties"], policy


def test_steps_reach_up_from_the_threshold_and_down_from_the_other(parts: Parts) -> None:
    made = scaling(parts)
    step(made, (4, 1), (8, 2), periods=3)
    step(made, (1, -1), (0.5, -2), periods=15)

    alarm, policy = stepped(parts, "GreaterThanOrEqualToThreshold")
    assert (alarm["Threshold"], alarm["Period"], alarm["EvaluationPeriods"]) == (4, 10, 3)
    assert policy == {
        "AdjustmentType": "ChangeInCapacity",
        "Cooldown": 60,
        "MetricAggregationType": "Maximum",
        "StepAdjustments": [
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 4, "ScalingAdjustment": 1},
            {"MetricIntervalLowerBound": 4, "ScalingAdjustment": 2},
        ],
    }
    alarm, policy = stepped(parts, "LessThanOrEqualToThreshold")
    assert (alarm["Threshold"], alarm["EvaluationPeriods"]) == (1, 15)
    assert policy["StepAdjustments"] == [
        {"MetricIntervalLowerBound": -0.5, "MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
        {"MetricIntervalUpperBound": -0.5, "ScalingAdjustment": -2},
    ]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "The number of steps is 0: choose a value from 1 to 20."),
        ([(n, 1) for n in range(21)], "The number of steps is 21: choose a value from 1 to 20."),
        ([(4, 1), (8, -1)], "steps change the capacity by [1, -1]: let all of them add or all"),
        ([(4, 1), (8, 0)], "steps change the capacity by [1, 0]: let all of them add or all"),
        (
            [(8, 1), (4, 2)],
            "steps are at [8, 4]: begin with the one next to the normal value, and go up",
        ),
        (
            [(1, -1), (2, -2)],
            "steps are at [1, 2]: begin with the one next to the normal value, and go down",
        ),
        ([(4, 1), (4, 2)], "steps are at [4, 4]"),
    ],
)
def test_bad_steps_raise_with_the_values_and_the_fix(
    steps: list[tuple[float, int]], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        step(scaling(parts), *steps)
    assert message in str(raised.value)


@pytest.mark.parametrize("first", ["out", "in"])
def test_out_and_in_that_call_each_other_raise(first: str, parts: Parts) -> None:
    made = scaling(parts)
    calls = {"out": (4, 1), "in": (4, -1)}
    step(made, calls.pop(first))
    with pytest.raises(InvalidArgument, match="removed at 4 and added at 4: leave a margin"):
        step(made, *calls.values())


@pytest.mark.parametrize("periods", [0, 8641])
def test_alarm_looks_back_for_a_day_at_most(periods: int, parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match=f"periods is {periods} of 10 s: choose a value from"):
        step(scaling(parts), (4, 1), periods=periods)


def test_schedule_sets_bounds_in_a_time_zone(parts: Parts) -> None:
    made = scaling(parts)
    made.schedule("Morning", at=MORNING, time_zone="Europe/Berlin", min_capacity=2)
    made.schedule("Evening", at=MORNING, time_zone="UTC", min_capacity=1, max_capacity=1)
    (target,) = parts.template.find_resources(
        "AWS::ApplicationAutoScaling::ScalableTarget"
    ).values()
    assert target["Properties"]["ScheduledActions"] == [
        {
            "ScheduledActionName": "Morning",
            "Schedule": "cron(0 8 ? * MON-FRI *)",
            "Timezone": "Europe/Berlin",
            "ScalableTargetAction": {"MinCapacity": 2},
        },
        {
            "ScheduledActionName": "Evening",
            "Schedule": "cron(0 8 ? * MON-FRI *)",
            "Timezone": "UTC",
            "ScalableTargetAction": {"MinCapacity": 1, "MaxCapacity": 1},
        },
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "Morning sets neither bound: give min_capacity or max_capacity."),
        ({"min_capacity": 0}, "Morning would scale between 0 and 4: choose 1 <= min_capacity"),
        ({"min_capacity": 5}, "Morning would scale between 5 and 4: choose 1 <= min_capacity"),
        ({"max_capacity": 0}, "Morning would scale between 1 and 0: choose 1 <= min_capacity"),
        ({"min_capacity": 2, "time_zone": "CEST"}, "time_zone is 'CEST': give an IANA name such"),
        ({"min_capacity": 2, "time_zone": "berlin"}, "time_zone is 'berlin': give an IANA name"),
    ],
)
def test_bad_schedule_raises_with_the_values_and_the_fix(
    changes: dict[str, Any], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        scaling(parts).schedule("Morning", **({"at": MORNING, "time_zone": "UTC"} | changes))
    assert message in str(raised.value)
