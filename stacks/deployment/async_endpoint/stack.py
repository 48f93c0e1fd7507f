"""Asynchronous endpoint: client -> S3 -> queue -> 0 to 4 instances -> S3 and a topic."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.async_endpoint import AsyncEndpoint
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.scaling.backlog_scaling import BacklogScaling
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime.models import tumor_classifier
from stacks.deployment.async_endpoint.facts import FACTS
from stacks.reference_stack import ReferenceStack


class AsyncEndpointStack(ReferenceStack):
    """Accepts a request at once, answers in S3, and runs no instance while nothing waits."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # The client puts a payload below input/; the answer appears below output/ or failure/.
        payloads = DataBucket(
            self,
            "Payloads",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=Duration.days(7),
        )
        answered = EncryptedTopic(self, "Answered", key=key)
        failed = EncryptedTopic(self, "Failed", key=key)

        model = HostedModel(
            self,
            "Model",
            image=BuiltInImage(self),
            artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
            network_isolation=True,
        )
        payloads.grant_list_below(model.role, "input")
        payloads.grant_read_below(model.role, "input")
        payloads.grant_write_below(model.role, "output")
        payloads.grant_write_below(model.role, "failure")
        answered.grant_publishing(model.role)
        failed.grant_publishing(model.role)

        endpoint = AsyncEndpoint(
            self,
            "Endpoint",
            model=model,
            instance_type="ml.m5.large",
            # It starts with one, which proves that it can serve; scaling then goes down to none.
            initial_instance_count=1,
            max_concurrent_invocations_per_instance=4,
            model_data_download_timeout=Duration.seconds(60),
            container_startup_health_check_timeout=Duration.seconds(60),
            bucket=payloads,
            output_prefix="output",
            failure_prefix="failure",
            success_topic=answered,
            error_topic=failed,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        scaling = BacklogScaling(self, "Scaling", endpoint=endpoint, min_capacity=0, max_capacity=4)
        # Down to zero when nothing waits. Requests per instance are no measure here: asynchronous
        # endpoints do not publish InvocationsPerInstance, and a policy on it would never fire.
        scaling.track_backlog_per_instance(
            target=5,
            scale_out_cooldown=Duration.seconds(300),
            scale_in_cooldown=Duration.seconds(600),
        )
        # Up from zero: without this policy a request waits until more than the target have come.
        scaling.wake_from_zero(minutes=2, cooldown=Duration.seconds(300))

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpointAsync")
        self.output("InputUri", payloads.s3_url_for_object("input"), "Put payloads below it")
        self.output("OutputUri", payloads.s3_url_for_object("output"), "Answers appear below it")
        self.output("FailureUri", payloads.s3_url_for_object("failure"), "Reasons of failures")
        self.output("AnsweredTopicArn", answered.topic_arn, "Told of every answer")
        self.output("FailedTopicArn", failed.topic_arn, "Told of every failed request")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, endpoint: AsyncEndpoint, alarms: AlarmTopic) -> None:
        alarms.watch(
            "FailedRequests",
            endpoint.metric("InvocationFailures", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests fail: their reasons lie below failure/ and in the endpoint's logs.",
        )
        alarms.watch(
            "ModelLatency",
            endpoint.metric("ModelLatency", statistic="p99"),
            at_least=60_000_000,
            minutes=5,
            meaning="One request in a hundred keeps the model busy for a minute or more.",
        )
        alarms.watch(
            "OldestRequest",
            endpoint.metric_queue("ApproximateAgeOfOldestRequest", statistic="Maximum"),
            at_least=1800,
            minutes=5,
            meaning="A request has waited half an hour: is the scaling at its maximum?",
        )
        alarms.watch(
            "NoCapacity",
            endpoint.metric_queue("HasBacklogWithoutCapacity", statistic="Average"),
            at_least=1,
            minutes=20,
            meaning="Requests have waited 20 minutes and no instance came: did waking up fail?",
        )
        alarms.watch(
            "ExpiredRequests",
            endpoint.metric("ExpiredRequests", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests waited longer than their time to live and were dropped.",
        )
