"""What the endpoints of all inference options have in common."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey


class Endpoint(Construct):
    """An endpoint with one production variant, its configuration and its encrypted log group.

    The endpoint carries the stack's name, so that its log group and the right to write to it can be
    created before it. The configuration's name is generated: CloudFormation replaces it on every
    change while the endpoint lives on.

    Args:
        scope: Parent construct.
        id: Construct ID.
        model: What the variant serves; its role is allowed to write the endpoint's logs.
        variant: The production variant; its name must not change while the endpoint lives.
        key: Encrypts the logs, and the volume of the instances or the copy of a serverless image.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.
        data_capture: Which requests and answers are recorded; None records nothing.
        async_inference: Where answers and notifications go; None answers in the response.

    Attributes:
        name: The endpoint's name, a token that makes its user depend on the endpoint.
        variant_name: Name of the production variant.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/
    aws-resource-sagemaker-endpoint.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model: HostedModel,
        variant: sagemaker.CfnEndpointConfig.ProductionVariantProperty,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        data_capture: sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None = None,
        async_inference: sagemaker.CfnEndpointConfig.AsyncInferenceConfigProperty | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.variant_name = variant.variant_name
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/sagemaker/Endpoints/{Aws.STACK_NAME}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        log_group.grant_writing(model.role)
        model.grant_metrics("/aws/sagemaker/Endpoints")
        model.grant_storage_key(key)

        config = sagemaker.CfnEndpointConfig(
            self,
            "Config",
            production_variants=[variant],
            kms_key_id=key.key_arn,
            data_capture_config=data_capture,
            async_inference_config=async_inference,
        )
        endpoint = sagemaker.CfnEndpoint(
            self,
            "Resource",
            endpoint_name=Aws.STACK_NAME,
            endpoint_config_name=config.attr_endpoint_config_name,
            # An update must not throw away the capacity that scaling has reached. From then on
            # the initial instance count of a new configuration has no effect.
            retain_all_variant_properties=True,
        )
        endpoint.node.add_dependency(log_group, model)
        self.name = endpoint.attr_endpoint_name

    def metric(
        self, name: str, *, statistic: str, unit: cloudwatch.Unit | None = None
    ) -> cloudwatch.Metric:
        """Returns a per-minute invocation metric of the variant (namespace AWS/SageMaker)."""
        return self._metric("AWS/SageMaker", name, statistic, unit)

    def metric_instance(self, name: str, *, statistic: str) -> cloudwatch.Metric:
        """Returns a per-minute utilization of the variant's instances in percent.

        CPUUtilization adds up the cores: two busy vCPUs are 200 %.
        """
        return self._metric("/aws/sagemaker/Endpoints", name, statistic, cloudwatch.Unit.PERCENT)

    def _metric(
        self, namespace: str, name: str, statistic: str, unit: cloudwatch.Unit | None
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map={"EndpointName": self.name, "VariantName": self.variant_name},
            statistic=statistic,
            unit=unit,
            period=Duration.minutes(1),
        )
