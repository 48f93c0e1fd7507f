"""A network that nothing reaches from outside."""

from __future__ import annotations

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard

CIDR = "10.0.0.0/16"


class PrivateVpc(ec2.Vpc):
    """A VPC over two Availability Zones, with flow logs and a gateway endpoint for S3.

    Without internet there are isolated subnets only: what runs there reaches AWS through interface
    endpoints, by the hour and zone. With it there are public subnets as well, which hold nothing
    but one NAT gateway, by the hour and GB.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the flow logs.
        log_retention: How long they are kept.
        removal_policy: What becomes of them when the stack is deleted.
        internet: True lets private subnets call out through one NAT gateway.

    Attributes:
        private_subnet_type: Where workloads belong.

    Source: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-best-practices.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
        internet: bool = False,
    ) -> None:
        self.private_subnet_type = (
            ec2.SubnetType.PRIVATE_WITH_EGRESS if internet else ec2.SubnetType.PRIVATE_ISOLATED
        )
        private = ec2.SubnetConfiguration(
            name="private", subnet_type=self.private_subnet_type, cidr_mask=20
        )
        public = ec2.SubnetConfiguration(
            name="public",
            subnet_type=ec2.SubnetType.PUBLIC,
            cidr_mask=24,
            map_public_ip_on_launch=False,
        )
        super().__init__(
            scope,
            id,
            ip_addresses=ec2.IpAddresses.cidr(CIDR),
            max_azs=2,
            nat_gateways=1 if internet else 0,
            subnet_configuration=[private, public] if internet else [private],
            # Emptying the default group takes a function with rights on all of them; nothing here
            # uses it.
            restrict_default_security_group=False,
        )
        self.add_gateway_endpoint("S3", service=ec2.GatewayVpcEndpointAwsService.S3)
        self._log_flows(key, log_retention, removal_policy)

    def add_private_endpoint(
        self, id: str, service: ec2.InterfaceVpcEndpointAwsService
    ) -> ec2.InterfaceVpcEndpoint:
        """Returns an interface endpoint that answers by TLS, under the service's own name."""
        group = ec2.SecurityGroup(
            self,
            f"{id}Access",
            vpc=self,
            description=f"Who reaches the endpoint {id}",
            allow_all_outbound=False,
        )
        group.add_ingress_rule(ec2.Peer.ipv4(CIDR), ec2.Port.tcp(443), "TLS from inside the VPC")
        return self.add_interface_endpoint(
            id,
            service=service,
            subnets=ec2.SubnetSelection(subnet_type=self.private_subnet_type),
            security_groups=[group],
            open=False,
            private_dns_enabled=True,
        )

    def _log_flows(
        self, key: DataKey, log_retention: logs.RetentionDays, removal_policy: RemovalPolicy
    ) -> None:
        log_group = EncryptedLogGroup(
            self,
            "FlowLogs",
            name=f"/aws/vpc/{Aws.STACK_NAME}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        role = iam.Role(
            self,
            "FlowLogRole",
            assumed_by=iam.ServicePrincipal(
                "vpc-flow-logs.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": self.stack.account},
                    "ArnLike": {
                        "aws:SourceArn": self.stack.format_arn(
                            service="ec2", resource="vpc-flow-log", resource_name="*"
                        )
                    },
                },
            ),
        )
        log_group.grant_writing(role)
        acknowledge_wildcard(
            role,
            log_group.log_group_arn,
            "A stream is named after a network interface; the group is the VPC's own.",
        )
        role.add_to_policy(iam.PolicyStatement(actions=["logs:DescribeLogGroups"], resources=["*"]))
        acknowledge_wildcard(role, "*", "logs:DescribeLogGroups knows no resource types.")
        flow_log = ec2.CfnFlowLog(
            self,
            "FlowLog",
            resource_id=self.vpc_id,
            resource_type="VPC",
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_group_name=log_group.log_group_name,
            deliver_logs_permission_arn=role.role_arn,
        )
        flow_log.node.add_dependency(role)
