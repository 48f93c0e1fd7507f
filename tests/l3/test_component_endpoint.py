"""An endpoint without a model."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.component_endpoint import ComponentEndpoint

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def config(new_parts: type[Parts]) -> dict[str, Any]:
    parts = new_parts()
    parts.components()
    (found,) = parts.template.find_resources("AWS::SageMaker::EndpointConfig").values()
    (role,) = parts.template.find_resources("AWS::IAM::Role")
    return {"role": role, **found["Properties"]}


def test_variant_is_instances_that_sagemaker_scales(config: dict[str, Any]) -> None:
    assert config["ProductionVariants"] == [
        {
            "VariantName": "AllTraffic",
            "InstanceType": "ml.m5.large",
            "InitialInstanceCount": 1,
            "ManagedInstanceScaling": {
                "Status": "ENABLED",
                "MinInstanceCount": 0,
                "MaxInstanceCount": 2,
            },
            "RoutingConfig": {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"},
        }
    ]


def test_role_and_isolation_are_the_endpoints(config: dict[str, Any]) -> None:
    assert config["ExecutionRoleArn"] == {"Fn::GetAtt": [config["role"], "Arn"]}
    assert config["EnableNetworkIsolation"] is True


def test_there_is_no_way_to_give_it_a_model() -> None:
    assert (
        not {"model", "model_name", "variants"}
        & inspect.signature(ComponentEndpoint).parameters.keys()
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_type": "m5.large"}, "instance_type is 'm5.large': write it as SageMaker does"),
        ({"initial_instance_count": 0}, "initial_instance_count is 0: choose a value from 1 to 2"),
        ({"initial_instance_count": 3}, "initial_instance_count is 3: choose a value from 1 to 2"),
        (
            {"min_instance_count": -1},
            "min_instance_count is -1 and max_instance_count is 2: choose 0 <= min_instance_count",
        ),
        (
            {"min_instance_count": 3},
            "min_instance_count is 3 and max_instance_count is 2: choose 0 <= min_instance_count",
        ),
    ],
)
def test_bad_value_raises_with_the_value_and_the_fix(
    changes: dict[str, Any], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parts.components(**changes)
    assert message in str(raised.value)


def test_edges_are_accepted(parts: Parts) -> None:
    assert parts.components(initial_instance_count=1, min_instance_count=1, max_instance_count=1)
