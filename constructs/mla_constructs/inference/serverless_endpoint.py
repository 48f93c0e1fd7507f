"""Serverless inference: compute that exists while there are requests."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.instance_variant import VARIANT_NAME
from mla_constructs.security.data_key import DataKey

MEMORY_SIZES_MB = (1024, 2048, 3072, 4096, 5120, 6144)


class ServerlessEndpoint(Endpoint):
    """An endpoint with one serverless variant.

    Args:
        scope: Parent construct.
        id: Construct ID.
        model: What it serves; without network isolation, which serverless does not support.
        memory_size_mb: 1024 to 6144 MB in steps of 1024; CPU grows with it.
        max_concurrency: Requests in flight, 1 to 200; more are throttled.
        provisioned_concurrency: Of these, how many never start cold, 1 to max_concurrency; None
            keeps nothing warm.
        key: Encrypts the logs and the copy of the image that SageMaker keeps.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Attributes:
        max_concurrency: As given; the most that can be provisioned.
        provisioned_concurrency: As given.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model: HostedModel,
        memory_size_mb: int,
        max_concurrency: int,
        provisioned_concurrency: int | None,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        if model.network_isolation:
            raise InvalidArgument(
                "The model's network_isolation is True: serverless inference does not support it, "
                "set it to False."
            )
        if memory_size_mb not in MEMORY_SIZES_MB:
            raise InvalidArgument(
                f"memory_size_mb is {memory_size_mb} MB: choose one of "
                f"{', '.join(map(str, MEMORY_SIZES_MB))} MB."
            )
        require_between("max_concurrency", max_concurrency, 1, 200)
        if provisioned_concurrency is not None:
            require_between("provisioned_concurrency", provisioned_concurrency, 1, max_concurrency)
        super().__init__(
            scope,
            id,
            variants=[
                sagemaker.CfnEndpointConfig.ProductionVariantProperty(
                    variant_name=VARIANT_NAME,
                    model_name=model.name,
                    initial_variant_weight=1,
                    serverless_config=sagemaker.CfnEndpointConfig.ServerlessConfigProperty(
                        memory_size_in_mb=memory_size_mb,
                        max_concurrency=max_concurrency,
                        provisioned_concurrency=provisioned_concurrency,
                    ),
                )
            ],
            roles=[model.role],
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        self.max_concurrency = max_concurrency
        self.provisioned_concurrency = provisioned_concurrency
