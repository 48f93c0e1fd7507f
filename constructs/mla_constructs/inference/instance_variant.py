"""A production variant on instances, as real-time and asynchronous endpoints have it."""

from __future__ import annotations

import re
from typing import Literal

from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.served_model import ServedModel

RoutingStrategy = Literal["LEAST_OUTSTANDING_REQUESTS", "RANDOM"]

VARIANT_NAME = "AllTraffic"


def instance_variant(
    *,
    model: ServedModel,
    instance_type: str,
    initial_instance_count: int,
    model_data_download_timeout: Duration,
    container_startup_health_check_timeout: Duration,
    routing_strategy: RoutingStrategy | None = None,
    variant_name: str = VARIANT_NAME,
    weight: float = 1,
    inference_ami_version: str | None = None,
) -> sagemaker.CfnEndpointConfig.ProductionVariantProperty:
    """Returns a variant that names the model it serves.

    Args:
        model: What it serves.
        instance_type: Such as "ml.m5.large".
        initial_instance_count: Instances at creation, at least 1; afterwards scaling decides.
        model_data_download_timeout: Time to fetch the artifact, 60 to 3600 s.
        container_startup_health_check_timeout: Time until /ping answers, 60 to 3600 s.
        routing_strategy: How requests are spread over instances; None where a queue does it.
        variant_name: Must not change while the endpoint lives.
        weight: Its share of the traffic, in proportion to the other variants' weights.
        inference_ami_version: Image of the instance, which brings an accelerator's driver; None
            takes what SageMaker chooses.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
    """
    require_instance_type(instance_type)
    require_between("initial_instance_count", initial_instance_count, 1, 10_000)
    require_startup_times(model_data_download_timeout, container_startup_health_check_timeout)

    return sagemaker.CfnEndpointConfig.ProductionVariantProperty(
        variant_name=variant_name,
        model_name=model.name,
        instance_type=instance_type,
        initial_instance_count=initial_instance_count,
        initial_variant_weight=weight,
        inference_ami_version=inference_ami_version,
        model_data_download_timeout_in_seconds=model_data_download_timeout.to_seconds(),
        container_startup_health_check_timeout_in_seconds=(
            container_startup_health_check_timeout.to_seconds()
        ),
        routing_config=sagemaker.CfnEndpointConfig.RoutingConfigProperty(
            routing_strategy=routing_strategy
        )
        if routing_strategy
        else None,
    )


def require_instance_type(instance_type: str) -> None:
    """Raises InvalidArgument unless it is written as SageMaker writes instance types."""
    if not re.fullmatch(r"ml\.[a-z0-9-]+\.[a-z0-9]+", instance_type):
        raise InvalidArgument(
            f"instance_type is {instance_type!r}: write it as SageMaker does, like 'ml.m5.large'."
        )


def require_startup_times(
    model_data_download_timeout: Duration, container_startup_health_check_timeout: Duration
) -> None:
    """Raises InvalidArgument unless both are from 60 to 3600 s."""
    for name, timeout in (
        ("model_data_download_timeout", model_data_download_timeout),
        ("container_startup_health_check_timeout", container_startup_health_check_timeout),
    ):
        require_between(name, timeout.to_seconds(), 60, 3600, unit="s")
