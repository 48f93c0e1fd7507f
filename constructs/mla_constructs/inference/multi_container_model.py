"""Several containers on every instance, one behind the other or side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.containers.image import PULL_ACTIONS, ContainerImage
from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.execution_role import ExecutionRole

FEWEST_CONTAINERS, MOST_CONTAINERS = 2, 15


@dataclass(frozen=True, kw_only=True)
class ModelContainer:
    """One of the containers.

    Attributes:
        hostname: Its name in requests, metrics and log streams.
        image: It has to listen on SAGEMAKER_BIND_TO_PORT and to say so by the label
            `com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true`.
        artifact: Its model.tar.gz; None for a container that needs none.
        environment: What it reads from its environment.
    """

    hostname: str
    image: ContainerImage
    artifact: Asset | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class MultiContainerModel(Construct):
    """A SageMaker model of 2 to 15 containers, all of them on every instance, under one role.

    Args:
        scope: Parent construct.
        id: Construct ID.
        containers: In the order in which a request passes through them, if they are serial.
        mode: "Serial" makes an inference pipeline: each container's answer is the next one's
            request. "Direct" lets a request name the one container that answers it.
        network_isolation: True cuts the containers off from every network, S3 included.

    Attributes:
        role: Execution role; it may pull these images and read these artifacts.
        name: Name that CloudFormation generates.

    Raises:
        InvalidArgument: Too few or too many containers, or hostnames that SageMaker rejects.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-create.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        containers: Sequence[ModelContainer],
        mode: Literal["Serial", "Direct"],
        network_isolation: bool,
    ) -> None:
        _require_names(containers)
        super().__init__(scope, id)
        self.role = ExecutionRole(
            self,
            "Role",
            description="What all containers of the model and SageMaker on their behalf may do",
        )
        for image in dict.fromkeys(container.image for container in containers):
            self.role.grant_pull(image)
            if isinstance(image, BuiltImage):
                _let_sagemaker_pull(image)
        for container in containers:
            if container.artifact:
                self.role.grant_artifact(container.artifact)
        model = sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=network_isolation,
            containers=[_definition(container) for container in containers],
            inference_execution_config=sagemaker.CfnModel.InferenceExecutionConfigProperty(
                mode=mode
            ),
        )
        # CreateModel checks at once that the role may read the artifacts and pull the images.
        model.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        self.name = model.attr_model_name


def _definition(container: ModelContainer) -> sagemaker.CfnModel.ContainerDefinitionProperty:
    return sagemaker.CfnModel.ContainerDefinitionProperty(
        container_hostname=container.hostname,
        image=container.image.uri,
        model_data_url=container.artifact.s3_object_url if container.artifact else None,
        environment=container.environment or None,
    )


def _let_sagemaker_pull(image: BuiltImage) -> None:
    """Beside a built-in image SageMaker pulls one's own as a service, not under the role.

    The page has the statement without a condition, and does not say whether SageMaker names the
    account it pulls for: where it does, it has to be this one.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/inference-pipeline-troubleshoot.html
    """
    image.repository.add_to_resource_policy(
        iam.PolicyStatement(
            principals=[iam.ServicePrincipal("sagemaker.amazonaws.com")],
            actions=PULL_ACTIONS,
            conditions={
                "StringEqualsIfExists": {"aws:SourceAccount": Stack.of(image).account},
            },
        )
    )


def _require_names(containers: Sequence[ModelContainer]) -> None:
    names = [container.hostname for container in containers]
    if not FEWEST_CONTAINERS <= len(names) <= MOST_CONTAINERS:
        raise InvalidArgument(
            f"There are {len(names)} containers: give from {FEWEST_CONTAINERS} to "
            f"{MOST_CONTAINERS}; one alone is a HostedModel."
        )
    for name in names:
        if not re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name):
            raise InvalidArgument(
                f"hostname is {name!r}: write up to 63 letters, digits and hyphens, like 'xgboost'."
            )
        if names.count(name) > 1:
            raise InvalidArgument(
                f"hostname {name!r} is given to {names.count(name)} containers: give each its own."
            )
