"""Multi-container endpoint: client -> the container it names, two frameworks on each instance."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.invoke_policy import InvokePolicy
from mla_constructs.inference.multi_container_model import ModelContainer, MultiContainerModel
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.instance_scaling import InstanceScaling
from mla_constructs.security.data_key import DataKey
from runtime.containers import CONTEXT, INFERENCE
from runtime.models import tumor_classifier
from stacks.deployment.multi_container_endpoint.facts import FACTS
from stacks.reference_stack import ReferenceStack

CONTAINERS = ("xgboost", "onnx")


class MultiContainerEndpointStack(ReferenceStack):
    """Serves one model in two frameworks side by side; each request says which one answers."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        model = MultiContainerModel(
            self,
            "Model",
            # A request goes to the container it names in TargetContainerHostname and to no other.
            mode="Direct",
            containers=[
                ModelContainer(
                    hostname="xgboost",
                    image=BuiltInImage(self),
                    artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
                ),
                ModelContainer(
                    hostname="onnx",
                    image=BuiltImage(
                        self,
                        "Onnx",
                        folder=CONTEXT,
                        dockerfile=INFERENCE,
                        key=key,
                        log_retention=logs.RetentionDays.ONE_MONTH,
                        removal_policy=self.data_removal,
                    ),
                    artifact=Asset(self, "OnnxArtifact", path=str(tumor_classifier.ONNX_ARTIFACT)),
                    # The containers share two vCPUs: one worker leaves the other framework one.
                    environment={"SERVING_WORKERS": "1"},
                ),
            ],
            network_isolation=True,
        )

        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=model,
            # Both run on each instance all the time, whichever of them is asked.
            instance_type="ml.m5.large",
            initial_instance_count=1,
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            model_data_download_timeout=Duration.seconds(60),
            # Both start at once and share two vCPUs until they are up.
            container_startup_health_check_timeout=Duration.seconds(180),
            data_capture=None,  # not listed for several containers
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # Requests to either container count alike: were one much dearer than the other, traffic
        # could move to it and nothing would scale. Target: 50 requests/s x 0.5 x 60 = 1500.
        InstanceScaling(
            self, "Scaling", endpoint=endpoint, min_capacity=1, max_capacity=4
        ).track_invocations_per_instance(
            max_requests_per_second=50,  # an assumption: load-test with your mix of containers
            safety_factor=0.5,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        callers = Construct(self, "Callers")
        for name in CONTAINERS:
            policy = InvokePolicy(
                callers,
                name,
                endpoint=endpoint,
                conditions={"StringEquals": {"sagemaker:TargetContainerHostname": name}},
                description=f"Lets whoever has it invoke the container {name}, no other",
            )
            self.output(
                f"{name.capitalize()}PolicyArn",
                policy.managed_policy_arn,
                f"Attach it to the callers of the container {name}",
            )
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, endpoint: RealtimeEndpoint, alarms: AlarmTopic) -> None:
        for name in CONTAINERS:
            alarms.watch(
                f"{name.capitalize()}Errors",
                endpoint.metric_container(name, "Invocation5XXErrors", statistic="Sum"),
                at_least=1,
                minutes=1,
                meaning=f"Requests to the container {name} fail: read its log stream.",
            )
            alarms.watch(
                f"{name.capitalize()}Latency",
                endpoint.metric_container(
                    name,
                    "ContainerLatency",
                    statistic="Maximum",
                    unit=cloudwatch.Unit.MICROSECONDS,
                ),
                at_least=500_000,
                minutes=5,
                meaning=f"The slowest request of each minute waits 0.5 s or more for {name}.",
            )
        alarms.watch(
            "CpuSaturation",
            endpoint.metric_instance("CPUUtilization", statistic="Average"),
            at_least=160,  # of 200 %: an ml.m5.large has two vCPUs, for both containers
            minutes=5,
            meaning="Instances are saturated: has the traffic moved to the dearer container?",
        )
        alarms.watch(
            "MemoryShortage",
            endpoint.metric_instance("MemoryUtilization", statistic="Maximum"),
            at_least=85,
            minutes=5,
            meaning="The containers fill the memory they share: one may starve the other.",
        )
