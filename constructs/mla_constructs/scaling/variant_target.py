"""The capacity of an endpoint as Application Auto Scaling sees it."""

from __future__ import annotations

from typing import Literal

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_iam as iam
from constructs import Construct

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.endpoint import Endpoint

Dimension = Literal[
    "sagemaker:variant:DesiredInstanceCount",
    "sagemaker:variant:DesiredProvisionedConcurrency",
    "sagemaker:inference-component:DesiredCopyCount",
]


def variant_target(
    scope: Construct,
    *,
    endpoint: Endpoint,
    dimension: Dimension,
    min_capacity: int,
    max_capacity: int,
    smallest: int,
    variant_name: str | None = None,
) -> autoscaling.ScalableTarget:
    """Returns the variant's scalable target, created after its endpoint and deleted before it.

    Args:
        scope: Parent construct.
        endpoint: The endpoint.
        dimension: What is scaled.
        min_capacity: Lower bound of the capacity.
        max_capacity: Upper bound of the capacity.
        smallest: Lowest minimum the inference option accepts.
        variant_name: Which variant; None is the endpoint's only one.

    Raises:
        InvalidArgument: The bounds are out of order or below what the option accepts, or the
            endpoint has no such variant.
    """
    names = [*endpoint.variant_names, *endpoint.shadow_variant_names]
    if variant_name is not None and variant_name not in names:
        raise InvalidArgument(
            f"variant_name is {variant_name!r}: the endpoint's variants are {', '.join(names)}."
        )
    return scalable_target(
        scope,
        resource_id=f"endpoint/{endpoint.name}/variant/{variant_name or endpoint.variant_name}",
        dimension=dimension,
        min_capacity=min_capacity,
        max_capacity=max_capacity,
        smallest=smallest,
    )


def scalable_target(
    scope: Construct,
    *,
    resource_id: str,
    dimension: Dimension,
    min_capacity: int,
    max_capacity: int,
    smallest: int,
) -> autoscaling.ScalableTarget:
    """Returns a scalable target of SageMaker.

    Args:
        scope: Parent construct.
        resource_id: What is scaled, as Application Auto Scaling names it.
        dimension: Which capacity of it.
        min_capacity: Lower bound of the capacity.
        max_capacity: Upper bound of the capacity.
        smallest: Lowest minimum that is accepted.

    Raises:
        InvalidArgument: The bounds are out of order or below what is accepted.

    Source: https://docs.aws.amazon.com/autoscaling/application/userguide/
    services-that-can-integrate-sagemaker.html
    """
    if not smallest <= min_capacity <= max_capacity:
        raise InvalidArgument(
            f"min_capacity is {min_capacity} and max_capacity is {max_capacity}: choose "
            f"{smallest} <= min_capacity <= max_capacity."
        )
    return autoscaling.ScalableTarget(
        scope,
        "Target",
        service_namespace=autoscaling.ServiceNamespace.SAGEMAKER,
        resource_id=resource_id,
        scalable_dimension=dimension,
        min_capacity=min_capacity,
        max_capacity=max_capacity,
        role=_service_linked_role(scope),
    )


def _service_linked_role(scope: Construct) -> iam.IRole:
    """Application Auto Scaling creates this role itself; one of our own would never be used."""
    stack = Stack.of(scope)
    return iam.Role.from_role_arn(
        scope,
        "ServiceLinkedRole",
        stack.format_arn(
            service="iam",
            region="",
            resource="role",
            resource_name="aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
            "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        ),
        mutable=False,
    )
