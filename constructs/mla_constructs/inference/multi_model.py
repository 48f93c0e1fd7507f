"""Many models below one S3 prefix, served by one container."""

from __future__ import annotations

from typing import Literal

from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.containers.image import ContainerImage
from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.storage.buckets import DataBucket


class MultiModel(Construct):
    """A SageMaker model that is a prefix: every archive below it is a model of its own.

    The endpoint downloads an archive when it is first asked for, keeps it in memory and on disk
    while there is room, and needs no update for a new one.

    Args:
        scope: Parent construct.
        id: Construct ID.
        image: Container that serves all of them; it has to carry the label
            `com.amazonaws.sagemaker.capabilities.multi-models=true`, as the built-in XGBoost does.
        bucket: Where the archives lie.
        prefix: Below which key, without a slash at the end. What a request names in TargetModel
            is the rest of the key.
        model_cache: "Enabled" keeps a loaded model; "Disabled" drops it after the request, for many
            models that are each asked for once.
        network_isolation: True cuts the container off from every network, S3 included: SageMaker
            itself moves the archives and the requests.

    Attributes:
        role: Execution role; it may read what lies below the prefix and list it, nothing else.
        name: Name that CloudFormation generates.

    Raises:
        InvalidArgument: The prefix begins or ends with a slash, or is empty.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/create-multi-model-endpoint.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: ContainerImage,
        bucket: DataBucket,
        prefix: str,
        model_cache: Literal["Enabled", "Disabled"],
        network_isolation: bool,
    ) -> None:
        if not prefix or prefix != prefix.strip("/"):
            raise InvalidArgument(
                f"prefix is {prefix!r}: name a folder of the bucket without slashes around it, "
                "like 'tenants'."
            )
        super().__init__(scope, id)
        self.role = ExecutionRole(
            self,
            "Role",
            description="What the container of all models and SageMaker on its behalf may do",
        )
        self.role.grant_pull(image)
        bucket.grant_read_below(self.role, prefix)
        bucket.grant_list_below(self.role, prefix)
        model = sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=network_isolation,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image.uri,
                mode="MultiModel",
                model_data_url=bucket.s3_url_for_object(f"{prefix}/"),
                multi_model_config=sagemaker.CfnModel.MultiModelConfigProperty(
                    model_cache_setting=model_cache
                ),
            ),
        )
        # CreateModel checks at once that the role may read the prefix and pull the image.
        model.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        self.name = model.attr_model_name
