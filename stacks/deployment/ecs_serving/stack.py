"""Fargate: client in the VPC -> firewall -> internal load balancer -> 2 to 8 tasks."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.containers.fargate_task import FargateTask
from mla_constructs.containers.insights_cluster import InsightsCluster
from mla_constructs.delivery.build_project import Architecture
from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.network.web_acl import WebAcl
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from runtime import containers
from stacks.deployment.ecs_serving.facts import FACTS
from stacks.deployment.serving_certificate import certificate
from stacks.reference_stack import ReferenceStack

PORT = 8080
KEPT = logs.RetentionDays.ONE_MONTH


class EcsServingStack(ReferenceStack):
    """Answers over HTTPS inside a VPC, from containers on machines that nobody manages."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)
        vpc = PrivateVpc(self, "Vpc", key=key, log_retention=KEPT, removal_policy=self.data_removal)
        # Without a way out, Fargate pulls and logs through these; layers come through S3's gateway.
        for name, endpoint in {
            "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
            "EcrDocker": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
            "CloudWatchLogs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
        }.items():
            vpc.add_private_endpoint(name, endpoint)

        balancer = self._balancer(vpc)
        self._protect(balancer, key, alarms)
        targets = self._listen(balancer, vpc, key)
        task = self._task(key)
        service = ecs.FargateService(
            self,
            "Service",
            cluster=InsightsCluster(
                self,
                "Cluster",
                vpc=vpc,
                key=key,
                log_retention=KEPT,
                removal_policy=self.data_removal,
            ),
            task_definition=task,
            vpc_subnets=ec2.SubnetSelection(subnet_type=vpc.private_subnet_type),
            security_groups=[self._task_access(vpc)],
            assign_public_ip=False,
            platform_version=ecs.FargatePlatformVersion.VERSION1_4,
            availability_zone_rebalancing=ecs.AvailabilityZoneRebalancing.ENABLED,
            health_check_grace_period=Duration.seconds(60),
            # No desired count: with one, each deployment would undo what scaling has done.
            # New tasks start beside the old ones, which go when the new ones are healthy.
            min_healthy_percent=100,
            max_healthy_percent=200,
            # Back to the last version if tasks do not become healthy, or if answers fail.
            circuit_breaker=ecs.DeploymentCircuitBreaker(enable=True, rollback=True),
            deployment_alarms=ecs.DeploymentAlarmConfig(
                alarm_names=self._watch(balancer, targets, alarms),
                behavior=ecs.AlarmBehavior.ROLLBACK_ON_ALARM,
            ),
        )
        targets.add_target(service)
        # The first tasks find their endpoints and permissions, or the circuit breaker gives up.
        service.node.add_dependency(vpc, task.obtain_execution_role())
        self._scale(service, targets)
        alarms.watch(
            "CpuSaturation",
            service.metric_cpu_utilization(period=Duration.minutes(1)),
            at_least=90,
            minutes=5,
            meaning="Tasks are saturated: is the scaling at its maximum, its target too high?",
        )

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
        self.output("VpcId", vpc.vpc_id, "Clients run here, or in a peered VPC")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _task(self, key: DataKey) -> FargateTask:
        # Not ARM64, though it has a price of its own: in us-east-1 one Availability Zone lacks it,
        # and which one that is differs from account to account.
        architecture: Architecture = "x86_64"
        image = BuiltImage(
            self,
            "Image",
            folder=containers.CONTEXT,
            dockerfile=containers.INFERENCE,
            architecture=architecture,
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )
        return FargateTask(
            self,
            "Task",
            image=image,  # the model is in it: a task fetches nothing else when it starts
            port=PORT,
            cpu=1024,  # one vCPU: smaller tasks make finer steps, larger ones fewer copies
            memory_mib=2048,
            architecture=architecture,
            environment={
                # By itself the server counts the cores of the host, not those of the task.
                "SERVING_WORKERS": "1",
                "SERVING_MAX_BYTES": str(6 * 1024 * 1024),  # as much as an endpoint takes
            },
            # After SIGTERM the server finishes what it has begun, for 25 s at most.
            stop_timeout=Duration.seconds(30),
            key=key,
            log_retention=KEPT,
            removal_policy=self.data_removal,
        )

    def _task_access(self, vpc: PrivateVpc) -> ec2.SecurityGroup:
        group = ec2.SecurityGroup(
            self,
            "TaskAccess",
            vpc=vpc,
            description="Tasks: the load balancer in, TLS out",
            allow_all_outbound=False,
        )
        # S3's addresses are many; the routes lead to it and to the endpoints, nowhere else.
        group.add_egress_rule(ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "ECR, S3 and CloudWatch Logs")
        return group

    def _balancer(self, vpc: PrivateVpc) -> PrivateLoadBalancer:
        logged = AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal)
        return PrivateLoadBalancer(
            self,
            "Balancer",
            vpc=vpc,
            idle_timeout=Duration.seconds(60),  # as long as a real-time endpoint has
            access_logs=AccessLogBucket(
                self, "Requests", removal_policy=self.data_removal, access_logs=logged
            ),
        )

    def _protect(self, balancer: PrivateLoadBalancer, key: DataKey, alarms: AlarmTopic) -> None:
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

    def _listen(
        self, balancer: PrivateLoadBalancer, vpc: PrivateVpc, key: DataKey
    ) -> elbv2.ApplicationTargetGroup:
        """Passes the one request that clients may make on to the tasks."""
        targets = elbv2.ApplicationTargetGroup(
            self,
            "Targets",
            vpc=vpc,
            target_type=elbv2.TargetType.IP,
            # TLS ends at the load balancer; from there to the task it is HTTP inside the VPC.
            protocol=elbv2.ApplicationProtocol.HTTP,
            port=PORT,
            load_balancing_algorithm_type=(
                elbv2.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS
            ),
            # A task that goes gets no new requests and this time for the old ones, then SIGTERM.
            deregistration_delay=Duration.seconds(30),
            health_check=elbv2.HealthCheck(
                path="/ping",
                interval=Duration.seconds(10),
                timeout=Duration.seconds(5),
                healthy_threshold_count=2,
                unhealthy_threshold_count=3,
            ),
        )
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
        return targets

    def _scale(self, service: ecs.FargateService, targets: elbv2.ApplicationTargetGroup) -> None:
        # Two, for the loss of a task or of an Availability Zone.
        scaling = service.auto_scale_task_count(min_capacity=2, max_capacity=8)
        # Out if either says so, in only if both agree.
        scaling.scale_on_request_count(
            "Requests",
            target_group=targets,
            # 200 requests/s x 0.5 x 60; an assumption: replace it by your load test's figure.
            requests_per_target=6000,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )
        # Requests differ in their rows, so that their number alone may mislead.
        scaling.scale_on_cpu_utilization(
            "Cpu",
            target_utilization_percent=60,
            scale_out_cooldown=Duration.seconds(60),
            scale_in_cooldown=Duration.seconds(300),
        )

    def _watch(
        self,
        balancer: PrivateLoadBalancer,
        targets: elbv2.ApplicationTargetGroup,
        alarms: AlarmTopic,
    ) -> list[str]:
        """Creates the load balancer's alarms; returns those on which a deployment goes back."""
        minute = Duration.minutes(1)
        failed = alarms.watch(
            "ServerErrors",
            targets.metrics.http_code_target(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=minute),
            at_least=1,
            minutes=1,
            meaning="Requests fail in the container: read the tasks' log.",
        )
        unanswered = alarms.watch(
            "NoAnswer",
            balancer.metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT, period=minute),
            at_least=1,
            minutes=1,
            meaning="The load balancer got no answer from a task: none healthy, one that hung up, "
            "or a time-out.",
        )
        alarms.watch(
            "Latency",
            targets.metrics.target_response_time(statistic="p99", period=minute),
            at_least=0.5,
            minutes=5,
            meaning="One request in a hundred waits 0.5 s or more for a task.",
        )
        alarms.watch(
            "UnhealthyTasks",
            targets.metrics.unhealthy_host_count(statistic=cloudwatch.Stats.MAXIMUM, period=minute),
            at_least=1,
            minutes=5,
            meaning="A task fails its health check for 5 minutes and is not replaced by one that "
            "does not: read the service's events.",
        )
        return [failed.alarm_name, unanswered.alarm_name]
