"""Hardware: request -> one of several variants, each on another processor, all of one model."""

from __future__ import annotations

from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.delivery.build_project import Architecture
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.instance_variant import instance_variant
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.scaling.instance_scaling import InstanceScaling
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import silence
from runtime import containers
from runtime.models import tumor_classifier
from stacks.deployment.graviton_endpoint.facts import FACTS
from stacks.reference_stack import ReferenceStack


@dataclass(frozen=True)
class Hardware:
    """A processor, and what has to be made for it."""

    instance_type: str
    architecture: Architecture
    dockerfile: str = containers.INFERENCE
    inference_ami_version: str | None = None


CPU = {
    # Same vCPUs and memory; the x86 one is a generation older, its contemporary is ml.c7i.large.
    "X86": Hardware("ml.c6i.large", "x86_64"),
    "Graviton": Hardware("ml.c7g.large", "arm64"),
}
GPU = {
    # CUDA 13 in the container needs driver 580, which this image of the instance has.
    "Gpu": Hardware(
        "ml.g4dn.xlarge",
        "x86_64",
        dockerfile=containers.INFERENCE_GPU,
        inference_ami_version="al2023-ami-sagemaker-inference-gpu-4-1",
    ),
}


class GravitonEndpointStack(ReferenceStack):
    """The same trees, the same requests in equal shares; the metrics tell the processors apart.

    The trees are served as matrix products: accelerators have no instruction for a tree. Each
    processor has an image of its own, built on a machine of its kind, and one artifact fits all.
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        artifact = Asset(self, "Artifact", path=str(tumor_classifier.TENSOR_ARTIFACT))
        chosen = CPU | GPU if self.option("hardware") == "gpu" else CPU
        models = {
            name: self._model(name, hardware, artifact, key) for name, hardware in chosen.items()
        }
        endpoint = Endpoint(
            self,
            "Endpoint",
            variants=[
                instance_variant(
                    variant_name=name,
                    model=models[name],
                    instance_type=hardware.instance_type,
                    inference_ami_version=hardware.inference_ami_version,
                    initial_instance_count=1,
                    weight=1,  # of as many: equal shares of the same traffic
                    routing_strategy="LEAST_OUTSTANDING_REQUESTS",
                    model_data_download_timeout=Duration.seconds(60),
                    # The image with CUDA has some gigabytes to be unpacked before it starts.
                    container_startup_health_check_timeout=Duration.seconds(600),
                )
                for name, hardware in chosen.items()
            ],
            roles=[model.role for model in models.values()],
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        silence(
            endpoint.config,
            "I9527",
            "Processors are compared on made-up rows: there is no drift to find in them.",
        )

        # Variants scale each on its own. With GPU they may be five: more than a new account has.
        for name in CPU:
            InstanceScaling(
                self,
                f"{name}Scaling",
                endpoint=endpoint,
                variant_name=name,
                min_capacity=1,
                max_capacity=2,
            ).track_invocations_per_instance(
                max_requests_per_second=200,  # an assumption: replace it by a load test's figure
                safety_factor=0.5,
                scale_out_cooldown=Duration.seconds(60),
                scale_in_cooldown=Duration.seconds(300),
            )

        self._draw(endpoint)
        for name in chosen:
            self._watch(name, endpoint, alarms)

        self.output("EndpointName", endpoint.name, "Pass it to InvokeEndpoint; TargetVariant picks")
        self.output(
            "TrafficCommand",
            f"python -m scripts.traffic {endpoint.name} --rate 50 --minutes 30",
            "Tells which variant answered; the dashboard shows how fast",
        )
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _model(self, name: str, hardware: Hardware, artifact: Asset, key: DataKey) -> HostedModel:
        image = BuiltImage(
            self,
            f"{name}Image",
            folder=containers.CONTEXT,
            dockerfile=hardware.dockerfile,
            architecture=hardware.architecture,  # an image for the other does not start
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        return HostedModel(self, name, image=image, artifact=artifact, network_isolation=True)

    def _draw(self, endpoint: Endpoint) -> None:
        microseconds = cloudwatch.Unit.MICROSECONDS
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.hours(3))
        names = endpoint.variant_names
        for title, metrics in (
            (
                "Model latency, p50 and p99",
                [
                    endpoint.metric(
                        "ModelLatency", statistic=share, unit=microseconds, variant_name=name
                    ).with_(label=f"{name} {share}")
                    for name in names
                    for share in ("p50", "p99")
                ],
            ),
            (
                "Requests a minute",
                [endpoint.metric("Invocations", statistic="Sum", variant_name=n) for n in names],
            ),
            (
                "CPU, all cores",
                [
                    endpoint.metric_instance("CPUUtilization", statistic="Average", variant_name=n)
                    for n in names
                ],
            ),
        ):
            dashboard.add_widgets(cloudwatch.GraphWidget(title=title, left=metrics, width=24))
        self.output("DashboardName", dashboard.dashboard_name, "The processors side by side")

    def _watch(self, variant: str, endpoint: Endpoint, alarms: AlarmTopic) -> None:
        alarms.watch(
            f"{variant}Errors",
            endpoint.metric("Invocation5XXErrors", statistic="Sum", variant_name=variant),
            at_least=1,
            minutes=1,
            meaning=f"Requests fail on {variant}: read the endpoint's logs.",
        )
        alarms.watch(
            f"{variant}Latency",
            endpoint.metric(
                "ModelLatency",
                statistic="p99",
                unit=cloudwatch.Unit.MICROSECONDS,
                variant_name=variant,
            ),
            at_least=500_000,
            minutes=5,
            meaning=f"One request in a hundred waits 0.5 s or more on {variant}.",
        )
