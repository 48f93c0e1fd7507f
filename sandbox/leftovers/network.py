"""What connects: addresses, gateways, load balancers, endpoints and interfaces of a network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from sandbox.aws import Account
from sandbox.leftovers.listed import Listed, wait_until_gone
from sandbox.leftovers.model import Cost, Leftover
from sandbox.leftovers.owners import PROJECT, Owner
from sandbox.leftovers.survey import Survey, tags_of

OURS = {"Filters": [{"Name": "tag:project", "Values": [PROJECT]}]}
GONE = {"deleted", "deleting", "failed"}


class Ec2(Listed):
    """What EC2 lists by its tags."""

    service = "ec2"
    arguments: ClassVar[Mapping[str, Any]] = OURS

    def counts(self, item: Mapping[str, Any]) -> bool:
        """Returns whether it is not gone already: EC2 shows it for an hour."""
        return str(item.get("State", "")).lower() not in GONE

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:  # noqa: ARG002
        """Returns its tags, which the list has."""
        return tags_of(item)


class NatGateways(Ec2):
    """NAT gateways."""

    kind = "NAT gateway"
    covers = ("ec2:natgateway",)
    listing = ("describe_nat_gateways", "NatGateways")
    id = "NatGatewayId"
    since = "CreateTime"
    cost = Cost.HOUR
    deletion = ("delete_nat_gateway", "NatGatewayId")

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it and waits until it is gone: it holds an address and an interface."""
        super().remove(account, leftover)

        def exists() -> bool:
            answer = account.ask("ec2", "describe_nat_gateways", NatGatewayIds=[leftover.id])
            return any(gateway["State"] != "deleted" for gateway in answer["NatGateways"])

        wait_until_gone(exists, leftover.name)


class Addresses(Ec2):
    """Elastic IP addresses."""

    kind = "Elastic IP"
    covers = ("ec2:elastic-ip",)
    listing = ("describe_addresses", "Addresses")
    id = "AllocationId"
    name = "PublicIp"
    cost = Cost.HOUR
    deletion = ("release_address", "AllocationId")
    removal = "release"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those whose tags name a stack that lives no more; the call knows no pages."""
        for item in survey.look("ec2", "describe_addresses", **OURS).get("Addresses", []):
            if owner := survey.owner(tags_of(item)):
                yield self.leftover(item, owner.stack, owner.reason)


class VpcEndpoints(Ec2):
    """VPC endpoints."""

    kind = "VPC endpoint"
    covers = ("ec2:vpc-endpoint",)
    listing = ("describe_vpc_endpoints", "VpcEndpoints")
    id = "VpcEndpointId"
    since = "CreationTimestamp"
    cost = Cost.HOUR

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it."""
        account.ask("ec2", "delete_vpc_endpoints", VpcEndpointIds=[leftover.id])


