"""Asynchronous inference: a queue in front of instances, answers in S3."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk import aws_sns as sns
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.instance_variant import instance_variant
from mla_constructs.security.data_key import DataKey


class AsyncEndpoint(Endpoint):
    """An endpoint that queues requests, answers into S3 and tells a topic.

    Args:
        scope: Parent construct.
        id: Construct ID.
        model: What it serves.
        instance_type: Such as "ml.m5.large".
        initial_instance_count: Instances at creation, at least 1; scaling may then go to 0.
        max_concurrent_invocations_per_instance: Requests an instance takes from the queue at a
            time, 1 to 1000.
        model_data_download_timeout: Time to fetch the artifact, 60 to 3600 s.
        container_startup_health_check_timeout: Time until /ping answers, 60 to 3600 s.
        bucket: Receives answers; the model's role needs write access to both prefixes.
        output_prefix: Where answers go, without a slash at the end.
        failure_prefix: Where the reasons of failed requests go, without a slash at the end.
        success_topic: Told of every answer; the model's role needs to publish to it.
        error_topic: Told of every failure; the model's role needs to publish to it.
        key: Encrypts logs, answers and the instances' volumes.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model: HostedModel,
        instance_type: str,
        initial_instance_count: int,
        max_concurrent_invocations_per_instance: int,
        model_data_download_timeout: Duration,
        container_startup_health_check_timeout: Duration,
        bucket: s3.IBucket,
        output_prefix: str,
        failure_prefix: str,
        success_topic: sns.ITopic,
        error_topic: sns.ITopic,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        require_between(
            "max_concurrent_invocations_per_instance",
            max_concurrent_invocations_per_instance,
            1,
            1000,
        )
        async_config = sagemaker.CfnEndpointConfig
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
                )
            ],
            roles=[model.role],
            async_inference=async_config.AsyncInferenceConfigProperty(
                client_config=async_config.AsyncInferenceClientConfigProperty(
                    max_concurrent_invocations_per_instance=max_concurrent_invocations_per_instance
                ),
                output_config=async_config.AsyncInferenceOutputConfigProperty(
                    s3_output_path=bucket.s3_url_for_object(output_prefix),
                    s3_failure_path=bucket.s3_url_for_object(failure_prefix),
                    kms_key_id=key.key_arn,
                    notification_config=async_config.AsyncInferenceNotificationConfigProperty(
                        success_topic=success_topic.topic_arn, error_topic=error_topic.topic_arn
                    ),
                ),
            ),
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )

    def metric_queue(self, name: str, *, statistic: str) -> cloudwatch.Metric:
        """Returns a per-minute metric of the queue.

        The queue belongs to the endpoint: with a VariantName beside EndpointName in the dimensions
        there is no such metric, and what scales on it never moves.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-monitor.html
        """
        return cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name=name,
            dimensions_map={"EndpointName": self.name},
            statistic=statistic,
            period=Duration.minutes(1),
        )
