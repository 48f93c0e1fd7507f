"""EKS Auto Mode: client in the VPC -> WAF -> internal load balancer, TLS -> 2 to 8 pods."""

from __future__ import annotations

from aws_cdk import Duration, Tags
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.kubernetes.auto_mode_cluster import AutoModeCluster
from mla_constructs.kubernetes.container_insights import ContainerInsights
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from runtime import containers
from runtime.kubernetes import inference
from stacks.deployment.eks_serving.facts import FACTS
from stacks.deployment.serving_entry import (
    KEPT,
    balancer_behind_firewall,
    listen,
    targets_of,
    tell_clients,
    watch_entry,
)
from stacks.reference_stack import ReferenceStack


class EksServingStack(ReferenceStack):
    """Answers over HTTPS inside a VPC, from pods on nodes that AWS adds, patches and removes."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)
        # Nodes pull the images of add-ons, the kubectl function calls EKS and Lambda: one NAT
        # gateway costs less than interface endpoints for all that they call.
        vpc = PrivateVpc(
            self,
            "Vpc",
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
            internet=True,
        )
        image = BuiltImage(
            self,
            "Image",
            folder=containers.CONTEXT,
            dockerfile=containers.INFERENCE,
            architecture="x86_64",
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )
        cluster = AutoModeCluster(
            self,
            "Kubernetes",
            vpc=vpc,
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )
        # Auto Mode brings no metrics server, and without one no pod is ever added.
        metrics = cluster.add_on("MetricsServer", "metrics-server")
        insights = ContainerInsights(
            self,
            "Insights",
            cluster=cluster,
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )

        # The load balancer is not the cluster's: of one that an Ingress makes the stack
        # would know neither address nor metrics.
        balancer = balancer_behind_firewall(self, vpc, key=key, alarms=alarms)
        balancer.connections.allow_to(
            cluster.cluster.cluster_security_group,
            ec2.Port.tcp(inference.PORT),
            "The load balancer reaches the pods",
        )
        targets = targets_of(
            self,
            vpc,
            port=inference.PORT,
            # Less than the pods' preStop: they hear of SIGTERM when nothing comes any more.
            deregistration_delay=Duration.seconds(20),
        )
        # By this tag Auto Mode's controller may register pods.
        Tags.of(targets).add("eks:eks-cluster-name", cluster.name)
        workload = cluster.apply(
            "Workload",
            folder=inference.MANIFESTS,
            values={
                "image": image.uri,  # the model is in it: a pod fetches nothing else
                "architecture": "amd64",  # the one the image is built for
                "min_replicas": "2",  # for the loss of a pod, a node, or an Availability Zone
                "max_replicas": "8",
                "cpu_target": "60",  # %: what is left bridges the time until a new pod is ready
                "vpc_cidr": vpc.vpc_cidr_block,
                "target_group": targets.target_group_arn,
            },
        )
        workload.node.add_dependency(metrics)
        available = cluster.wait_for(
            "Available",
            kind="deployment",
            namespace=inference.NAMESPACE,
            name=inference.NAME,
            path=".status.availableReplicas",
            timeout=Duration.minutes(10),  # the first pod brings the first node
        )
        available.node.add_dependency(workload)
        # Deleted in the opposite order: no traffic, no pods, then what they were registered with.
        listen(self, balancer, targets, key=key).node.add_dependency(available)

        watch_entry(balancer, targets, alarms)
        self._watch_pods(cluster, insights, alarms)

        tell_clients(self, balancer)
        self.output("VpcId", vpc.vpc_id, "Clients and kubectl run here, or in a peered VPC")
        self.output(
            "ClusterName",
            cluster.name,
            "Give people access by aws eks create-access-entry and associate-access-policy",
        )
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch_pods(
        self, cluster: AutoModeCluster, insights: ContainerInsights, alarms: AlarmTopic
    ) -> None:
        alarms.watch(
            "CrashLoops",
            insights.metric(
                "pod_container_status_waiting_reason_crash_loop_back_off",
                namespace=inference.NAMESPACE,
                service=inference.NAME,
            ),
            at_least=1,
            minutes=3,
            meaning="A new pod ends again and again, and the roll-out stands still: its log in the "
            "group of the application says why.",
        )
        alarms.watch(
            "CpuSaturation",
            insights.metric(
                "pod_cpu_utilization_over_pod_limit",
                namespace=inference.NAMESPACE,
                service=inference.NAME,
            ),
            at_least=90,
            minutes=5,
            meaning="Pods are saturated: is the autoscaler at its maximum, its target too high?",
        )
        alarms.watch(
            "PendingPods",
            cluster.metric_unschedulable(),
            at_least=1,
            # A node takes about a minute; whoever waits for ten gets none.
            minutes=10,
            meaning="Pods find no node: an EC2 quota, no capacity in a zone, or a pod that asks "
            "for more than any node has. kubectl get nodeclaims shows what Auto Mode tried.",
        )
