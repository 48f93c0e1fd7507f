"""A Kubernetes cluster whose nodes, network and load-balancer controller AWS runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any, cast

import yaml
from aws_cdk import Aws, CfnResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.lambda_layer_kubectl_v36 import KubectlV36Layer
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.kubernetes.kubectl import kubectl_role, tidy
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import add_managed_policy

VERSION = eks.KubernetesVersion.V1_36
"""In standard support until 2027-08-02; the kubectl layer is of the same minor version.

https://docs.aws.amazon.com/eks/latest/userguide/kubernetes-versions.html
"""

CLUSTER_POLICIES = (
    "AmazonEKSClusterPolicy",
    "AmazonEKSBlockStoragePolicyV2",
    "AmazonEKSComputePolicy",
    "AmazonEKSLoadBalancingPolicy",
    "AmazonEKSNetworkingPolicy",
)
"""https://docs.aws.amazon.com/eks/latest/userguide/auto-cluster-iam-role.html"""

NODE_POLICIES = ("AmazonEKSWorkerNodeMinimalPolicy", "AmazonEC2ContainerRegistryPullOnly")
"""https://docs.aws.amazon.com/eks/latest/userguide/auto-create-node-role.html"""


class AutoModeCluster(Construct):
    """An EKS Auto Mode cluster with a private endpoint, encrypted secrets and all its logs.

    Nobody is an administrator but the function that applies manifests; people get access entries.
    The cluster has the stack's name: EKS logs under a name made from it, and would create the group
    unencrypted and leave it behind.

    Args:
        scope: Parent construct.
        id: Construct ID.
        vpc: Its private subnets hold the nodes and the endpoint, and need a way out: nodes pull
            images, and the function calls EKS.
        key: Encrypts secrets and logs.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Attributes:
        cluster: The cluster.
        name: Its name, a dimension of its metrics.

    Raises:
        InvalidArgument: The private subnets have no way out.

    Source: https://docs.aws.amazon.com/eks/latest/userguide/automode.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: PrivateVpc,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        if vpc.private_subnet_type is not ec2.SubnetType.PRIVATE_WITH_EGRESS:
            raise InvalidArgument("vpc has no way out: create it with internet=True.")
        self.name = Aws.STACK_NAME
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/eks/{self.name}/cluster",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self.cluster = eks.Cluster(
            self,
            "Cluster",
            cluster_name=self.name,
            version=VERSION,
            role=self._cluster_role(),
            compute=eks.ComputeConfig(node_pools=["general-purpose"], node_role=self._node_role()),
            vpc=vpc,
            vpc_subnets=[ec2.SubnetSelection(subnet_type=vpc.private_subnet_type)],
            endpoint_access=eks.EndpointAccess.PRIVATE,
            secrets_encryption_key=key,
            cluster_logging=list(eks.ClusterLoggingTypes),
            # CloudFormation's role creates the cluster and has no business in it.
            bootstrap_cluster_creator_admin_permissions=False,
            kubectl_provider_options=eks.KubectlProviderOptions(
                kubectl_layer=KubectlV36Layer(self, "Kubectl"),
                role=kubectl_role(self, self._arn),
            ),
            removal_policy=RemovalPolicy.DESTROY,
        )
        resource = self.cluster.node.find_child("Resource")
        assert isinstance(resource, CfnResource)  # noqa: S101 - a cluster of ours is one
        resource.node.add_dependency(log_group)
        # By default a version goes on past its standard support, at six times the price.
        resource.add_property_override("UpgradePolicy.SupportType", "STANDARD")
        tidy(self.cluster)
        # Of a policy that CDK did not get to add.
        self.node.try_remove_child("HasEcrPublic")

    def apply(self, id: str, *, folder: Path, values: Mapping[str, str]) -> eks.KubernetesManifest:
        """Applies a folder's manifests; deleted with the stack, they go before the cluster.

        Args:
            id: Construct ID.
            folder: YAML files, applied in the order of their names.
            values: What `$name` stands for in them.

        Raises:
            InvalidArgument: The folder has no manifests, or one asks for what is not given.
        """
        return self.cluster.add_manifest(id, *read_manifests(folder, values))

    def wait_for(
        self, id: str, *, kind: str, namespace: str, name: str, path: str, timeout: Duration
    ) -> eks.KubernetesObjectValue:
        """Lets the stack's creation wait until an object has a value, and fail if it gets none.

        kubectl returns as soon as the API server has a manifest, long before a pod runs. An update
        does not wait: the value is there already.

        Args:
            id: Construct ID.
            kind: Kind of the object, such as "deployment".
            namespace: Where it is.
            name: Its name.
            path: JSONPath of the value, such as ".status.availableReplicas".
            timeout: After which the creation fails, at most 14 minutes: a function waits.

        Raises:
            InvalidArgument: The time is out of range.
        """
        require_between("timeout", timeout.to_minutes(), 1, 14, unit="minutes")
        return eks.KubernetesObjectValue(
            self,
            id,
            cluster=cast(eks.ICluster, self.cluster),
            object_type=kind,
            object_namespace=namespace,
            object_name=name,
            json_path=path,
            timeout=timeout,
        )

    def add_on(self, id: str, name: str) -> eks.CfnAddon:
        """Installs an add-on, in the version that EKS chooses for the cluster's."""
        return eks.CfnAddon(self, id, cluster_name=self.cluster.cluster_name, addon_name=name)

    def metric_unschedulable(self) -> cloudwatch.Metric:
        """Returns how many pods the scheduler tried to place, and could not.

        Source: https://docs.aws.amazon.com/eks/latest/userguide/cloudwatch.html
        """
        return cloudwatch.Metric(
            namespace="AWS/EKS",
            metric_name="scheduler_pending_pods_UNSCHEDULABLE",
            dimensions_map={"ClusterName": self.name},
            statistic="Sum",
            period=Duration.minutes(1),
        )

    @property
    def _arn(self) -> str:
        return Stack.of(self).format_arn(service="eks", resource="cluster", resource_name=self.name)

    def _cluster_role(self) -> iam.IRole:
        """What EKS acts under, for this cluster and no other."""
        only_this_cluster = {
            "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
            "ArnLike": {"aws:SourceArn": self._arn},
        }
        role = iam.Role(
            self,
            "ClusterRole",
            description="EKS for the cluster: nodes, volumes, network interfaces, targets",
            assumed_by=iam.ServicePrincipal(
                "eks.amazonaws.com", conditions=only_this_cluster
            ).with_session_tags(),
        )
        for policy in CLUSTER_POLICIES:
            add_managed_policy(
                role,
                policy,
                "EKS Auto Mode asks for it and acts only on what carries the cluster's tag; a copy "
                "of ours would fall behind whenever Auto Mode learns something.",
            )
        # CDK would add an older version of one of them.
        return role.without_policy_updates()

    def _node_role(self) -> iam.Role:
        """What every node acts under, and no pod."""
        role = iam.Role(
            self,
            "NodeRole",
            description="Nodes: pull images, ask for pods' credentials",
            assumed_by=iam.ServicePrincipal("ec2.amazonaws.com"),
        )
        for policy in NODE_POLICIES:
            add_managed_policy(
                role,
                policy,
                "EKS asks for it. Nodes pull the images of add-ons from AWS's own accounts, which "
                "differ by Region, so that repositories cannot be named.",
            )
        return role


def read_manifests(folder: Path, values: Mapping[str, str]) -> Iterable[dict[str, Any]]:
    """Yields the objects of a folder's YAML files, with `$name` filled in.

    Raises:
        InvalidArgument: The folder has no manifests, or one asks for what is not given.
    """
    files = sorted(folder.glob("*.yaml"))
    if not files:
        raise InvalidArgument(f"folder is {str(folder)!r}: name one that has YAML files.")
    for file in files:
        try:
            text = Template(file.read_text()).substitute(values)
        except KeyError as error:
            raise InvalidArgument(
                f"{file.name} asks for ${error.args[0]}: give it in values."
            ) from None
        yield from yaml.safe_load_all(text)