class _Balanced(Listed):
    """What Elastic Load Balancing lists; tags are asked for one by one."""

    service = "elbv2"

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns its tags, as the service knows them."""
        answer = survey.look("elbv2", "describe_tags", ResourceArns=[item[self.id]])
        return tags_of(next(iter(answer.get("TagDescriptions", [])), {}))


class LoadBalancers(_Balanced):
    """Load balancers."""

    kind = "load balancer"
    covers = ("elasticloadbalancing:loadbalancer", "elasticloadbalancing:listener")
    listing = ("describe_load_balancers", "LoadBalancers")
    id = "LoadBalancerArn"
    name = "LoadBalancerName"
    since = "CreatedTime"
    cost = Cost.HOUR
    deletion = ("delete_load_balancer", "LoadBalancerArn")


class TargetGroups(_Balanced):
    """Target groups."""

    kind = "target group"
    covers = ("elasticloadbalancing:targetgroup",)
    listing = ("describe_target_groups", "TargetGroups")
    id = "TargetGroupArn"
    name = "TargetGroupName"
    deletion = ("delete_target_group", "TargetGroupArn")


class Interfaces(Listed):
    """Network interfaces in networks of ours: the usual reason why a network cannot be deleted."""

    kind = "network interface"
    covers = ("ec2:network-interface",)
    service = "ec2"
    id = "NetworkInterfaceId"
    deletion = ("delete_network_interface", "NetworkInterfaceId")
    removal = "detach, delete"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields the interfaces in networks whose stacks live no more."""
        networks = our_networks(survey)
        if not networks:
            return
        within = [{"Name": "vpc-id", "Values": [*networks]}]
        listing = ("describe_network_interfaces", "NetworkInterfaces")
        for item in survey.list("ec2", *listing, Filters=within):
            if owner := survey.left(networks[item["VpcId"]]):
                managed = bool(item.get("RequesterManaged"))
                yield self.leftover(
                    item,
                    owner.stack,
                    owner.reason,
                    by_hand=managed,
                    removal=f"goes with its owner: {item.get('Description') or 'a service'}"
                    if managed
                    else self.removal,
                )

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Detaches it, if it is attached, and deletes it."""
        for interface in self._described(account, leftover):
            if attachment := interface.get("Attachment"):
                account.ask(
                    "ec2",
                    "detach_network_interface",
                    AttachmentId=attachment["AttachmentId"],
                    Force=True,
                )
        wait_until_gone(
            lambda: any("Attachment" in each for each in self._described(account, leftover)),
            f"the attachment of {leftover.name}",
        )
        super().remove(account, leftover)

    def _described(self, account: Account, leftover: Leftover) -> list[dict[str, Any]]:
        return account.pages(
            "ec2",
            "describe_network_interfaces",
            "NetworkInterfaces",
            NetworkInterfaceIds=[leftover.id],
        )


class Networks(Ec2):
    """VPCs, with what has no price and no use outside of one."""

    kind = "VPC"
    covers = (
        "ec2:vpc",
        "ec2:internet-gateway",
        "ec2:route-table",
        "ec2:security-group",
        "ec2:subnet",
    )
    listing = ("describe_vpcs", "Vpcs")
    id = "VpcId"
    removal = "with its parts"

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes its gateways, subnets, route tables, security groups, and it."""
        within = [{"Name": "vpc-id", "Values": [leftover.id]}]

        def parts(operation: str, key: str, filters: Any = within) -> list[dict[str, Any]]:
            return account.pages("ec2", operation, key, Filters=filters)

        attached = [{"Name": "attachment.vpc-id", "Values": [leftover.id]}]
        for gateway in parts("describe_internet_gateways", "InternetGateways", attached):
            named = {"InternetGatewayId": gateway["InternetGatewayId"]}
            account.ask("ec2", "detach_internet_gateway", VpcId=leftover.id, **named)
            account.ask("ec2", "delete_internet_gateway", **named)
        for subnet in parts("describe_subnets", "Subnets"):
            account.ask("ec2", "delete_subnet", SubnetId=subnet["SubnetId"])
        for table in parts("describe_route_tables", "RouteTables"):
            if not any(use.get("Main") for use in table.get("Associations", [])):
                account.ask("ec2", "delete_route_table", RouteTableId=table["RouteTableId"])
        groups = parts("describe_security_groups", "SecurityGroups")
        groups = [group for group in groups if group["GroupName"] != "default"]
        for group in groups:  # they name each other in their rules
            for rules, verb in (("IpPermissions", "ingress"), ("IpPermissionsEgress", "egress")):
                if group.get(rules):
                    account.ask(
                        "ec2",
                        f"revoke_security_group_{verb}",
                        GroupId=group["GroupId"],
                        IpPermissions=group[rules],
                    )
        for group in groups:
            account.ask("ec2", "delete_security_group", GroupId=group["GroupId"])
        account.ask("ec2", "delete_vpc", VpcId=leftover.id)


def our_networks(survey: Survey) -> dict[str, Owner]:
    """Returns VPC -> whose it is, of those that carry our tags."""
    owners = {
        vpc["VpcId"]: survey.owners.of_tags(tags_of(vpc))
        for vpc in survey.list("ec2", "describe_vpcs", "Vpcs", **OURS)
    }
    return {
        vpc: Owner(owner.stack, "tag of its VPC", owner.stack_id)
        for vpc, owner in owners.items()
        if owner
    }
