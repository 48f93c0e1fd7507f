"""A model as SageMaker hosts it: image, artifact and the role that may read both."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.observability.log_group import LOG_ACTIONS
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard


class HostedModel(Construct):
    """A SageMaker model and its least-privilege execution role.

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

    Attributes:
        role: Execution role.
        network_isolation: As given.
        name: Name that CloudFormation generates: a new model has to exist beside the old one while
            the endpoint moves over.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        image: BuiltInImage,
        artifact: Asset,
        network_isolation: bool,
    ) -> None:
        super().__init__(scope, id)
        self.role = iam.Role(
            self,
            "Role",
            description="What the model's container and SageMaker on its behalf may do",
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com", conditions=self._this_account_only()
            ),
        )
        self._allow_pull(image)
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[artifact.bucket.arn_for_objects(artifact.s3_object_key)],
            )
        )
        model = sagemaker.CfnModel(
            self,
            "Resource",
            execution_role_arn=self.role.role_arn,
            enable_network_isolation=network_isolation,
            primary_container=sagemaker.CfnModel.ContainerDefinitionProperty(
                image=image.uri, model_data_url=artifact.s3_object_url
            ),
        )
        # CreateModel checks at once that the role may read the artifact and pull the image.
        model.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        self.name = model.attr_model_name
        self.network_isolation = network_isolation

    def grant_metrics(self, namespace: str) -> None:
        """Lets the role publish metrics to this CloudWatch namespace, such as CPU utilization.

        PutMetricData knows no resources; the namespace is what can be limited.
        """
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
            )
        )

    def grant_storage_key(self, key: DataKey) -> None:
        """Lets SageMaker use the key for the volumes that it attaches on the role's behalf."""
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:CreateGrant"],
                resources=[key.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            )
        )

    def grant_job_logs(self, log_group_name: str) -> None:
        """Lets the role log into the group that all jobs of a kind in the account share.

        No stack can own that group: it is there before, and it stays.
        """
        streams = Stack.of(self).format_arn(
            service="logs",
            resource="log-group",
            resource_name=f"{log_group_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.role.add_to_policy(iam.PolicyStatement(actions=LOG_ACTIONS, resources=[streams]))
        acknowledge_wildcard(
            self.role,
            streams,
            "SageMaker names a log stream after the job and its instance; the group is fixed.",
        )

    def _this_account_only(self) -> dict[str, dict[str, str]]:
        stack = Stack.of(self)
        return {
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": stack.format_arn(service="sagemaker", resource="*")},
        }

    def _allow_pull(self, image: BuiltInImage) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(actions=["ecr:GetAuthorizationToken"], resources=["*"])
        )
        acknowledge_wildcard(
            self.role,
            "*",
            "ecr:GetAuthorizationToken and cloudwatch:PutMetricData know no resource types; the "
            "latter is limited to one namespace.",
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "ecr:BatchCheckLayerAvailability",
                    "ecr:BatchGetImage",
                    "ecr:GetDownloadUrlForLayer",
                ],
                resources=[image.repository_arn],
            )
        )
