"""Inference components: client -> copies of the model it names -> 0 to 2 shared instances."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.containers.image import ContainerImage
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.component_endpoint import ComponentEndpoint
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.inference.inference_component import InferenceComponent
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.copy_scaling import CopyScaling
from mla_constructs.security.data_key import DataKey
from runtime.containers import CONTEXT, INFERENCE
from runtime.models import tumor_classifier
from stacks.deployment.inference_components.facts import FACTS
from stacks.reference_stack import ReferenceStack


class InferenceComponentsStack(ReferenceStack):
    """Gives each model copies of its own on instances that both share, down to no instance."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # The endpoint has no model: instances are all it is. One role for all components on it.
        endpoint = ComponentEndpoint(
            self,
            "Endpoint",
            role=ExecutionRole(
                self,
                "Role",
                description="What the components' containers and SageMaker for them may do",
            ),
            instance_type="ml.m5.large",
            initial_instance_count=1,
            # None when no component has a copy; the next request fails and starts the first one.
            min_instance_count=0,
            max_instance_count=2,
            routing_strategy="LEAST_OUTSTANDING_REQUESTS",
            network_isolation=True,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        # Reserved for a copy: two of each fit the 2 vCPUs of an ml.m5.large, were it not for the
        # part of an instance that SageMaker keeps for itself.
        xgboost = self._component(
            "Xgboost",
            endpoint,
            image=BuiltInImage(self),
            artifact=Asset(self, "XgboostArtifact", path=str(tumor_classifier.ARTIFACT)),
            cpu_cores=0.5,
            memory_mb=1024,
            key=key,
        )
        onnx = self._component(
            "Onnx",
            endpoint,
            image=BuiltImage(
                self,
                "Image",
                folder=CONTEXT,
                dockerfile=INFERENCE,
                key=key,
                log_retention=logs.RetentionDays.ONE_MONTH,
                removal_policy=self.data_removal,
            ),
            artifact=Asset(self, "OnnxArtifact", path=str(tumor_classifier.ONNX_ARTIFACT)),
            cpu_cores=0.5,
            memory_mb=512,
            # It would start a worker for each vCPU it sees, and it sees those of the instance.
            environment={"SERVING_WORKERS": "1"},
            key=key,
        )

        # Each model follows its own requests: what the three other ways to pack cannot do. Target:
        # what a copy sustains per second, an assumption to be load-tested, x 0.5 x 60.
        self._scale("XgboostScaling", xgboost, target=10 * 0.5 * 60)
        self._scale("OnnxScaling", onnx, target=40 * 0.5 * 60)

        for name, component in (("Xgboost", xgboost), ("Onnx", onnx)):
            self._watch(name, component, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output("XgboostComponent", xgboost.name, "Pass it as InferenceComponentName")
        self.output("OnnxComponent", onnx.name, "Pass it as InferenceComponentName")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _component(
        self,
        id: str,
        endpoint: ComponentEndpoint,
        *,
        image: ContainerImage,
        artifact: Asset,
        cpu_cores: float,
        memory_mb: int,
        key: DataKey,
        environment: Mapping[str, str] | None = None,
    ) -> InferenceComponent:
        return InferenceComponent(
            self,
            id,
            endpoint=endpoint,
            suffix=id.lower(),
            image=image,
            artifact=artifact,
            cpu_cores=cpu_cores,
            memory_mb=memory_mb,
            # A component cannot be created without a copy; scaling takes it down to none.
            initial_copy_count=1,
            model_data_download_timeout=Duration.seconds(60),
            container_startup_health_check_timeout=Duration.seconds(180),
            environment=environment,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

    def _scale(self, id: str, component: InferenceComponent, *, target: float) -> None:
        scaling = CopyScaling(self, id, component=component, min_capacity=0, max_capacity=3)
        scaling.track_invocations_per_copy(
            target=target,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )
        # One failed call is enough. The cooldown covers the start of an instance and a container,
        # so that a client which tries again does not add a copy with every failure.
        scaling.wake_from_zero(cooldown=Duration.minutes(10))

    def _watch(self, name: str, component: InferenceComponent, alarms: AlarmTopic) -> None:
        errors = alarms.watch(
            f"{name}Errors",
            component.metric("Invocation5XXErrors", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning=f"Requests to the component {component.name} fail: read its log group.",
        )
        latency = alarms.watch(
            f"{name}Latency",
            component.metric("ModelLatency", statistic="p99", unit=cloudwatch.Unit.MICROSECONDS),
            at_least=500_000,
            minutes=5,
            meaning="One request in a hundred waits 0.5 s or more for the component's model.",
        )
        alarms.watch(
            f"{name}Saturation",
            component.metric_copy("CPUUtilizationNormalized", statistic="Average"),
            at_least=90,
            minutes=5,
            meaning="Copies use up the vCPUs reserved for them: is the scaling at its maximum?",
        )
        alarms.watch(
            f"{name}Asleep",
            component.metric("NoCapacityInvocationFailures", statistic="Sum"),
            at_least=1,
            minutes=20,
            meaning="Requests have failed for 20 minutes and no copy came: did waking up fail, is "
            "there no instance of the type, or no room on two of them?",
        )
        # A new image or artifact replaces half of the copies, then watches, then the rest.
        component.roll_updates(batch_percent=50, bake=Duration.minutes(5), alarms=[errors, latency])
