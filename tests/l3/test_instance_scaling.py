"""Instances of a real-time variant that follow the number of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import Duration

from mla_constructs.errors import InvalidArgument
from mla_constructs.scaling.instance_scaling import InstanceScaling

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


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
