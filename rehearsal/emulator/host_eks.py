"""The security group that EKS makes for a cluster's nodes, which MiniStack only names.

Source: https://docs.aws.amazon.com/eks/latest/userguide/sec-group-reqs.html
"""

from __future__ import annotations

from typing import Any

from rehearsal.emulator import host  # before MiniStack: it sets the environment

from ministack.services import ec2  # isort: skip
from ministack.services.cloudformation import provisioners  # isort: skip

CLUSTER = "AWS::EKS::Cluster"


def register() -> None:
    """Lets the group come and go with its cluster."""
    behaviour = provisioners._RESOURCE_HANDLERS[CLUSTER]
    create, delete = behaviour["create"], behaviour["delete"]

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        _make(attributes["ClusterSecurityGroupId"], name, properties["ResourcesVpcConfig"])
        return name, attributes

    def deleted(name: str, properties: dict[str, Any]) -> None:
        for group, settings in list(ec2._security_groups.items()):
            if settings["GroupName"] == _group_name(name):
                del ec2._security_groups[group]
        delete(name, properties)

    behaviour["create"], behaviour["delete"] = created, deleted


def _make(group: str, cluster: str, network: dict[str, Any]) -> None:
    subnet = ec2._subnets[network["SubnetIds"][0]]
    everywhere = {"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    among_themselves = {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": group}]}
    none: dict[str, list[Any]] = {
        "IpRanges": [],
        "Ipv6Ranges": [],
        "PrefixListIds": [],
        "UserIdGroupPairs": [],
    }
    ec2._security_groups[group] = {
        "GroupId": group,
        "GroupName": _group_name(cluster),
        "Description": "EKS created security group applied to ENI that is attached to EKS "
        "Control Plane master nodes, as well as any managed workloads.",
        "VpcId": subnet["VpcId"],
        "OwnerId": host.ACCOUNT,
        "IpPermissions": [{**none, **among_themselves}],
        "IpPermissionsEgress": [{**none, **everywhere}],
    }


def _group_name(cluster: str) -> str:
    return f"eks-cluster-sg-{cluster}"
