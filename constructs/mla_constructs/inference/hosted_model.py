"""A model as SageMaker hosts it: image, artifact and the role that may read both."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.image import ContainerImage
from mla_constructs.inference.execution_role import ExecutionRole


class HostedModel(Construct):
    """A SageMaker model of one container, and its least-privilege execution role.

    The role may pull this image and read this artifact. What an inference option needs beyond that
    (where to log, what to read and write) is granted where the option is built.

    Args:
        scope: Parent construct.
        id: Construct ID.
        image: Container that serves the model.
        artifact: The model.tar.gz, uploaded at deployment; its object key is a content hash, so
            that a new artifact is a new model.
        network_isolation: True cuts the container off from every network, S3 included: SageMaker
            itself moves the artifact and the requests. Serverless inference does not support it.
        environment: What the container reads from its environment.

    Attributes:
        role: Execution role.
        network_isolation: As given.
        name: Name that CloudFormation generates: a new model has to exist beside the old one while
            the endpoint moves over.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateModel.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ContainerImage,
        artifact: Asset,
        network_isolation: bool,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(scope, id)
        self.role = ExecutionRole(
            self,
            "Role",
            description="What the model's container and SageMaker on its behalf may do",
        )
        self.role.grant_pull(image)
        self.role.grant_artifact(artifact)
        model = sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=network_isolation,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image.uri, model_data_url=artifact.s3_object_url, environment=environment
            ),
        )
        # CreateModel checks at once that the role may read the artifact and pull the image.
        model.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        self.name = model.attr_model_name
        self.network_isolation = network_isolation
