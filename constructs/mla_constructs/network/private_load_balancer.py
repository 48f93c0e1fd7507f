"""A load balancer that only members of a security group reach, over TLS."""

from __future__ import annotations

from aws_cdk import Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_elasticloadbalancingv2 as elbv2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.network.private_vpc import PrivateVpc


class PrivateLoadBalancer(elbv2.ApplicationLoadBalancer):
    """An internal Application Load Balancer with access logs, open to its clients' group alone.

    Args:
        scope: Parent construct.
        id: Construct ID.
        vpc: Where it stands, in the private subnets.
        idle_timeout: After which it closes a connection on which nothing moves, so the longest
            that an answer may take; 1 to 4000 s.
        access_logs: Receives a line per request; SSE-S3, for nothing else is supported.

    Attributes:
        clients: Security group whose members may call.

    Raises:
        InvalidArgument: The idle time-out is out of range.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/
    enable-access-logging.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        vpc: PrivateVpc,
        idle_timeout: Duration,
        access_logs: s3.Bucket,
    ) -> None:
        require_between("idle_timeout", idle_timeout.to_seconds(), 1, 4000, unit="s")
        super().__init__(
            scope,
            id,
            vpc=vpc,
            vpc_subnets=ec2.SubnetSelection(subnet_type=vpc.private_subnet_type),
            internet_facing=False,
            idle_timeout=idle_timeout,
            # What two servers could read in two ways goes no further.
            drop_invalid_header_fields=True,
            desync_mitigation_mode=elbv2.DesyncMitigationMode.STRICTEST,
            # It goes with the stack and holds no data; production protects it.
            deletion_protection=False,
        )
        self.clients = ec2.SecurityGroup(
            self,
            "Clients",
            vpc=vpc,
            description="Whoever has it may call the load balancer",
            allow_all_outbound=False,
        )
        self.connections.allow_from(self.clients, ec2.Port.tcp(443), "Clients, over TLS")
        self._log_to(access_logs, prefix=id)

    def _log_to(self, bucket: s3.Bucket, *, prefix: str) -> None:
        """CDK's own method has to know the Region, and does not limit who delivers."""
        stack = Stack.of(self)
        bucket.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("logdelivery.elasticloadbalancing.amazonaws.com")],
                actions=["s3:PutObject"],
                resources=[bucket.arn_for_objects(f"{prefix}/AWSLogs/{stack.account}/*")],
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {
                        "aws:SourceArn": stack.format_arn(
                            service="elasticloadbalancing", resource="loadbalancer/*"
                        )
                    },
                },
            )
        )
        self.set_attribute("access_logs.s3.enabled", "true")
        self.set_attribute("access_logs.s3.bucket", bucket.bucket_name)
        self.set_attribute("access_logs.s3.prefix", prefix)
        # It writes a test object as soon as it logs.
        if bucket.policy:
            self.node.add_dependency(bucket.policy)
