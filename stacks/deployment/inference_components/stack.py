"""Inference components: client -> the component it names, copies that come and go on shared
instances, which do so too."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.component_endpoint import ComponentEndpoint
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.inference.inference_component import InferenceComponent
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.copy_scaling import CopyScaling
from mla_constructs.security.data_key import DataKey
from runtime.containers import inference
from runtime.models import tumor_classifier
from stacks.deployment.inference_components.facts import FACTS
from stacks.reference_stack import ReferenceStack


class InferenceComponentsStack(ReferenceStack):
    """Gives each model copies of its own on instances that both share, down to no instance."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        self._alarms = AlarmTopic(self, "Alarms", key=key)

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

        # Two copies of each fit an instance: 4 x 0.5 vCPU is what an ml.m5.large has, and its 8 GB
        # are more than these need. SageMaker keeps a part for itself, so that it may be one less.
        xgboost = self._component(
            "Xgboost",
            endpoint,
            image=BuiltInImage(self),
            artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
            memory_mb=1024,
            key=key,
        )
        onnx = self._component(
            "Onnx",
            endpoint,
            image=BuiltImage(
                self,
                "Image",
                folder=inference.CONTEXT,
                dockerfile=inference.DOCKERFILE,
                key=key,
                log_retention=logs.RetentionDays.ONE_MONTH,
                removal_policy=self.data_removal,
            ),
            artifact=Asset(self, "OnnxArtifact", path=str(tumor_classifier.ONNX_ARTIFACT)),
            memory_mb=512,
            key=key,
        )

        # Each model follows its own requests: what the three other ways to pack cannot do.
        self._scale(xgboost, "XgboostScaling", requests_per_second=10)
        self._scale(onnx, "OnnxScaling", requests_per_second=50)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint")
        self.output("XgboostComponent", xgboost.name, "Pass it as InferenceComponentName")
        self.output("OnnxComponent", onnx.name, "Pass it as InferenceComponentName")
        self.output("AlarmTopicArn", self._alarms.topic.topic_arn, "Subscribe to hear of alarms")
