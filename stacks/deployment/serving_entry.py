"""The way in that containers on ECS and on EKS share, so that only what runs them differs."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_logs as logs

from mla_constructs.network.private_load_balancer import PrivateLoadBalancer
from mla_constructs.network.private_vpc import PrivateVpc
from mla_constructs.network.web_acl import WebAcl
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from stacks.deployment.serving_certificate import certificate
from stacks.reference_stack import ReferenceStack

KEPT = logs.RetentionDays.ONE_MONTH


def balancer_behind_firewall(
    stack: ReferenceStack, vpc: PrivateVpc, *, key: DataKey, alarms: AlarmTopic
) -> PrivateLoadBalancer:
    """Returns an internal load balancer that logs every request, with a firewall before it."""
    logged = AccessLogBucket(stack, "AccessLogs", removal_policy=stack.data_removal)
    balancer = PrivateLoadBalancer(
        stack,
        "Balancer",
        vpc=vpc,
        idle_timeout=Duration.seconds(60),  # as long as a real-time endpoint has
        access_logs=AccessLogBucket(
            stack, "Requests", removal_policy=stack.data_removal, access_logs=logged
        ),
    )
    firewall = WebAcl(
        stack,
        "Firewall",
        requests_per_five_minutes=60_000,  # of one client: 200 requests/s
        key=key,
        log_retention=KEPT,
        removal_policy=stack.data_removal,
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
    return balancer


def targets_of(
    stack: ReferenceStack, vpc: PrivateVpc, *, port: int, deregistration_delay: Duration
) -> elbv2.ApplicationTargetGroup:
    """Returns the group of copies that the load balancer spreads requests over.

    Args:
        stack: Parent construct.
        vpc: Where the copies run.
        port: On which they listen.
        deregistration_delay: What a copy that goes has for the requests it got before.
    """
    return elbv2.ApplicationTargetGroup(
        stack,
        "Targets",
        vpc=vpc,
        target_type=elbv2.TargetType.IP,
        # TLS ends at the load balancer; from there to the container it is HTTP inside the VPC.
        protocol=elbv2.ApplicationProtocol.HTTP,
        port=port,
        load_balancing_algorithm_type=(
            elbv2.TargetGroupLoadBalancingAlgorithmType.LEAST_OUTSTANDING_REQUESTS
        ),
        deregistration_delay=deregistration_delay,
        health_check=elbv2.HealthCheck(
            path="/ping",
            interval=Duration.seconds(10),
            timeout=Duration.seconds(5),
            healthy_threshold_count=2,
            unhealthy_threshold_count=3,
        ),
    )


def listen(
    stack: ReferenceStack,
    balancer: PrivateLoadBalancer,
    targets: elbv2.ApplicationTargetGroup,
    *,
    key: DataKey,
) -> elbv2.ApplicationListener:
    """Returns the listener that passes on the one request that clients may make, by TLS."""
    listener = balancer.add_listener(
        "Https",
        port=443,
        open=False,
        certificates=[certificate(stack, balancer, key=key, log_retention=KEPT)],
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


def watch_entry(
    balancer: PrivateLoadBalancer, targets: elbv2.ApplicationTargetGroup, alarms: AlarmTopic
) -> list[str]:
    """Creates the alarms of the way in; returns the names of those that speak of failed answers."""
    minute = Duration.minutes(1)
    failed = alarms.watch(
        "ServerErrors",
        targets.metrics.http_code_target(elbv2.HttpCodeTarget.TARGET_5XX_COUNT, period=minute),
        at_least=1,
        minutes=1,
        meaning="Requests fail in the container: read its log.",
    )
    unanswered = alarms.watch(
        "NoAnswer",
        balancer.metrics.http_code_elb(elbv2.HttpCodeElb.ELB_5XX_COUNT, period=minute),
        at_least=1,
        minutes=1,
        meaning="The load balancer got no answer from a container: none healthy, one that hung "
        "up, or a time-out.",
    )
    alarms.watch(
        "Latency",
        targets.metrics.target_response_time(statistic="p99", period=minute),
        at_least=0.5,
        minutes=5,
        meaning="One request in a hundred waits 0.5 s or more for a container.",
    )
    alarms.watch(
        "Unhealthy",
        targets.metrics.unhealthy_host_count(statistic=cloudwatch.Stats.MAXIMUM, period=minute),
        at_least=1,
        minutes=5,
        meaning="A container fails its health check for 5 minutes and is not replaced by one that "
        "does not: read the events of the service, or of the pod.",
    )
    return [failed.alarm_name, unanswered.alarm_name]


def tell_clients(stack: ReferenceStack, balancer: PrivateLoadBalancer) -> None:
    """Adds the outputs that a client needs."""
    stack.output(
        "Url",
        f"https://{balancer.load_balancer_dns_name}/invocations",
        "POST CSV or JSON to it; with -c certificate_arn by the name in that certificate",
    )
    stack.output(
        "ClientSecurityGroupId",
        balancer.clients.security_group_id,
        "Attach it to whoever may call, inside the VPC",
    )
