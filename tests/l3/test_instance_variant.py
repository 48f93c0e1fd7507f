"""A production variant on instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.instance_variant import instance_variant

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

Variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty


def variant(parts: Parts, **changes: Any) -> Variant:
    arguments: dict[str, Any] = {
        "model": parts.model,
        "instance_type": "ml.m5.large",
        "initial_instance_count": 2,
        "model_data_download_timeout": Duration.minutes(10),
        "container_startup_health_check_timeout": Duration.minutes(5),
    }
    return instance_variant(**(arguments | changes))


@pytest.fixture(scope="module")
def parts(new_parts: type[Parts]) -> Parts:
    return new_parts()


def test_variant_takes_all_traffic_with_what_it_was_given(parts: Parts) -> None:
    made = variant(parts, routing_strategy="RANDOM")
    assert (made.variant_name, made.initial_variant_weight) == ("AllTraffic", 1)
    assert (made.model_name, made.instance_type) == (parts.model.name, "ml.m5.large")
    assert made.initial_instance_count == 2
    assert made.model_data_download_timeout_in_seconds == 600
    assert made.container_startup_health_check_timeout_in_seconds == 300
    routing = made.routing_config
    assert isinstance(routing, sagemaker.CfnEndpointConfig.RoutingConfigProperty)
    assert routing.routing_strategy == "RANDOM"


def test_one_of_several_variants_has_a_name_a_weight_and_an_image_of_the_instance(
    parts: Parts,
) -> None:
    made = variant(
        parts,
        variant_name="Gpu",
        weight=0.5,
        instance_type="ml.g4dn.xlarge",
        inference_ami_version="al2023-ami-sagemaker-inference-gpu-4-1",
    )
    assert (made.variant_name, made.initial_variant_weight) == ("Gpu", 0.5)
    assert made.inference_ami_version == "al2023-ami-sagemaker-inference-gpu-4-1"


def test_where_a_queue_spreads_the_requests_there_is_no_routing(parts: Parts) -> None:
    assert variant(parts).routing_config is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"instance_type": "m5.large"}, "instance_type is 'm5.large': write it as SageMaker does"),
        ({"instance_type": "ml.m5"}, "instance_type is 'ml.m5': write it as SageMaker does"),
        ({"instance_type": "ML.m5.large"}, "instance_type is 'ML.m5.large': write it as"),
        ({"instance_type": "ml.m5.large "}, "instance_type is 'ml.m5.large ': write it as"),
        ({"instance_type": ""}, "instance_type is '': write it as"),
        ({"initial_instance_count": 0}, "initial_instance_count is 0: choose a value from 1"),
        ({"initial_instance_count": -1}, "initial_instance_count is -1: choose a value from 1"),
        ({"initial_instance_count": 10_001}, "initial_instance_count is 10001: choose a value"),
        pytest.param(
            {"initial_instance_count": 1_234_567},
            "initial_instance_count is 1234567: choose a value",
        ),
        (
            {"model_data_download_timeout": Duration.seconds(59)},
            "model_data_download_timeout is 59 s: choose a value from 60 to 3600 s",
        ),
        (
            {"model_data_download_timeout": Duration.seconds(3601)},
            "model_data_download_timeout is 3601 s: choose a value from 60 to 3600 s",
        ),
        (
            {"container_startup_health_check_timeout": Duration.seconds(59)},
            "container_startup_health_check_timeout is 59 s: choose a value from 60 to 3600 s",
        ),
        (
            {"container_startup_health_check_timeout": Duration.seconds(3601)},
            "container_startup_health_check_timeout is 3601 s: choose a value from 60 to 3600 s",
        ),
    ],
)
def test_bad_value_raises_with_the_value_and_the_fix(
    changes: dict[str, Any], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        variant(parts, **changes)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"instance_type": "ml.inf2.48xlarge"},
        {"instance_type": "ml.p4de.24xlarge"},
        {"instance_type": "ml.u-6tb1.metal"},
        {"initial_instance_count": 1},
        {"initial_instance_count": 10_000},
        {"model_data_download_timeout": Duration.seconds(60)},
        {"model_data_download_timeout": Duration.seconds(3600)},
        {"container_startup_health_check_timeout": Duration.seconds(60)},
        {"container_startup_health_check_timeout": Duration.seconds(3600)},
    ],
    ids=str,
)
def test_edges_of_the_range_are_accepted(changes: dict[str, Any], parts: Parts) -> None:
    assert variant(parts, **changes)
