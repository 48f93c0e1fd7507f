"""Real-time endpoint on instances: client -> endpoint -> 1 to 4 instances, all of it captured."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.realtime_endpoint import DataCapture, RealtimeEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.instance_scaling import InstanceScaling
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime.models import tumor_classifier
from stacks.deployment.realtime_endpoint.facts import FACTS
from stacks.reference_stack import ReferenceStack


class RealtimeEndpointStack(ReferenceStack):
    """Answers every request within the request, from instances that are always there."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # The model: artifact and container.
        model = HostedModel(
            self,
            "Model",
            image=BuiltInImage(self),
            artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
            network_isolation=True,
        )

        # What went in and what came out, for monitoring.
        captured = DataBucket(
            self,
            "Captured",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=Duration.days(30),
        )
        captured.grant_write_below(model.role, "capture")

        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=model,
            instance_type="ml.m5.large",
            # Two would survive the loss of an Availability Zone, at twice the price.
            initial_instance_count=1,
            # RANDOM serves requests of equal length as well; this one also those of unequal length.
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            # The shortest times that SageMaker accepts suit an artifact of kilobytes: raise them
            # with its size, up to 3600 s.
            model_data_download_timeout=Duration.seconds(60),
            container_startup_health_check_timeout=Duration.seconds(60),
            # 100 % for learning; production samples as much as its drift statistics need.
            data_capture=DataCapture(bucket=captured, prefix="capture", percentage=100),
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # Target: 50 requests/s x 0.5 x 60 = 1500 invocations per instance and minute.
        InstanceScaling(
            self, "Scaling", endpoint=endpoint, min_capacity=1, max_capacity=4
        ).track_invocations_per_instance(
            max_requests_per_second=50,  # an assumption: replace it by your load test's figure
            safety_factor=0.5,
            scale_out_cooldown=Duration.seconds(60),  # an instance more hurts less than one missing
            scale_in_cooldown=Duration.seconds(300),
        )

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output("CaptureUri", captured.s3_url_for_object("capture"), "Captured requests")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, endpoint: RealtimeEndpoint, alarms: AlarmTopic) -> None:
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
            "CpuSaturation",
            endpoint.metric_instance("CPUUtilization", statistic="Average"),
            at_least=160,  # of 200 %: an ml.m5.large has two vCPUs
            minutes=5,
            meaning="Instances are saturated: is the scaling at its maximum, its target too high?",
        )
        alarms.watch(
            "CaptureStops",
            endpoint.metric_instance("DiskUtilization", statistic="Maximum"),
            at_least=75,
            minutes=1,
            meaning="A disk is 75 % full: from here on SageMaker stops capturing data.",
        )
