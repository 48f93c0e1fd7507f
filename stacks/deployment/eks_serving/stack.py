"""EKS Auto Mode: client in the VPC -> WAF -> internal load balancer, TLS -> 2 to 8 pods."""

from __future__ import annotations

from aws_cdk import Duration, Tags
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.kubernetes.auto_mode_cluster import AutoModeCluster
from mla_constructs.kubernetes.container_insights import ContainerInsights
from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.network.web_acl import WebAcl
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from runtime import containers
from runtime.kubernetes import inference
from stacks.deployment.eks_serving.facts import FACTS
from stacks.deployment.serving_certificate import certificate
from stacks.reference_stack import ReferenceStack

KEPT = logs.RetentionDays.ONE_MONTH


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

        balancer, targets = self._entry(vpc, cluster, key, alarms)
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
        self._listen(balancer, targets, key).node.add_dependency(available)

        self._watch_entry(balancer, targets, alarms)
        self._watch_pods(cluster, insights, alarms)

        self.output(
            "Url",
            f"https://{balancer.load_balancer_dns_name}/invocations",
            "POST CSV or JSON to it; with -c certificate_arn by the name in that certificate",
        )
        self.output(
            "ClientSecurityGroupId",
            balancer.clients.security_group_id,
            "Attach it to whoever may call, inside the VPC",
        )
        self.output("VpcId", vpc.vpc_id, "Clients and kubectl run here, or in a peered VPC")
        self.output(
            "ClusterName",
            cluster.name,
            "Give people access by aws eks create-access-entry and associate-access-policy",
        )
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _entry(
        self, vpc: PrivateVpc, cluster: AutoModeCluster, key: DataKey, alarms: AlarmTopic
    ) -> tuple[PrivateLoadBalancer, elbv2.ApplicationTargetGroup]:
        """The load balancer is the stack's, not the cluster's.

        An Ingress would let Auto Mode make one whose address and metrics the stack cannot know.
        """
        logged = AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal)
        balancer = PrivateLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            idle_timeout=Duration.seconds(60),  # as long as a real-time endpoint has
            access_logs=AccessLogBucket(
                self, "Requests", removal_policy=self.data_removal, access_logs=logged
            ),
        )
        firewall = WebAcl(
            self,
            "Firewall",
            requests_per_five_minutes=60_000,  # of one client: 200 requests/s
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )
        firewall.protect(balancer)
        alarms.watch(
            "FirewallBlocks",
            firewall.metric_blocked(),
            at_least=10,
            minutes=5,
            meaning="The firewall blocks requests: a client too fast, or content it takes for an "
            "attack; its log says which rule.",
        )
        balancer.connections.allow_to(
            cluster.cluster.cluster_security_group,
            ec2.Port.tcp(inference.PORT),
            "The load balancer reaches the pods",
        )
        return balancer, self._targets(vpc, cluster)

    def _targets(self, vpc: PrivateVpc, cluster: AutoModeCluster) -> elbv2.ApplicationTargetGroup:
        targets = elbv2.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=vpc,
            target_type=elbv2.TargetType.IP,
            # TLS ends at the load balancer; from there to the pod it is HTTP inside the VPC.
            protocol=elbv2.ApplicationProtocol.HTTP,
            port=inference.PORT,
            load_balancing_algorithm_type=(
                elbv2.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS
            ),
            # Less than the pods' preStop: they hear of SIGTERM when nothing comes any more.
            deregistration_delay=Duration.seconds(20),
            health_check=elbv2.HealthCheck(
                path="/ping",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
        # By this tag Auto Mode's controller may register pods.
        Tags.of(targets).add("eks:eks-cluster-name", cluster.name)
        return targets

    def _listen(
        self, balancer: PrivateLoadBalancer, targets: elbv2.ApplicationTargetGroup, key: DataKey
    ) -> elbv2.ApplicationListener:
        listener = balancer.add_listener(
            "Https",
            port=443,
            open=False,
            certificates=[certificate(self, balancer, key=key, log_retention=KEPT)],
            ssl_policy=elbv2.SslPolicy.TLS13_RES,
            default_action=elbv2.ListenerAction.fixed_response(404),
        )
        # Nothing else of the container is reachable, /ping neither.
        listener.add_action(
            "Invocations",
            priority=1,
            conditions=[
                elbv2.ListenerCondition.path_patterns(["/invocations"]),
                elbv2.ListenerCondition.http_request_methods(["POST"]),
            ],
            action=elbv2.ListenerAction.forward([targets]),
        )
        return listener

    def _watch_entry(
        self,
        balancer: PrivateLoadBalancer,
        targets: elbv2.ApplicationTargetGroup,
        alarms: AlarmTopic,
    ) -> None:
        minute = Duration.minutes(1)
        alarms.watch(
            "ServerErrors",
            targets.metrics.http_code_target(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=minute),
            at_least=1,
            minutes=1,
            meaning="Requests fail in the container: read the pods' log.",
        )
        alarms.watch(
            "NoAnswer",
            balancer.metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT, period=minute),
            at_least=1,
            minutes=1,
            meaning="The load balancer got no answer from a pod: none healthy, one that hung up, "
            "or a time-out.",
        )
        alarms.watch(
            "Latency",
            targets.metrics.target_response_time(statistic="p99", period=minute),
            at_least=0.5,
            minutes=5,
            meaning="One request in a hundred waits 0.5 s or more for a pod.",
        )
        alarms.watch(
            "UnhealthyPods",
            targets.metrics.unhealthy_host_count(statistic=cloudwatch.Stats.MAXIMUM, period=minute),
            at_least=1,
            minutes=5,
            meaning="A pod fails the load balancer's health check for 5 minutes: kubectl describe "
            "pod shows its events.",
        )

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
