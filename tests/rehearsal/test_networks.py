"""Networks and manifests for Kubernetes: what exists for the API, what is refused, what goes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.account import EmulatedAccount

NETWORK: dict[str, Any] = {
    "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}},
    "Subnet": {
        "Type": "AWS::EC2::Subnet",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "CidrBlock": "10.1.0.0/24"},
    },
    "Group": {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {"GroupDescription": "Tested", "VpcId": {"Ref": "Vpc"}},
    },
    "Rule": {
        "Type": "AWS::EC2::SecurityGroupIngress",
        "Properties": {
            "GroupId": {"Fn::GetAtt": ["Group", "GroupId"]},
            "IpProtocol": "tcp",
            "FromPort": 443,
            "ToPort": 443,
            "CidrIp": {"Fn::GetAtt": ["Vpc", "CidrBlock"]},
        },
    },
    "Address": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}},
    "Gateway": {
        "Type": "AWS::EC2::NatGateway",
        "Properties": {
            "SubnetId": {"Ref": "Subnet"},
            "AllocationId": {"Fn::GetAtt": ["Address", "AllocationId"]},
        },
    },
    "FlowLog": {
        "Type": "AWS::EC2::FlowLog",
        "Properties": {
            "ResourceId": {"Ref": "Vpc"},
            "ResourceType": "VPC",
            "TrafficType": "ALL",
            "LogDestinationType": "s3",
            "LogDestination": "arn:aws:s3:::flows",
        },
    },
    "Targets": {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "Port": 443,
            "Protocol": "HTTPS",
            "TargetType": "ip",
            "VpcId": {"Ref": "Vpc"},
        },
    },
}
OUTPUTS = {
    "Group": {"Fn::GetAtt": ["Group", "GroupId"]},
    "Address": {"Ref": "Address"},
    "Gateway": {"Ref": "Gateway"},
    "FlowLog": {"Ref": "FlowLog"},
    "Targets": {"Fn::GetAtt": ["Targets", "TargetGroupFullName"]},
}
Deploy = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]


@pytest.fixture
def deploy(account: EmulatedAccount) -> Iterator[Deploy]:
    """Creates a stack and returns it as it ended; it is gone after the test."""
    cloudformation, name = account.client("cloudformation"), "networks"

    def ended(verb: str) -> dict[str, Any]:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            stacks = cloudformation.describe_stacks(StackName=identity[0])["Stacks"]
            if not stacks[0]["StackStatus"].endswith("_IN_PROGRESS"):
                return dict(stacks[0])
            time.sleep(0.2)
        raise TimeoutError(verb)

    identity: list[str] = []

    def create(resources: dict[str, Any], outputs: dict[str, Any]) -> dict[str, Any]:
        template = {
            "Resources": resources,
            "Outputs": {key: {"Value": value} for key, value in outputs.items()},
        }
        created = cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
        identity.append(created["StackId"])
        return ended("create")

    before = account.control("inventory")["resources"]
    yield create
    cloudformation.delete_stack(StackName=name)
    assert ended("delete")["StackStatus"] == "DELETE_COMPLETE"
    assert account.control("inventory")["resources"] == before


def test_a_network_exists_for_its_api_and_goes_with_its_stack(
    deploy: Deploy, account: EmulatedAccount
) -> None:
    stack = deploy(NETWORK, OUTPUTS)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    seen = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    ec2 = account.client("ec2")
    (group,) = ec2.describe_security_groups(GroupIds=[seen["Group"]])["SecurityGroups"]
    (rule,) = group["IpPermissions"]
    assert (rule["FromPort"], rule["IpRanges"][0]["CidrIp"]) == (443, "10.1.0.0/16")
    (gateway,) = ec2.describe_nat_gateways(NatGatewayIds=[seen["Gateway"]])["NatGateways"]
    assert gateway["State"] == "available"
    assert ec2.describe_addresses(PublicIps=[seen["Address"]])["Addresses"]
    assert ec2.describe_flow_logs(FlowLogIds=[seen["FlowLog"]])["FlowLogs"]
    assert seen["Targets"].startswith("targetgroup/")
    assert seen["Targets"].count("/") == 2


@pytest.mark.parametrize(
    ("manifest", "status"),
    [
        ({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}, "CREATE_COMPLETE"),
        ({"apiVersion": "v1", "metadata": {"name": "a"}}, "ROLLBACK_COMPLETE"),
    ],
)
def test_a_manifest_is_recorded_if_its_objects_are_some(
    deploy: Deploy, account: EmulatedAccount, manifest: dict[str, Any], status: str
) -> None:
    kind = "Custom::AWSCDK-EKS-KubernetesResource"
    properties = {"ServiceToken": "arn", "Manifest": json.dumps([manifest])}
    assert (
        deploy({"Manifest": {"Type": kind, "Properties": properties}}, {})["StackStatus"] == status
    )
    assert kind in account.control("recorded")["types"]
