"""An endpoint whose requests are copied to a second model, and both answers recorded."""

from __future__ import annotations

from aws_cdk import RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.inference.realtime_endpoint import DataCapture, recorded
from mla_constructs.security.data_key import DataKey

Variant = sagemaker.CfnEndpointConfig.ProductionVariantProperty


class ShadowEndpoint(Endpoint):
    """One production variant that answers, and one shadow variant that gets a copy.

    Args:
        scope: Parent construct.
        id: Construct ID.
        production: The variant whose answers clients get.
        shadow: The variant whose answers nobody gets. Its weight is taken for the share of the
            requests that are copied, in proportion to the production variant's: the guide's example
            has equal weights, and no page says more.
        production_role: Execution role of the production variant's model.
        shadow_role: Execution role of the shadow variant's model.
        data_capture: Where the requests and answers of both are recorded.
        key: Encrypts logs, captured data and the instances' volumes.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Raises:
        InvalidArgument: The variants share a name, or one has what shadow tests exclude:
            serverless configurations and Inf1 instances. Models from AWS Marketplace, multi-model
            and multi-container ones are excluded as well; that cannot be seen here.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/shadow-tests.html
    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-shadow-deployment.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        production: Variant,
        shadow: Variant,
        production_role: ExecutionRole,
        shadow_role: ExecutionRole,
        data_capture: DataCapture,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        if production.variant_name == shadow.variant_name:
            raise InvalidArgument(
                f"Both variants are named {shadow.variant_name!r}: give the shadow another name, "
                "its metrics and its captured data are told apart by it."
            )
        for variant in (production, shadow):
            _require_supported(variant)
        super().__init__(
            scope,
            id,
            variants=[production],
            shadow_variants=[shadow],
            roles=[production_role, shadow_role],
            data_capture=recorded(data_capture, key),
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )

    @property
    def shadow_variant_name(self) -> str:
        """Name of the shadow variant, by which its metrics are told apart."""
        (name,) = self.shadow_variant_names
        return name


def _require_supported(variant: Variant) -> None:
    if variant.serverless_config:
        raise InvalidArgument(
            f"Variant {variant.variant_name} is serverless: shadow tests need instances."
        )
    if (variant.instance_type or "").startswith("ml.inf1."):
        raise InvalidArgument(
            f"Variant {variant.variant_name} runs on {variant.instance_type}: shadow tests exclude "
            "Inf1, choose another type."
        )
