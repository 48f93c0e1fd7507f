"""Provisioned concurrency of a serverless variant that follows its use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_cdk import Duration

from mla_constructs.errors import InvalidArgument
from mla_constructs.scaling.provisioned_concurrency_scaling import ProvisionedConcurrencyScaling

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def scaling(parts: Parts, **changes: int) -> ProvisionedConcurrencyScaling:
    """Returns the scaling of an endpoint whose maximum concurrency is 5."""
    capacity = {"min_capacity": 1, "max_capacity": 4} | changes
    return ProvisionedConcurrencyScaling(
        parts.stack, "Scaling", endpoint=parts.serverless(max_concurrency=5), **capacity
    )


def track(made: ProvisionedConcurrencyScaling, target: float) -> None:
    made.track_utilization(
        target=target,
        scale_out_cooldown=Duration.seconds(60),
        scale_in_cooldown=Duration.seconds(300),
    )


def test_a_dimension_of_its_own_is_scaled_by_its_share_in_use(parts: Parts) -> None:
    track(scaling(parts), 0.7)
    parts.template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        {
            "ScalableDimension": "sagemaker:variant:DesiredProvisionedConcurrency",
            "MinCapacity": 1,
            "MaxCapacity": 4,
        },
    )
    parts.template.has_resource_properties(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        {
            "TargetTrackingScalingPolicyConfiguration": {
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
                },
                "TargetValue": 0.7,
                "ScaleOutCooldown": 60,
                "ScaleInCooldown": 300,
            }
        },
    )


@pytest.mark.parametrize(
    ("capacity", "message"),
    [
        ({"min_capacity": 0}, "min_capacity is 0 and max_capacity is 4: choose 1 <= min_capacity"),
        ({"max_capacity": 6}, "max_capacity is 6: choose a value from 1 to 5."),
        ({"max_capacity": 0}, "max_capacity is 0: choose "),
        pytest.param(
            {"min_capacity": 9},
            "min_capacity is 9",
        ),
    ],
)
def test_bad_capacity_raises_with_the_values_and_the_fix(
    capacity: dict[str, int], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        scaling(parts, **capacity)
    assert message in str(raised.value)


@pytest.mark.parametrize("target", [0, -0.7, 1.01, 70])
def test_bad_target_raises_with_the_value_and_the_fix(target: float, parts: Parts) -> None:
    """70 is how a percentage would be given: the metric is a ratio."""
    made = scaling(parts)
    with pytest.raises(InvalidArgument) as raised:
        track(made, target)
    assert str(raised.value) == f"target is {target:g}: choose a value from 0.01 to 1."


@pytest.mark.parametrize(
    ("capacity", "target"),
    [({"max_capacity": 5}, 0.01), ({"min_capacity": 5, "max_capacity": 5}, 1)],
)
def test_edges_of_the_range_are_accepted(
    capacity: dict[str, int], target: float, parts: Parts
) -> None:
    track(scaling(parts, **capacity), target)
