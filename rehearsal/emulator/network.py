"""Network resources that MiniStack's EC2 knows and its CloudFormation does not.

They exist for the EC2 API, as all that is there of a network: no packet travels by them.
"""

from __future__ import annotations

from typing import Any

from rehearsal.emulator import host, schemas, session

Properties = dict[str, Any]
Created = tuple[str, Properties]


def register() -> None:
    """Lets CloudFormation create them by EC2's own calls."""
    for resource in (Address(), NatGateway(), FlowLog(), Rule("Ingress"), Rule("Egress")):
        host.add_type(resource.type, resource.behaviour())


class NetworkType:
    """A type that is replaced whenever it changes.

    Attributes:
        type: Such as "AWS::EC2::EIP".
    """

    type: str

    def behaviour(self) -> host.ResourceType:
        """Returns what CloudFormation does with it."""
        return host.ResourceType(self._checked, self._replaced, self.delete)

    def create(self, properties: Properties) -> Created:
        """Creates one and returns what Ref and Fn::GetAtt give."""
        raise NotImplementedError

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Deletes one."""
        raise NotImplementedError

    def _checked(self, logical_id: str, properties: Properties, stack: str) -> Created:
        del logical_id, stack
        schemas.check(self.type, properties)
        return self.create(properties)

    def _replaced(self, physical_id: str, old: Properties, new: Properties, stack: str) -> Created:
        """Creates the one that CloudFormation keeps; it deletes the old one afterwards."""
        del physical_id, old
        return self._checked("", new, stack)


class Address(NetworkType):
    """AWS::EC2::EIP."""

    type = "AWS::EC2::EIP"

    def create(self, properties: Properties) -> Created:
        """Allocates an address; Ref is the address itself."""
        answer = session.as_account("ec2").allocate_address(
            Domain=properties.get("Domain", "vpc"), **_tags(properties, "elastic-ip")
        )
        known = {name: answer[name] for name in ("AllocationId", "PublicIp")}
        return answer["PublicIp"], known

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Releases it."""
        del properties
        ec2 = session.as_account("ec2")
        (address,) = ec2.describe_addresses(PublicIps=[physical_id])["Addresses"]
        ec2.release_address(AllocationId=address["AllocationId"])


class NatGateway(NetworkType):
    """AWS::EC2::NatGateway."""

    type = "AWS::EC2::NatGateway"

    def create(self, properties: Properties) -> Created:
        """Creates a gateway in a subnet."""
        given = {
            name: properties[name]
            for name in ("SubnetId", "AllocationId", "ConnectivityType")
            if name in properties
        }
        answer = session.as_account("ec2").create_nat_gateway(
            **given, **_tags(properties, "natgateway")
        )
        name = answer["NatGateway"]["NatGatewayId"]
        return name, {"NatGatewayId": name}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Deletes it; its address stays allocated."""
        del properties
        session.as_account("ec2").delete_nat_gateway(NatGatewayId=physical_id)


class FlowLog(NetworkType):
    """AWS::EC2::FlowLog."""

    type = "AWS::EC2::FlowLog"

    def create(self, properties: Properties) -> Created:
        """Creates the flow log of one network, subnet or interface."""
        given = {k: v for k, v in properties.items() if k not in ("ResourceId", "Tags")}
        answer = session.as_account("ec2").create_flow_logs(
            ResourceIds=[properties["ResourceId"]], **given, **_tags(properties, "vpc-flow-log")
        )
        if answer.get("Unsuccessful"):
            raise ValueError(answer["Unsuccessful"][0]["Error"]["Message"])
        (name,) = answer["FlowLogIds"]
        return name, {"Id": name}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Deletes it."""
        del properties
        session.as_account("ec2").delete_flow_logs(FlowLogIds=[physical_id])


class Rule(NetworkType):
    """AWS::EC2::SecurityGroupIngress and AWS::EC2::SecurityGroupEgress.

    Args:
        direction: "Ingress" or "Egress".
    """

    def __init__(self, direction: str) -> None:
        self.type = f"AWS::EC2::SecurityGroup{direction}"
        self.direction = direction.lower()

    def create(self, properties: Properties) -> Created:
        """Adds a rule to its group."""
        authorize = getattr(session.as_account("ec2"), f"authorize_security_group_{self.direction}")
        answer = authorize(GroupId=properties["GroupId"], IpPermissions=[permission(properties)])
        name = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return name, {"Id": name}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Takes the rule out of its group."""
        revoke = getattr(session.as_account("ec2"), f"revoke_security_group_{self.direction}")
        del physical_id
        revoke(GroupId=properties["GroupId"], IpPermissions=[permission(properties)])


def permission(properties: Properties) -> Properties:
    """Returns a rule's properties as EC2's calls take them."""
    rule: Properties = {"IpProtocol": str(properties["IpProtocol"])}
    for port in ("FromPort", "ToPort"):
        if port in properties:
            rule[port] = int(properties[port])
    note = {"Description": properties["Description"]} if "Description" in properties else {}
    group = properties.get("SourceSecurityGroupId") or properties.get("DestinationSecurityGroupId")
    prefixes = properties.get("SourcePrefixListId") or properties.get("DestinationPrefixListId")
    if group:
        rule["UserIdGroupPairs"] = [{"GroupId": group, **note}]
    elif prefixes:
        rule["PrefixListIds"] = [{"PrefixListId": prefixes, **note}]
    elif "CidrIpv6" in properties:
        rule["Ipv6Ranges"] = [{"CidrIpv6": properties["CidrIpv6"], **note}]
    else:
        rule["IpRanges"] = [{"CidrIp": properties["CidrIp"], **note}]
    return rule


def _tags(properties: Properties, kind: str) -> Properties:
    tags = properties.get("Tags")
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": tags}]} if tags else {}
