"""Serverless endpoint: client -> endpoint -> compute that exists while there are requests."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.serverless_endpoint import ServerlessEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.provisioned_concurrency_scaling import ProvisionedConcurrencyScaling
from mla_constructs.security.data_key import DataKey
from runtime.models import tumor_classifier
from stacks.deployment.serverless_endpoint.facts import FACTS
from stacks.reference_stack import ReferenceStack


class ServerlessEndpointStack(ReferenceStack):
    """Answers within the request, without an instance to choose; one request never starts cold."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        model = HostedModel(
            self,
            "Model",
            image=BuiltInImage(self),
            artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
            # Serverless inference supports neither network isolation, nor a VPC, nor data capture.
            network_isolation=False,
        )

        endpoint = ServerlessEndpoint(
            self,
            "Endpoint",
            model=model,
            # Also decides the share of CPU: the model is small, the container's Python is not.
            memory_size_mb=2048,
            # New accounts have 10 for all serverless endpoints together; more are throttled.
            max_concurrency=5,
            # One warm environment, paid around the clock; without it an idle endpoint costs
            # nothing and the first request after a pause starts cold.
            provisioned_concurrency=1,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # A dimension of its own: what scales is warm environments, not instances. The guide doubts
        # that CloudFormation can do it: docs/decisions/0006-provisioned-concurrency-scaling.md.
        ProvisionedConcurrencyScaling(
            self, "Scaling", endpoint=endpoint, min_capacity=1, max_capacity=4
        ).track_utilization(
            target=0.7,  # a ratio
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, endpoint: ServerlessEndpoint, alarms: AlarmTopic) -> None:
        alarms.watch(
            "ServerErrors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests fail in the container or in SageMaker: read the endpoint's logs.",
        )
        alarms.watch(
            "ModelLatency",
            endpoint.metric("ModelLatency", statistic="p99", unit=cloudwatch.Unit.MICROSECONDS),
            at_least=500_000,
            minutes=5,
            meaning="One request in a hundred waits 0.5 s or more for the model.",
        )
        alarms.watch(
            "ConcurrencySaturation",
            endpoint.metric("ServerlessConcurrentExecutionsUtilization", statistic="Maximum"),
            at_least=0.8,
            minutes=5,
            meaning="80 % of the maximum concurrency is in use: beyond it requests are throttled.",
        )
        alarms.watch(
            "ColdStarts",
            endpoint.metric(
                "ModelSetupTime", statistic="Maximum", unit=cloudwatch.Unit.MICROSECONDS
            ),
            at_least=10_000_000,
            minutes=5,
            meaning="Cold starts take 10 s or more: a smaller artifact, or more kept warm.",
        )
        alarms.watch(
            "Spillover",
            endpoint.metric(
                "ServerlessProvisionedConcurrencySpilloverInvocations", statistic="Sum"
            ),
            at_least=10,
            minutes=5,
            meaning="Requests find no warm environment: raise the provisioned concurrency.",
        )
