"""What the endpoints of all inference options have in common."""

from __future__ import annotations

from collections.abc import Sequence

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey


class Endpoint(Construct):
    """An endpoint, its configuration and its encrypted log group.

    The endpoint carries the stack's name, so that its log group and the right to write to it can be
    created before it. The configuration's name is generated: CloudFormation replaces it on every
    change while the endpoint lives on.

    Args:
        scope: Parent construct.
        id: Construct ID.
        variants: The production variants; their names must not change while the endpoint lives.
        roles: Execution roles of what the variants serve; they may write the endpoint's logs.
        key: Encrypts the logs, and the volumes of the instances or the copy of a serverless image.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.
        name: The endpoint's name; a stack with several endpoints adds a suffix to its own.
        data_capture: Which requests and answers are recorded; None records nothing.
        async_inference: Where answers and notifications go; None answers in the response.
        shadow_variants: Variants that get a copy of the requests and whose answers nobody sees.
        execution_role: Under which variants without a model run; they serve inference components.
        network_isolation: True cuts off the containers of all inference components; None where
            each model says so itself.

    Attributes:
        name: The endpoint's name, a token that makes its user depend on the endpoint.
        arn: Its ARN, for whoever may invoke it.
        config: Its configuration.
        resource: The endpoint itself, for what is built around it: DeploymentGuardrails decides how
            its updates move the traffic.
        variants: The production variants as given.
        variant_names: Names of the production variants, in the order given.
        shadow_variant_names: Names of the shadow variants.

    Raises:
        InvalidArgument: A variant that names a model is scaled by SageMaker, or one that names none
            has no execution role: SageMaker rejects both.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
    aws-resource-sagemaker-endpoint.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        variants: Sequence[sagemaker.CfnEndpointConfig.ProductionVariantProperty],
        roles: Sequence[ExecutionRole],
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        name: str = Aws.STACK_NAME,
        data_capture: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None = None,
        async_inference: sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty | None = None,
        shadow_variants: Sequence[sagemaker.CfnEndpointConfig.ProductionVariantProperty] = (),
        execution_role: ExecutionRole | None = None,
        network_isolation: bool | None = None,
    ) -> None:
        for variant in variants:
            _require_model_or_role(variant, execution_role)
        super().__init__(scope, id)
        self.variants = list(variants)
        self.variant_names = [variant.variant_name for variant in variants]
        self.shadow_variant_names = [variant.variant_name for variant in shadow_variants]
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/sagemaker/Endpoints/{name}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        for role in roles:
            log_group.grant_writing(role)
            role.grant_metrics("/aws/sagemaker/Endpoints")
            role.grant_storage_key(key)

        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=list(variants),
            shadow_production_variants=list(shadow_variants) or None,
            execution_role_arn=execution_role.role_arn if execution_role else None,
            enable_network_isolation=network_isolation,
            kms_key_id=key.key_arn,
            data_capture_config=data_capture,
            async_inference_config=async_inference,
        )
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=name,
            endpoint_config_name=config.attr_endpoint_config_name,
            # An update must not throw away the capacity that scaling has reached. From then on
            # the initial instance count of a new configuration has no effect.
            retain_all_variant_properties=True,
        )
        # A container that starts writes logs and metrics at once: its role is complete by then.
        endpoint.node.add_dependency(
            log_group, *(r.node.find_child("DefaultPolicy") for r in roles)
        )
        self.name = endpoint.attr_endpoint_name
        self.arn = endpoint.ref
        self.config = config
        self.resource = endpoint
        self._plain_name = name
        self._config_name = config.attr_endpoint_config_name

    @property
    def variant_name(self) -> str:
        """Name of the endpoint's one production variant."""
        (name,) = self.variant_names
        return name

    def metric(
        self,
        name: str,
        *,
        statistic: str,
        unit: cloudwatch.Unit | None = None,
        variant_name: str | None = None,
    ) -> cloudwatch.Metric:
        """Returns a per-minute invocation metric of a variant (namespace AWS/SageMaker).

        Args:
            name: Such as "Invocations".
            statistic: Such as "Sum" or "p99".
            unit: Such as microseconds; None takes the metric's own.
            variant_name: Whose; None is the endpoint's one variant.
        """
        return self._metric("AWS/SageMaker", name, statistic, unit, variant_name)

    def metric_new_fleet(
        self, name: str, *, statistic: str, unit: cloudwatch.Unit | None = None
    ) -> cloudwatch.Metric:
        """Returns a per-minute invocation metric of what serves the template's configuration.

        For alarms that decide on an update: they see the new fleet alone, and are there before the
        endpoint is updated.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
        deployment-guardrails-configuration.html
        """
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map={
                "EndpointName": self._plain_name,
                "VariantName": self.variant_name,
                "EndpointConfigName": self._config_name,
            },
            statistic=statistic,
            unit=unit,
            period=Duration.minutes(1),
        )

    def metric_instance(
        self,
        name: str,
        *,
        statistic: str,
        unit: cloudwatch.Unit | None = cloudwatch.Unit.PERCENT,
        variant_name: str | None = None,
    ) -> cloudwatch.Metric:
        """Returns a per-minute metric of a variant's instances, most of which are in percent.

        CPUUtilization adds up the cores: two busy vCPUs are 200 %.
        """
        return self._metric("/aws/sagemaker/Endpoints", name, statistic, unit, variant_name)

    def metric_container(
        self, hostname: str, name: str, *, statistic: str, unit: cloudwatch.Unit | None = None
    ) -> cloudwatch.Metric:
        """Returns a per-minute invocation metric of one container of the endpoint's one variant."""
        return self.metric(name, statistic=statistic, unit=unit).with_(
            dimensions_map={
                "EndpointName": self.name,
                "VariantName": self.variant_name,
                "ContainerName": hostname,
            }
        )

    def _metric(
        self,
        namespace: str,
        name: str,
        statistic: str,
        unit: cloudwatch.Unit | None,
        variant_name: str | None,
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={
                "EndpointName": self.name,
                "VariantName": variant_name or self.variant_name,
            },
            statistic=statistic,
            unit=unit,
            period=Duration.minutes(1),
        )


def _require_model_or_role(
    variant: sagemaker.CfnEndpointConfig.ProductionVariantProperty, role: ExecutionRole | None
) -> None:
    name = variant.variant_name
    if variant.model_name and variant.managed_instance_scaling:
        raise InvalidArgument(
            f"Variant {name!r} names a model and has managed instance scaling: SageMaker scales "
            "instances for inference components only, leave one of the two out."
        )
    if not variant.model_name and role is None:
        raise InvalidArgument(
            f"Variant {name!r} names no model and execution_role is None: inference components "
            "run under the endpoint's role, give it one."
        )
