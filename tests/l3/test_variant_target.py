"""The capacity of a variant as Application Auto Scaling sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.errors import InvalidArgument
from mla_constructs.scaling.variant_target import variant_target

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def target(new_parts: type[Parts]) -> dict[str, Any]:
    parts = new_parts()
    variant_target(
        parts.stack,
        endpoint=parts.realtime(),
        dimension="sagemaker:variant:DesiredInstanceCount",
        min_capacity=2,
        max_capacity=6,
        smallest=1,
    )
    (found,) = parts.template.find_resources("AWS::ApplicationAutoScaling::ScalableTarget").values()
    (endpoint,) = parts.template.find_resources("AWS::SageMaker::Endpoint")
    return {"endpoint": endpoint, **found["Properties"]}


def test_target_depends_on_the_endpoint_by_reference(target: dict[str, Any]) -> None:
    """By name alone it would be registered before there is an endpoint, which is rejected."""
    assert target["ResourceId"] == {
        "Fn::Join": [
            "",
            [
                "endpoint/",
                {"Fn::GetAtt": [target["endpoint"], "EndpointName"]},
                "/variant/AllTraffic",
            ],
        ]
    }


def test_target_has_its_bounds_and_dimension(target: dict[str, Any]) -> None:
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 6)
    assert target["ServiceNamespace"] == "sagemaker"
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"


def test_target_has_the_service_linked_role(target: dict[str, Any]) -> None:
    assert target["RoleARN"]["Fn::Join"][1][-1] == (
        ":role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    )


def bounded(parts: Parts, smallest: int, minimum: int, maximum: int) -> object:
    return variant_target(
        parts.stack,
        endpoint=parts.realtime(),
        dimension="sagemaker:variant:DesiredInstanceCount",
        min_capacity=minimum,
        max_capacity=maximum,
        smallest=smallest,
    )


@pytest.mark.parametrize(("smallest", "minimum", "maximum"), [(1, 0, 4), (1, 5, 4), (0, -1, 4)])
def test_bad_bounds_raise_with_the_values_and_the_fix(
    smallest: int, minimum: int, maximum: int, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        bounded(parts, smallest, minimum, maximum)
    assert str(raised.value) == (
        f"min_capacity is {minimum} and max_capacity is {maximum}: choose "
        f"{smallest} <= min_capacity <= max_capacity."
    )


@pytest.mark.parametrize(("smallest", "minimum", "maximum"), [(1, 1, 1), (0, 0, 0), (0, 0, 1)])
def test_edges_of_the_bounds_are_accepted(
    smallest: int, minimum: int, maximum: int, parts: Parts
) -> None:
    assert bounded(parts, smallest, minimum, maximum)
