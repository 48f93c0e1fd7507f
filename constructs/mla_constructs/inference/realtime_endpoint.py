"""Real-time inference: instances that wait for requests."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.instance_variant import RoutingStrategy, instance_variant
from mla_constructs.inference.served_model import ServedModel
from mla_constructs.security.data_key import DataKey


@dataclass(frozen=True, kw_only=True)
class DataCapture:
    """Requests and answers recorded in S3, the raw material of monitoring a model.

    Attributes:
        bucket: Receives them; the model's role needs write access to the prefix.
        prefix: Below which key, without a slash at the end.
        percentage: Share of the requests that is recorded, 0 to 100 %.
    """

    bucket: s3.IBucket
    prefix: str
    percentage: int


class RealtimeEndpoint(Endpoint):
    """An endpoint with one variant on instances that answers within the request.

    Args:
        scope: Parent construct.
        id: Construct ID.
        model: What it serves.
        instance_type: Such as "ml.m5.large".
        initial_instance_count: Instances at creation, at least 1; afterwards scaling decides.
        routing_strategy: LEAST_OUTSTANDING_REQUESTS sends a request to the instance with the
            fewest requests in flight, RANDOM to any.
        model_data_download_timeout: Time to fetch the artifact, 60 to 3600 s.
        container_startup_health_check_timeout: Time until /ping answers, 60 to 3600 s.
        data_capture: What is recorded; None records nothing.
        key: Encrypts logs, captured data and the instances' volumes.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.
        name: The endpoint's name; a stack with several endpoints adds a suffix to its own.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/realtime-endpoints.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model: ServedModel,
        instance_type: str,
        initial_instance_count: int,
        routing_strategy: RoutingStrategy,
        model_data_download_timeout: Duration,
        container_startup_health_check_timeout: Duration,
        data_capture: DataCapture | None,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        name: str = Aws.STACK_NAME,
    ) -> None:
        super().__init__(
            scope,
            id,
            variants=[
                instance_variant(
                    model=model,
                    instance_type=instance_type,
                    initial_instance_count=initial_instance_count,
                    model_data_download_timeout=model_data_download_timeout,
                    container_startup_health_check_timeout=container_startup_health_check_timeout,
                    routing_strategy=routing_strategy,
                )
            ],
            roles=[model.role],
            name=name,
            data_capture=recorded(data_capture, key) if data_capture else None,
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )


def recorded(
    capture: DataCapture, key: DataKey
) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty:
    """Returns the data capture as an endpoint configuration takes it.

    Raises:
        InvalidArgument: The percentage is not from 0 to 100.
    """
    require_between("DataCapture.percentage", capture.percentage, 0, 100, unit="%")
    return sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=capture.percentage,
        destination_s3_uri=capture.bucket.s3_url_for_object(capture.prefix),
        kms_key_id=key.key_arn,
        capture_options=[
            sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode)
            for mode in ("Input", "Output")
        ],
        # Without it captured CSV is stored in base64.
        capture_content_type_header=sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
            csv_content_types=["text/csv"]
        ),
    )
