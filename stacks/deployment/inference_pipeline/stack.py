"""Inference pipeline: client -> preprocessing -> model -> postprocessing, on each instance."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.multi_container_model import ModelContainer, MultiContainerModel
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.instance_scaling import InstanceScaling
from mla_constructs.security.data_key import DataKey
from runtime.containers import CONTEXT, INFERENCE
from runtime.models import tumor_classifier
from stacks.deployment.inference_pipeline.facts import FACTS
from stacks.reference_stack import ReferenceStack


class InferencePipelineStack(ReferenceStack):
    """Takes rows as they come from the laboratory and answers with a word, in one call."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # One image for both ends; which end it is, a variable says.
        steps = BuiltImage(
            self,
            "Steps",
            folder=CONTEXT,
            dockerfile=INFERENCE,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        model = MultiContainerModel(
            self,
            "Model",
            # A request passes from one to the next on the same instance, at most 5 MB at a time.
            mode="Serial",
            containers=[
                # Identifier off, medians in for what is missing: always text/csv, 30 numbers a row.
                ModelContainer(
                    hostname="preprocess",
                    image=steps,
                    artifact=Asset(self, "Statistics", path=str(tumor_classifier.ONNX_ARTIFACT)),
                    environment={"SERVING_STEP": "preprocess", "SERVING_WORKERS": "1"},
                ),
                # Reads text/csv; the client's Accept, which may name what only the last container
                # writes, is not for it: what it writes where none is asked for is text/csv.
                ModelContainer(
                    hostname="xgboost",
                    image=BuiltInImage(self),
                    artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
                    environment={"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"},
                ),
                # Probabilities in, labels out: JSON unless the client accepts text/csv only.
                ModelContainer(
                    hostname="postprocess",
                    image=steps,
                    environment={
                        "SERVING_STEP": "postprocess",
                        "SERVING_WORKERS": "1",
                        # 0.5 minimises errors; where a missed tumor weighs more, lower it here,
                        # without touching the model.
                        "SERVING_THRESHOLD": "0.5",
                    },
                ),
            ],
            network_isolation=True,
        )

        endpoint = RealtimeEndpoint(
            self,
            "Endpoint",
            model=model,
            # All three run on each instance: its memory and vCPUs have to do for all of them.
            instance_type="ml.m5.large",
            initial_instance_count=1,
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            model_data_download_timeout=Duration.seconds(60),
            # Three containers start at once and share two vCPUs until they are up.
            container_startup_health_check_timeout=Duration.seconds(180),
            data_capture=None,  # two pages of AWS contradict each other: see the facts
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # The pipeline scales as one: a slow step cannot get instances of its own.
        InstanceScaling(
            self, "Scaling", endpoint=endpoint, min_capacity=1, max_capacity=4
        ).track_invocations_per_instance(
            max_requests_per_second=30,  # an assumption: three containers answer each request
            safety_factor=0.5,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )

        self._watch(endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, endpoint: RealtimeEndpoint, alarms: AlarmTopic) -> None:
        microseconds = cloudwatch.Unit.MICROSECONDS
        alarms.watch(
            "ServerErrors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="Requests fail: the ModelError names the container, its log stream the reason.",
        )
        alarms.watch(
            "ModelLatency",
            endpoint.metric("ModelLatency", statistic="p99", unit=microseconds),
            at_least=500_000,
            minutes=5,
            meaning="One request in a hundred spends 0.5 s or more in the three containers.",
        )
        for name, most in (("preprocess", 100_000), ("xgboost", 300_000), ("postprocess", 100_000)):
            alarms.watch(
                f"{name.capitalize()}Latency",
                endpoint.metric_container(
                    name, "ContainerLatency", statistic="Maximum", unit=microseconds
                ),
                at_least=most,
                minutes=5,
                meaning=f"The slowest request of each minute spends {most / 1e6:g} s or more in "
                f"the container {name}: that is the step to look at.",
            )
