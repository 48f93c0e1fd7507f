"""A tiny stack, and what the constructs under test are made from."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk.assertions import Template
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.inference.async_endpoint import AsyncEndpoint
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.component_endpoint import ComponentEndpoint
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.inference_component import InferenceComponent
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.inference.serverless_endpoint import ServerlessEndpoint
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.security.data_key import DataKey
from runtime import containers

ROOT = Path(__file__).resolve().parents[2]
# Without the project's feature flags a construct gives another template than in its stack.
FLAGS: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]


class Parts:
    """A stack and its parts, each created when first asked for; `template` ends the building."""

    def __init__(self) -> None:
        self.stack = Stack(App(context=FLAGS), "Test")

    @cached_property
    def key(self) -> DataKey:
        return DataKey(self.stack, "Key", removal_policy=RemovalPolicy.DESTROY)

    @cached_property
    def model(self) -> HostedModel:
        return HostedModel(
            self.stack,
            "Model",
            image=BuiltInImage(self.stack),
            artifact=Asset(self.stack, "Artifact", path=__file__),
            network_isolation=False,
        )

    @cached_property
    def bucket(self) -> s3.Bucket:
        return s3.Bucket(self.stack, "Bucket")

    @cached_property
    def topic(self) -> EncryptedTopic:
        return EncryptedTopic(self.stack, "Topic", key=self.key)

    @cached_property
    def kept(self) -> dict[str, Any]:
        """How logs are kept, as most constructs take it."""
        return {
            "key": self.key,
            "log_retention": logs.RetentionDays.ONE_MONTH,
            "removal_policy": RemovalPolicy.DESTROY,
        }

    @cached_property
    def vpc(self) -> PrivateVpc:
        return PrivateVpc(self.stack, "Vpc", **self.kept)

    @cached_property
    def image(self) -> BuiltImage:
        return BuiltImage(
            self.stack,
            "Image",
            folder=containers.CONTEXT,
            dockerfile=containers.INFERENCE,
            **self.kept,
        )

    def properties(self, resource_type: str) -> dict[str, Any]:
        """Returns the properties of the only resource of a type."""
        (found,) = self.template.find_resources(resource_type).values()
        return dict(found["Properties"])

    def realtime(self, **changes: Any) -> RealtimeEndpoint:
        arguments: dict[str, Any] = {
            "model": self.model,
            "instance_type": "ml.m5.large",
            "initial_instance_count": 1,
            "routing_strategy": "LEAST_OUTSTANDING_REQUESTS",
            "model_data_download_timeout": Duration.seconds(120),
            "container_startup_health_check_timeout": Duration.seconds(90),
            "data_capture": None,
            "key": self.key,
            "log_retention": logs.RetentionDays.ONE_MONTH,
            "removal_policy": RemovalPolicy.DESTROY,
        }
        return RealtimeEndpoint(self.stack, "Endpoint", **(arguments | changes))

    def components(self, **changes: Any) -> ComponentEndpoint:
        arguments: dict[str, Any] = {
            "role": ExecutionRole(self.stack, "Role", description="Runs the components"),
            "instance_type": "ml.m5.large",
            "initial_instance_count": 1,
            "min_instance_count": 0,
            "max_instance_count": 2,
            "routing_strategy": "LEAST_OUTSTANDING_REQUESTS",
            "network_isolation": True,
            "key": self.key,
            "log_retention": logs.RetentionDays.ONE_MONTH,
            "removal_policy": RemovalPolicy.DESTROY,
        }
        return ComponentEndpoint(self.stack, "Endpoint", **(arguments | changes))

    def component(self, **changes: Any) -> InferenceComponent:
        arguments: dict[str, Any] = {
            "endpoint": changes.pop("endpoint", None) or self.components(),
            "suffix": "trees",
            "image": BuiltInImage(self.stack),
            "artifact": Asset(self.stack, "Artifact", path=__file__),
            "cpu_cores": 0.5,
            "memory_mb": 1024,
            "initial_copy_count": 1,
            "model_data_download_timeout": Duration.seconds(120),
            "container_startup_health_check_timeout": Duration.seconds(90),
            "key": self.key,
            "log_retention": logs.RetentionDays.ONE_MONTH,
            "removal_policy": RemovalPolicy.DESTROY,
        }
        return InferenceComponent(self.stack, "Component", **(arguments | changes))

    def serverless(self, **changes: Any) -> ServerlessEndpoint:
        arguments: dict[str, Any] = {
            "model": self.model,
            "memory_size_mb": 2048,
            "max_concurrency": 5,
            "provisioned_concurrency": 1,
            "key": self.key,
            "log_retention": logs.RetentionDays.ONE_MONTH,
            "removal_policy": RemovalPolicy.DESTROY,
        }
        return ServerlessEndpoint(self.stack, "Endpoint", **(arguments | changes))

    def asynchronous(self, **changes: Any) -> AsyncEndpoint:
        arguments: dict[str, Any] = {
            "model": self.model,
            "instance_type": "ml.m5.large",
            "initial_instance_count": 1,
            "max_concurrent_invocations_per_instance": 4,
            "model_data_download_timeout": Duration.seconds(120),
            "container_startup_health_check_timeout": Duration.seconds(90),
            "bucket": self.bucket,
            "output_prefix": "output",
            "failure_prefix": "failure",
            "success_topic": self.topic,
            "error_topic": self.topic,
            "key": self.key,
            "log_retention": logs.RetentionDays.ONE_MONTH,
            "removal_policy": RemovalPolicy.DESTROY,
        }
        return AsyncEndpoint(self.stack, "Endpoint", **(arguments | changes))

    @cached_property
    def workspace(self) -> TrainingWorkspace:
        file = Asset(self.stack, "File", path=__file__)
        return TrainingWorkspace(
            self.stack,
            "Workspace",
            image=BuiltInImage(self.stack),
            code=file,
            raw_data=file,
            approved_model=file,
            instance_type="ml.m5.large",
            volume_size_gb=5,
            max_runtime=Duration.minutes(30),
            key=self.key,
            access_logs=self.bucket,
            removal_policy=RemovalPolicy.DESTROY,
        )

    @cached_property
    def template(self) -> Template:
        return Template.from_stack(self.stack)

    def resolve(self, value: Any) -> Any:
        """Returns what a value that may hold tokens is in the template."""
        return self.stack.resolve(value)


@pytest.fixture(scope="session")
def new_parts() -> type[Parts]:
    return Parts


@pytest.fixture
def parts() -> Parts:
    return Parts()
