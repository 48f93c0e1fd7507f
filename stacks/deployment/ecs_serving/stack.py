"""Fargate: client in the VPC -> firewall -> internal load balancer -> 2 to 8 tasks."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.containers.fargate_task import FargateTask
from mla_constructs.containers.insights_cluster import InsightsCluster
from mla_constructs.delivery.build_project import Architecture
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from runtime import containers
from stacks.deployment.ecs_serving.facts import FACTS
from stacks.deployment.serving_entry import (
    KEPT,
    balancer_behind_firewall,
    listen,
    targets_of,
    tell_clients,
    watch_entry,
)
from stacks.reference_stack import ReferenceStack

PORT = 8080


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

        balancer = balancer_behind_firewall(self, vpc, key=key, alarms=alarms)
        targets = targets_of(
            self,
            vpc,
            port=PORT,
            # A task that goes gets no new requests and this time for the old ones, then SIGTERM.
            deregistration_delay=Duration.seconds(30),
        )
        listen(self, balancer, targets, key=key)
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
                alarm_names=watch_entry(balancer, targets, alarms),
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

        tell_clients(self, balancer)
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
