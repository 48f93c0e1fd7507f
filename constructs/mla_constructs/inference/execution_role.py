"""The role that SageMaker assumes for a model or a job, and what it may be granted."""

from __future__ import annotations

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_iam as iam
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.containers.image import ContainerImage, pull_statements
from mla_constructs.observability.log_group import LOG_ACTIONS
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard


class ExecutionRole(iam.Role):
    """A role that only SageMaker may assume, only for this account, and that may nothing at first.

    Args:
        scope: Parent construct.
        id: Construct ID.
        description: Who acts under it.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html
    """

    def __init__(self, scope: Construct, id: str, *, description: str) -> None:
        stack = Stack.of(scope)
        super().__init__(
            scope,
            id,
            description=description,
            assumed_by=iam.ServicePrincipal(
                "sagemaker.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(service="sagemaker", resource="*")
                    },
                },
            ),
        )
        acknowledge_wildcard(
            self,
            "*",
            "ecr:GetAuthorizationToken and cloudwatch:PutMetricData know no resource types; the "
            "latter is limited to one namespace.",
        )

    def grant_pull(self, image: ContainerImage) -> None:
        """Lets the role pull from this image's repository."""
        for statement in pull_statements(image):
            self.add_to_policy(statement)

    def grant_artifact(self, artifact: Asset) -> None:
        """Lets the role read this one object."""
        self.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetObject"],
                resources=[artifact.bucket.arn_for_objects(artifact.s3_object_key)],
            )
        )

    def grant_metrics(self, namespace: str) -> None:
        """Lets the role publish metrics to this CloudWatch namespace, such as CPU utilization.

        PutMetricData knows no resources; the namespace is what can be limited.
        """
        self.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": namespace}},
            )
        )

    def grant_storage_key(self, key: DataKey) -> None:
        """Lets SageMaker use the key for the volumes that it attaches on the role's behalf."""
        self.add_to_policy(
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
        self.add_to_policy(iam.PolicyStatement(actions=LOG_ACTIONS, resources=[streams]))
        acknowledge_wildcard(
            self,
            streams,
            "SageMaker names a log stream after the job and its instance; the group is fixed.",
        )
