"""A cluster whose metrics do not leave a log group behind."""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey


class InsightsCluster(ecs.Cluster):
    """An ECS cluster with Container Insights, which are billed as custom metrics.

    The cluster has the stack's name: Container Insights log under a name made from it, and would
    create the group unencrypted and leave it behind.

    Args:
        scope: Parent construct.
        id: Construct ID.
        vpc: Where its tasks run.
        key: Encrypts the performance log.
        log_retention: How long it is kept.
        removal_policy: What becomes of it when the stack is deleted.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/
    cloudwatch-container-insights.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: ec2.IVpc,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            id,
            cluster_name=Aws.STACK_NAME,
            vpc=vpc,
            container_insights_v2=ecs.ContainerInsights.ENABLED,
        )
        log_group = EncryptedLogGroup(
            self,
            "Insights",
            name=f"/aws/ecs/containerinsights/{Aws.STACK_NAME}/performance",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        resource = self.node.default_child
        assert resource  # noqa: S101 - a cluster of ours has one
        resource.node.add_dependency(log_group)
