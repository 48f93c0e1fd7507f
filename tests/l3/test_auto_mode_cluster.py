"""Clusters whose nodes AWS runs, and the functions that apply manifests to them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs

from mla_constructs.errors import InvalidArgument
from mla_constructs.kubernetes.auto_mode_cluster import (
    CLUSTER_POLICIES,
    NODE_POLICIES,
    AutoModeCluster,
)
from mla_constructs.kubernetes.container_insights import ContainerInsights
from mla_constructs.network.private_vpc import PrivateVpc

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

MANIFEST = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: $namespace\n"


def build(parts: Parts, *, internet: bool = True) -> AutoModeCluster:
    kept: dict[str, Any] = {
        "key": parts.key,
        "log_retention": logs.RetentionDays.ONE_WEEK,
        "removal_policy": RemovalPolicy.DESTROY,
    }
    vpc = PrivateVpc(parts.stack, "Vpc", internet=internet, **kept)
    return AutoModeCluster(parts.stack, "Kubernetes", vpc=vpc, **kept)


@pytest.fixture(scope="module")
def built(new_parts: type[Parts], tmp_path_factory: pytest.TempPathFactory) -> Parts:
    parts = new_parts()
    cluster = build(parts)
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "1.yaml").write_text(MANIFEST)
    cluster.apply("Workload", folder=folder, values={"namespace": "tests"})
    cluster.add_on("Metrics", "metrics-server")
    insights = ContainerInsights(
        parts.stack,
        "Insights",
        cluster=cluster,
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=RemovalPolicy.DESTROY,
    )
    metric = insights.metric("pod_cpu_utilization", namespace="tests", service="web")
    assert parts.resolve(metric.dimensions) == {
        "ClusterName": {"Ref": "AWS::StackName"},
        "Namespace": "tests",
        "Service": "web",
    }
    return parts


def roles(parts: Parts) -> dict[str, dict[str, Any]]:
    return {
        name: role["Properties"]
        for name, role in parts.template.find_resources("AWS::IAM::Role").items()
    }


def managed(role: dict[str, Any]) -> list[str]:
    arns = (policy["Fn::Join"][1][-1] for policy in role.get("ManagedPolicyArns", []))
    return [arn.split(":policy/")[1] for arn in arns]


def test_isolated_subnets_are_refused(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="vpc has no way out: create it with internet=True"):
        build(parts, internet=False)


def test_roles_have_what_aws_asks_for_and_no_more(built: Parts) -> None:
    by_name = {name.rstrip("0123456789ABCDEF"): role for name, role in roles(built).items()}
    assert managed(by_name["KubernetesClusterRole"]) == list(CLUSTER_POLICIES)
    assert managed(by_name["KubernetesNodeRole"]) == list(NODE_POLICIES)
    assert managed(by_name["KubernetesKubectlRole"]) == [
        "service-role/AWSLambdaVPCAccessExecutionRole"
    ]


def test_cluster_role_is_for_this_cluster(built: Parts) -> None:
    (role,) = (r for n, r in roles(built).items() if n.startswith("KubernetesClusterRole"))
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    arn = statement["Condition"]["ArnLike"]["aws:SourceArn"]["Fn::Join"][1]
    assert arn[-2:] == [":cluster/", {"Ref": "AWS::StackName"}]


def test_logs_of_cdks_functions_have_an_end(built: Parts) -> None:
    groups = built.template.find_resources("AWS::Logs::LogGroup")
    vended = [g["Properties"] for n, g in groups.items() if "KubectlProvider" in n]
    assert [group["RetentionInDays"] for group in vended] == [30, 30]


def test_manifest_is_filled_in_and_applied_to_the_cluster(built: Parts) -> None:
    (manifest,) = built.template.find_resources("Custom::AWSCDK-EKS-KubernetesResource").values()
    (cluster,) = built.template.find_resources("AWS::EKS::Cluster")
    assert '"name":"tests"' in manifest["Properties"]["Manifest"]
    assert manifest["Properties"]["ClusterName"] == {"Ref": cluster}


def test_missing_value_of_a_manifest_is_named(new_parts: type[Parts], tmp_path: Path) -> None:
    (tmp_path / "1.yaml").write_text(MANIFEST)
    cluster = build(new_parts())
    with pytest.raises(InvalidArgument, match=r"1.yaml asks for \$namespace: give it in values"):
        cluster.apply("Workload", folder=tmp_path, values={})


@pytest.mark.parametrize("minutes", [0, 15])
def test_a_function_waits_only_so_long(new_parts: type[Parts], minutes: int) -> None:
    with pytest.raises(InvalidArgument, match=f"timeout is {minutes} minutes: choose a value"):
        build(new_parts()).wait_for(
            "Wait",
            kind="deployment",
            namespace="tests",
            name="web",
            path=".status.availableReplicas",
            timeout=Duration.minutes(minutes),
        )


def test_agents_start_after_their_log_groups_and_their_role(built: Parts) -> None:
    (add_on,) = (
        found
        for found in built.template.find_resources("AWS::EKS::Addon").values()
        if found["Properties"]["AddonName"] == "amazon-cloudwatch-observability"
    )
    groups = {
        name
        for name in built.template.find_resources("AWS::Logs::LogGroup")
        if name.startswith("Insights")
    }
    assert len(groups) == 4
    assert groups <= set(add_on["DependsOn"])
    assert any(name.startswith("InsightsRoleDefaultPolicy") for name in add_on["DependsOn"])


def test_agents_leave_the_pods_as_they_are(built: Parts) -> None:
    (values,) = (
        json.loads(found["Properties"]["ConfigurationValues"])
        for found in built.template.find_resources("AWS::EKS::Addon").values()
        if found["Properties"]["AddonName"] == "amazon-cloudwatch-observability"
    )
    monitor = values["manager"]["applicationSignals"]["autoMonitor"]
    assert monitor == {"monitorAllServices": False}


def test_agents_role_is_for_these_pods_of_this_cluster(built: Parts) -> None:
    (role,) = (r for n, r in roles(built).items() if n.startswith("InsightsRole"))
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    (cluster,) = built.template.find_resources("AWS::EKS::Cluster")
    assert statement["Principal"] == {"Service": "pods.eks.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/eks-cluster-arn": {"Fn::GetAtt": [cluster, "Arn"]},
        "aws:RequestTag/kubernetes-namespace": "amazon-cloudwatch",
        "aws:RequestTag/kubernetes-service-account": "cloudwatch-agent",
    }
    assert managed(role) == []


def test_pending_pods_are_the_clusters_own_metric(new_parts: type[Parts]) -> None:
    parts = new_parts()
    metric = build(parts).metric_unschedulable()
    assert metric.namespace == "AWS/EKS"
    assert parts.resolve(metric.dimensions) == {"ClusterName": {"Ref": "AWS::StackName"}}
