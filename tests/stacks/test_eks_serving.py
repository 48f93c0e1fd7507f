"""What makes it serving on EKS Auto Mode."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app import build
from catalogue.discover import select
from catalogue.template import Template
from study.assembly import load
from study.iam import as_list, statements

Properties = dict[str, Any]

MANIFESTS = "Custom::AWSCDK-EKS-KubernetesResource"


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["eks_serving"]


@pytest.fixture
def cluster(template: Template) -> Properties:
    return template.only("AWS::EKS::Cluster")


@pytest.fixture
def workload(template: Template) -> dict[str, Properties]:
    """The manifests by their kind."""
    return {item["kind"]: item for item in template.only(MANIFESTS)["Manifest"]}


# The cluster


def test_aws_runs_nodes_volumes_and_load_balancing(cluster: Properties) -> None:
    assert cluster["ComputeConfig"]["Enabled"] is True
    assert cluster["ComputeConfig"]["NodePools"] == ["general-purpose"]
    assert cluster["StorageConfig"]["BlockStorage"]["Enabled"] is True
    assert cluster["KubernetesNetworkConfig"]["ElasticLoadBalancing"]["Enabled"] is True


def test_api_is_private_and_secrets_are_under_the_key(cluster: Properties) -> None:
    network = cluster["ResourcesVpcConfig"]
    assert network["EndpointPrivateAccess"] is True
    assert network["EndpointPublicAccess"] is False
    assert all("private" in subnet for subnet in network["SubnetIds"])
    (encryption,) = cluster["EncryptionConfig"]
    assert encryption == {"Provider": {"KeyArn": "<Key961B73FD.Arn>"}, "Resources": ["secrets"]}


def test_version_ends_with_its_standard_support(cluster: Properties) -> None:
    assert cluster["Version"] in {"1.34", "1.35", "1.36"}  # in standard support on 2026-11-22
    assert cluster["UpgradePolicy"] == {"SupportType": "STANDARD"}


def test_all_logs_go_where_the_stack_can_delete_them(
    template: Template, cluster: Properties
) -> None:
    (logging,) = cluster["Logging"].values()
    assert {item["Type"] for item in logging["EnabledTypes"]} == {
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    }
    groups = {p.get("LogGroupName"): name for name, p in template.of_type("AWS::Logs::LogGroup")}
    name = cluster["Name"]
    made_by_eks = {f"/aws/eks/{name}/cluster"} | {
        f"/aws/containerinsights/{name}/{kind}"
        for kind in ("application", "dataplane", "host", "performance")
    }
    assert made_by_eks <= groups.keys()
    ((resource,),) = [
        [r for r in template.resources.values() if r["Type"] == "AWS::EKS::Cluster"],
    ]
    assert groups[f"/aws/eks/{name}/cluster"] in resource["DependsOn"]


def test_only_the_kubectl_function_is_an_administrator(
    template: Template, cluster: Properties
) -> None:
    assert cluster["AccessConfig"] == {
        "AuthenticationMode": "API",
        "BootstrapClusterCreatorAdminPermissions": False,
    }
    entry = template.only("AWS::EKS::AccessEntry")
    functions = [
        properties
        for _, properties in template.of_type("AWS::Lambda::Function")
        if properties["Role"] == entry["PrincipalArn"]
    ]
    assert [function["Description"] for function in functions] == [
        "onEvent handler for EKS kubectl resource provider"
    ]


def test_kubectl_function_may_describe_this_cluster_and_no_more(template: Template) -> None:
    own = [s for role, s in statements(template) if role.startswith("KubernetesKubectlRole")]
    assert [as_list(statement["Action"]) for statement in own] == [["eks:DescribeCluster"]]
    assert own[0]["Resource"].endswith(":cluster/<AWS::StackName>")


# The workload


def test_pods_have_no_role(template: Template) -> None:
    assert not list(template.of_type("AWS::EKS::PodIdentityAssociation"))
    accounts = {
        association["ServiceAccount"]
        for _, add_on in template.of_type("AWS::EKS::Addon")
        for association in add_on.get("PodIdentityAssociations", [])
    }
    assert accounts == {"cloudwatch-agent"}


def test_image_is_the_one_that_is_built_by_its_digest(
    workload: dict[str, Properties], template: Template
) -> None:
    (container,) = workload["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert re.fullmatch(r".+@<\w+\.ImageDigest>", container["image"])
    build = next(
        properties
        for _, properties in template.of_type("AWS::CodeBuild::Project")
        if properties["Environment"]["PrivilegedMode"]
    )
    selector = workload["Deployment"]["spec"]["template"]["spec"]["nodeSelector"]
    assert build["Environment"]["Type"] == "LINUX_CONTAINER"  # x86
    assert selector["kubernetes.io/arch"] == "amd64"


def test_scaling_has_its_source_before_it_begins(template: Template) -> None:
    add_ons = {p["AddonName"]: name for name, p in template.of_type("AWS::EKS::Addon")}
    (workload,) = (r for r in template.resources.values() if r["Type"] == MANIFESTS)
    assert add_ons["metrics-server"] in workload["DependsOn"]


# The way in


def test_load_balancer_is_internal_and_closed_but_to_its_clients(template: Template) -> None:
    assert template.only("AWS::ElasticLoadBalancingV2::LoadBalancer")["Scheme"] == "internal"
    listener = template.only("AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert template.only("AWS::WAFv2::WebACLAssociation")


def test_only_the_load_balancer_reaches_the_nodes(template: Template) -> None:
    opened = [
        properties
        for _, properties in template.of_type("AWS::EC2::SecurityGroupIngress")
        if "ClusterSecurityGroupId" in properties["GroupId"]
    ]
    assert [(p["FromPort"], p["ToPort"]) for p in opened] == [(8080, 8080)]
    assert opened[0]["SourceSecurityGroupId"].startswith("<Balancer")


def test_auto_mode_may_register_pods_with_the_target_group(
    template: Template, workload: dict[str, Properties]
) -> None:
    targets = template.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    tags = {tag["Key"]: tag["Value"] for tag in targets["Tags"]}
    assert tags["eks:eks-cluster-name"] == template.only("AWS::EKS::Cluster")["Name"]
    assert targets["TargetType"] == "ip"
    (name,) = (n for n, _ in template.of_type("AWS::ElasticLoadBalancingV2::TargetGroup"))
    assert workload["TargetGroupBinding"]["spec"]["targetGroupARN"] == f"<{name}>"


def test_pods_hear_of_their_end_after_the_load_balancer_does(
    template: Template, workload: dict[str, Properties]
) -> None:
    targets = template.only("AWS::ElasticLoadBalancingV2::TargetGroup")
    attributes = {item["Key"]: item["Value"] for item in targets["TargetGroupAttributes"]}
    (container,) = workload["Deployment"]["spec"]["template"]["spec"]["containers"]
    waits = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert waits > int(attributes["deregistration_delay.timeout_seconds"])
    until_healthy = targets["HealthCheckIntervalSeconds"] * targets["HealthyThresholdCount"]
    assert workload["Deployment"]["spec"]["minReadySeconds"] > until_healthy


def test_traffic_ends_before_pods_and_pods_before_cluster_and_targets(template: Template) -> None:
    """Deletion goes against the dependencies."""
    (name,) = (n for n, r in template.resources.items() if r["Type"] == MANIFESTS)
    (listener,) = (
        r
        for r in template.resources.values()
        if r["Type"] == "AWS::ElasticLoadBalancingV2::Listener"
    )
    (waiting,) = (
        n
        for n, r in template.resources.items()
        if r["Type"] == "Custom::AWSCDK-EKS-KubernetesObjectValue"
    )
    assert waiting in listener["DependsOn"]
    assert name in template.resources[waiting]["DependsOn"]
    refers = json.dumps(template.resources[name]["Properties"])
    (targets,) = (n for n, _ in template.of_type("AWS::ElasticLoadBalancingV2::TargetGroup"))
    (cluster,) = (n for n, _ in template.of_type("AWS::EKS::Cluster"))
    assert f"<{targets}>" in refers
    assert f"<{cluster}>" in refers


def test_stack_is_there_when_a_pod_is(template: Template) -> None:
    awaited = template.only("Custom::AWSCDK-EKS-KubernetesObjectValue")
    assert (awaited["ObjectType"], awaited["ObjectName"]) == ("deployment", "inference")
    assert awaited["JsonPath"] == ".status.availableReplicas"


# What it tells


def test_alarms_of_every_layer(template: Template) -> None:
    alarms = {
        p["MetricName"]: p["Namespace"] for _, p in template.of_type("AWS::CloudWatch::Alarm")
    }
    assert alarms == {
        "BlockedRequests": "AWS/WAFV2",
        "HTTPCode_ELB_5XX_Count": "AWS/ApplicationELB",
        "HTTPCode_Target_5XX_Count": "AWS/ApplicationELB",
        "TargetResponseTime": "AWS/ApplicationELB",
        "UnHealthyHostCount": "AWS/ApplicationELB",
        "pod_container_status_waiting_reason_crash_loop_back_off": "ContainerInsights",
        "pod_cpu_utilization_over_pod_limit": "ContainerInsights",
        "scheduler_pending_pods_UNSCHEDULABLE": "AWS/EKS",
    }


def test_given_certificate_replaces_the_one_made(tmp_path: Path) -> None:
    given = "arn:aws:acm:eu-west-1:111122223333:certificate/1b0d7a5e-0c4f-4b57-9d0e-3c9d1a2f6b11"
    context = {"stack": "eks_serving", "certificate_arn": given}
    build(context, outdir=str(tmp_path)).synth()
    (template,) = load(select(["eks_serving"]), tmp_path)
    listener = template.only("AWS::ElasticLoadBalancingV2::Listener")
    assert listener["Certificates"] == [{"CertificateArn": given}]
    assert "Custom::SelfSignedCertificate" not in template.type_counts()
