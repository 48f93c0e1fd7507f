"""Logs and metrics of what runs in a cluster."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.kubernetes.auto_mode_cluster import AutoModeCluster
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard

NAMESPACE, SERVICE_ACCOUNT = "amazon-cloudwatch", "cloudwatch-agent"
LOGS = ("application", "dataplane", "host", "performance")


class ContainerInsights(Construct):
    """The CloudWatch add-on: every pod's output and Container Insights' metrics.

    Its agents run on every node under a role that reaches these four log groups alone. Application
    Signals, which would change every pod behind a Service to instrument it, are turned off: the
    container logs its own requests.

    Args:
        scope: Parent construct.
        id: Construct ID.
        cluster: What is observed.
        key: Encrypts the logs.
        log_retention: How long they are kept.
        removal_policy: What becomes of them when the stack is deleted.

    Attributes:
        application: Log group of what the pods write.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
    install-CloudWatch-Observability-EKS-addon.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cluster: AutoModeCluster,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        self._cluster = cluster
        role = self._agents_role()
        groups = {
            kind: EncryptedLogGroup(
                self,
                kind.capitalize(),
                name=f"/aws/containerinsights/{cluster.name}/{kind}",
                key=key,
                retention=log_retention,
                removal_policy=removal_policy,
            )
            for kind in LOGS
        }
        for group in groups.values():
            group.grant_writing(role)
            acknowledge_wildcard(
                role,
                group.log_group_arn,
                "Each agent names its stream after its node; the group is the cluster's own.",
            )
        self.application = groups["application"]
        add_on = eks.CfnAddon(
            self,
            "AddOn",
            cluster_name=cluster.cluster.cluster_name,
            addon_name="amazon-cloudwatch-observability",
            configuration_values=Stack.of(self).to_json_string(
                {
                    "agent": {
                        "config": {
                            "logs": {
                                "metrics_collected": {
                                    "kubernetes": {"enhanced_container_insights": True}
                                }
                            }
                        }
                    },
                    # Since its version 5 the add-on does so unless it is told not to.
                    "manager": {
                        "applicationSignals": {"autoMonitor": {"monitorAllServices": False}}
                    },
                }
            ),
            pod_identity_associations=[
                eks.CfnAddon.PodIdentityAssociationProperty(
                    service_account=SERVICE_ACCOUNT, role_arn=role.role_arn
                )
            ],
        )
        # What starts first would create the groups, unencrypted and for ever.
        add_on.node.add_dependency(role, *groups.values())

    def metric(self, name: str, *, namespace: str, service: str) -> cloudwatch.Metric:
        """Returns a metric of a service's pods, the highest in a minute.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/
        Container-Insights-metrics-enhanced-EKS.html
        """
        return cloudwatch.Metric(
            namespace="ContainerInsights",
            metric_name=name,
            dimensions_map={
                "ClusterName": self._cluster.name,
                "Namespace": namespace,
                "Service": service,
            },
            statistic="Maximum",
            period=Duration.minutes(1),
        )

    def _agents_role(self) -> iam.Role:
        """What the managed policy CloudWatchAgentServerPolicy allows, as far as it is needed here.

        Source: https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html
        """
        only_these_pods = {
            "aws:RequestTag/eks-cluster-arn": self._cluster.cluster.cluster_arn,
            "aws:RequestTag/kubernetes-namespace": NAMESPACE,
            "aws:RequestTag/kubernetes-service-account": SERVICE_ACCOUNT,
        }
        role = iam.Role(
            self,
            "Role",
            description="CloudWatch's agents on the cluster's nodes",
            assumed_by=iam.ServicePrincipal(
                "pods.eks.amazonaws.com", conditions={"StringEquals": only_these_pods}
            ).with_session_tags(),
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": "ContainerInsights"}},
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["ec2:DescribeTags", "ec2:DescribeVolumes"],
                resources=["*"],
                conditions={"StringEquals": {"ec2:Region": Stack.of(self).region}},
            )
        )
        role.add_to_policy(iam.PolicyStatement(actions=["logs:DescribeLogGroups"], resources=["*"]))
        acknowledge_wildcard(
            role,
            "*",
            "These actions know no resource types; metrics are limited to one namespace, what is "
            "read of EC2 to the Region.",
        )
        return role
