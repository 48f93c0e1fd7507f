"""What makes it a private service on Fargate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from app import build
from catalogue.discover import select
from catalogue.errors import UsageError
from catalogue.template import Template
from study.assembly import load

GIVEN = "arn:aws:acm:eu-west-1:111122223333:certificate/1b0d7a5e-0c4f-4b57-9d0e-3c9d1a2f6b11"
ANYWHERE = {"0.0.0.0/0", "::/0"}


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["ecs_serving"]


def container(template: Template) -> dict[str, Any]:
    (found,) = template.only("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return dict(found)


def attributes(template: Template, resource: str, of: str) -> dict[str, str]:
    found = template.only(f"AWS::ElasticLoadBalancingV2::{resource}")[f"{of}Attributes"]
    return {item["Key"]: item["Value"] for item in found}


# Network


def test_nothing_is_reachable_from_outside(template: Template) -> None:
    assert template.only("AWS::ElasticLoadBalancingV2::LoadBalancer")["Scheme"] == "internal"
    assert "AWS::EC2::InternetGateway" not in template.type_counts()
    network = template.only("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    assert network["AssignPublicIp"] == "DISABLED"
    assert len(network["Subnets"]) == 2


def test_security_groups_admit_each_other_and_no_address(template: Template) -> None:
    rules = [rule for _, rule in template.of_type("AWS::EC2::SecurityGroupIngress")]
    assert {(rule["Description"], rule["FromPort"], rule["ToPort"]) for rule in rules} == {
        ("Clients, over TLS", 443, 443),
        ("Load balancer to target", 8080, 8080),
    }
    assert all("SourceSecurityGroupId" in rule for rule in rules)
    for name, group in template.of_type("AWS::EC2::SecurityGroup"):
        inline = {rule["CidrIp"] for rule in group.get("SecurityGroupIngress", [])}
        assert not inline & ANYWHERE, name


def test_task_reaches_what_it_needs_to_start(template: Template) -> None:
    endpoints = {
        p["ServiceName"].split(">.")[1] for _, p in template.of_type("AWS::EC2::VPCEndpoint")
    }
    assert endpoints == {"s3", "ecr.api", "ecr.dkr", "logs"}
    waits = next(
        resource["DependsOn"]
        for resource in template.resources.values()
        if resource["Type"] == "AWS::ECS::Service"
    )
    for resource_type in ("AWS::EC2::VPCEndpoint", "AWS::ElasticLoadBalancingV2::ListenerRule"):
        for name, _ in template.of_type(resource_type):
            assert name in waits, f"the service may start before {name}"
    assert any(name.startswith("TaskExecutionRoleDefaultPolicy") for name in waits)


# Entry


def test_only_posts_to_invocations_reach_the_container(template: Template) -> None:
    rule = template.only("AWS::ElasticLoadBalancingV2::ListenerRule")
    assert [condition["Field"] for condition in rule["Conditions"]] == [
        "path-pattern",
        "http-request-method",
    ]
    assert rule["Conditions"][0]["PathPatternConfig"]["Values"] == ["/invocations"]
    assert rule["Conditions"][1]["HttpRequestMethodConfig"]["Values"] == ["POST"]
    (default,) = template.only("AWS::ElasticLoadBalancingV2::Listener")["DefaultActions"]
    assert default["FixedResponseConfig"]["StatusCode"] == "404"


def test_only_listener_speaks_tls_with_the_certificate_made_for_its_name(
    template: Template,
) -> None:
    listener = template.only("AWS::ElasticLoadBalancingV2::Listener")
    assert (listener["Protocol"], listener["Port"]) == ("HTTPS", 443)
    assert "TLS13" in listener["SslPolicy"]
    made = template.only("Custom::SelfSignedCertificate")
    assert made["DomainName"].endswith(".DNSName>")
    (certificate,) = listener["Certificates"]
    name = certificate["CertificateArn"].strip("<>")
    assert template.resources[name]["Type"] == "Custom::SelfSignedCertificate"


def test_given_certificate_replaces_the_one_made(tmp_path: Path) -> None:
    context = {"stack": "ecs_serving", "certificate_arn": GIVEN}
    build(context, outdir=str(tmp_path)).synth()
    (template,) = load(select(["ecs_serving"]), tmp_path)
    listener = template.only("AWS::ElasticLoadBalancingV2::Listener")
    assert listener["Certificates"] == [{"CertificateArn": GIVEN}]
    assert "Custom::SelfSignedCertificate" not in template.type_counts()
    projects = [p["Name"] for _, p in template.of_type("AWS::CodeBuild::Project")]
    assert projects == ["<AWS::StackName>-Image-Build"]


@pytest.mark.parametrize("given", ["model.example.com", GIVEN.replace(":acm:", ":iam:")])
def test_what_is_no_certificate_is_refused(given: str) -> None:
    with pytest.raises(UsageError, match=r"certificate_arn is '.*': give the ARN of a certificate"):
        build({"stack": "ecs_serving", "certificate_arn": given})


def test_firewall_lets_batches_through_and_stands_before_the_load_balancer(
    template: Template,
) -> None:
    rules = {rule["Name"]: rule for rule in template.only("AWS::WAFv2::WebACL")["Rules"]}
    common = rules["AWSManagedRulesCommonRuleSet"]["Statement"]["ManagedRuleGroupStatement"]
    assert common["RuleActionOverrides"] == [
        {"Name": "SizeRestrictions_BODY", "ActionToUse": {"Count": {}}}
    ]
    assert rules["RateLimit"]["Statement"]["RateBasedStatement"]["Limit"] == 60_000
    assert rules["RateLimit"]["Action"] == {"Block": {}}
    association = template.only("AWS::WAFv2::WebACLAssociation")
    balancer = association["ResourceArn"].strip("<>")
    assert template.resources[balancer]["Type"].endswith("V2::LoadBalancer")


# The container


def test_container_can_write_nowhere_and_do_nothing_special(template: Template) -> None:
    found = container(template)
    assert found["ReadonlyRootFilesystem"] is True
    assert found["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
    assert "User" not in found  # the image's own, which is not root
    assert "Secrets" not in found


def test_model_has_no_permission_at_all(template: Template) -> None:
    role = template.only("AWS::ECS::TaskDefinition")["TaskRoleArn"]
    for name, policy in template.of_type("AWS::IAM::Policy"):
        assert role.replace(".Arn", "") not in policy["Roles"], name


def test_time_of_a_task_that_goes_is_longer_than_the_drain_of_its_server(
    template: Template,
) -> None:
    from runtime.containers.inference.server import DRAIN_SECONDS

    assert container(template)["StopTimeout"] > DRAIN_SECONDS
    delay = attributes(template, "TargetGroup", "TargetGroup")
    assert int(delay["deregistration_delay.timeout_seconds"]) > DRAIN_SECONDS


def test_server_keeps_connections_longer_than_the_load_balancer(template: Template) -> None:
    """Otherwise it closes one on which a request is on its way, which the caller sees as 502."""
    from runtime.containers.inference.server import Worker
    from runtime.containers.inference.settings import Settings

    idle = attributes(template, "LoadBalancer", "LoadBalancer")["idle_timeout.timeout_seconds"]
    assert Worker(Settings()).server.config.timeout_keep_alive > int(idle)


def test_server_works_with_as_many_processes_as_the_task_has_vcpus(template: Template) -> None:
    variables = {item["Name"]: item["Value"] for item in container(template)["Environment"]}
    cpu = int(template.only("AWS::ECS::TaskDefinition")["Cpu"])
    assert int(variables["SERVING_WORKERS"]) == cpu / 1024


def test_variables_are_known_to_the_container(template: Template) -> None:
    from runtime.containers.inference.settings import from_environment

    variables = {item["Name"]: item["Value"] for item in container(template)["Environment"]}
    settings = from_environment(variables)
    assert (settings.workers, settings.max_bytes, settings.port) == (1, 6 * 1024 * 1024, 8080)


# Operation


def test_scaling_follows_requests_and_cpu(template: Template) -> None:
    tracked = {}
    for _, policy in template.of_type("AWS::ApplicationAutoScaling::ScalingPolicy"):
        tracking = policy["TargetTrackingScalingPolicyConfiguration"]
        metric = tracking["PredefinedMetricSpecification"]["PredefinedMetricType"]
        tracked[metric] = tracking["TargetValue"]
    assert tracked == {
        "ALBRequestCountPerTarget": 200 * 0.5 * 60,
        "ECSServiceAverageCPUUtilization": 60,
    }
    target = template.only("AWS::ApplicationAutoScaling::ScalableTarget")
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 8)


def test_deployment_keeps_the_scaled_capacity(template: Template) -> None:
    assert "DesiredCount" not in template.only("AWS::ECS::Service")


def test_bad_version_goes_back_by_itself(template: Template) -> None:
    deployment = template.only("AWS::ECS::Service")["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert deployment["Alarms"]["Rollback"] is True
    alarms = [template.resources[name.strip("<>")] for name in deployment["Alarms"]["AlarmNames"]]
    assert {alarm["Properties"]["MetricName"] for alarm in alarms} == {
        "HTTPCode_Target_5XX_Count",
        "HTTPCode_ELB_5XX_Count",
    }


def test_alarms_are_those_of_the_load_balancer_the_service_and_the_firewall(
    template: Template,
) -> None:
    alarms = {p["MetricName"] for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert alarms == {
        "BlockedRequests",
        "CPUUtilization",
        "HTTPCode_ELB_5XX_Count",
        "HTTPCode_Target_5XX_Count",
        "TargetResponseTime",
        "UnHealthyHostCount",
    }
