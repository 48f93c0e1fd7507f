"""What makes it a deployment to devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import allowed_actions, as_list, statements

Properties = dict[str, Any]


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["edge_deployment"]


@pytest.fixture
def recipe(template: Template) -> Properties:
    return dict(template.only("AWS::GreengrassV2::ComponentVersion")["InlineRecipe"])


@pytest.fixture
def deployment(template: Template) -> Properties:
    return template.only("AWS::GreengrassV2::Deployment")


# The component


def test_nothing_is_left_to_fill_in(recipe: Properties) -> None:
    assert "$" not in str(recipe)


def test_model_and_code_come_from_the_stacks_own_assets(recipe: Properties) -> None:
    (manifest,) = recipe["Manifests"]
    kinds = [artifact["Uri"].rsplit(".", 1)[1] for artifact in manifest["Artifacts"]]
    assert kinds == ["zip", "onnx", "csv", "csv"]
    for artifact in manifest["Artifacts"]:
        assert artifact["Uri"].startswith(
            "s3://cdk-hnb659fds-assets-<AWS::AccountId>-<AWS::Region>/"
        )


def test_device_has_longer_than_the_installation_takes(
    recipe: Properties, deployment: Properties
) -> None:
    (manifest,) = recipe["Manifests"]
    device = deployment["IotJobConfiguration"]["TimeoutConfig"]["InProgressTimeoutInMinutes"]
    assert manifest["Lifecycle"]["install"]["Timeout"] < device * 60


# The deployment


def test_group_gets_exactly_this_version(recipe: Properties, deployment: Properties) -> None:
    assert deployment["Components"] == {
        recipe["ComponentName"]: {"ComponentVersion": recipe["ComponentVersion"]}
    }
    assert deployment["TargetArn"].endswith(".Arn>")


def test_failures_roll_back_and_cancel(deployment: Properties) -> None:
    assert deployment["DeploymentPolicies"]["FailureHandlingPolicy"] == "ROLLBACK"
    job = deployment["IotJobConfiguration"]
    (criterion,) = job["AbortConfig"]["CriteriaList"]
    assert (criterion["Action"], criterion["FailureType"]) == ("CANCEL", "ALL")
    rate = job["JobExecutionsRolloutConfig"]
    assert rate["ExponentialRate"]["BaseRatePerMinute"] < rate["MaximumPerMinute"]


def test_devices_may_fetch_before_they_hear_of_it(template: Template) -> None:
    (resource,) = (
        r for r in template.resources.values() if r["Type"] == "AWS::GreengrassV2::Deployment"
    )
    waits_for = {template.resources[name]["Type"] for name in resource["DependsOn"]}
    assert waits_for >= {
        "AWS::GreengrassV2::ComponentVersion",
        "AWS::IAM::Policy",
        "AWS::IoT::Policy",
        "AWS::IoT::RoleAlias",
    }


# Who a device is


def test_certificate_may_act_for_the_fleets_things_only(template: Template) -> None:
    policy = template.only("AWS::IoT::Policy")["PolicyDocument"]
    for statement in policy["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action]
        if statement["Resource"] != ["*"]:
            assert all("<AWS::StackName>" in arn for arn in statement["Resource"]), statement
    assert "iot:Connection.Thing" not in str(policy)  # not supported for core devices


def test_devices_may_read_their_artifacts_and_nothing_else(
    template: Template, recipe: Properties
) -> None:
    own = [s for role, s in statements(template) if role.startswith("FleetRole")]
    read = [s for s in own if as_list(s["Action"]) == ["s3:GetObject"]]
    keys = {arn.rsplit("/", 1)[1] for s in read for arn in as_list(s["Resource"])}
    (manifest,) = recipe["Manifests"]
    assert keys == {artifact["Uri"].rsplit("/", 1)[1] for artifact in manifest["Artifacts"]}
    rest = {action for s in own for action in as_list(s["Action"])} - {"s3:GetObject"}
    assert rest == {"s3:GetBucketLocation"}
    assert not [action for action in allowed_actions(template) if action.startswith("iot:")]


def test_token_is_exchanged_by_this_alias_only(template: Template) -> None:
    alias = template.only("AWS::IoT::RoleAlias")
    (role,) = (
        properties
        for _, properties in template.of_type("AWS::IAM::Role")
        if "credentials.iot" in str(properties)
    )
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    source = statement["Condition"]["ArnLike"]["aws:SourceArn"]
    assert source.endswith(f":rolealias/{alias['RoleAlias']}")


# What a device tells


def test_rules_listen_to_what_devices_may_publish(template: Template, recipe: Properties) -> None:
    access = recipe["ComponentConfiguration"]["DefaultConfiguration"]["accessControl"]
    (policy,) = access["aws.greengrass.ipc.mqttproxy"].values()
    listened = {
        properties["TopicRulePayload"]["Sql"].split("'")[1]
        for _, properties in template.of_type("AWS::IoT::TopicRule")
    }
    assert listened == {*policy["resources"], "$aws/events/presence/disconnected/+"}


def test_component_publishes_below_the_fleets_topic(recipe: Properties) -> None:
    (manifest,) = recipe["Manifests"]
    run = manifest["Lifecycle"]["run"]["Script"]
    assert f"--topic {recipe['ComponentName']}/{{iot:thingName}}" in run
    assert f"--version {recipe['ComponentVersion']}" in run


def test_what_a_rule_cannot_deliver_is_logged(template: Template) -> None:
    for name, properties in template.of_type("AWS::IoT::TopicRule"):
        assert "CloudwatchLogs" in properties["TopicRulePayload"]["ErrorAction"], name


def test_failed_deployments_of_this_fleet_raise_the_alarm(template: Template) -> None:
    rule = template.only("AWS::Events::Rule")["EventPattern"]
    assert rule["source"] == ["aws.greengrass"]
    (device,) = rule["resources"]
    assert device["prefix"].endswith(":coreDevices:<AWS::StackName>-")
    failed, broken = rule["$or"]
    assert failed == {"detail": {"coreDeviceExecutionStatus": ["FAILED", "REJECTED"]}}
    assert broken == {"detail": {"components": {"lifecycleState": ["BROKEN"]}}}
    (name,) = (n for n, _ in template.of_type("AWS::Events::Rule"))
    alarms = {p["MetricName"]: p for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert alarms["TriggeredRules"]["Dimensions"] == [{"Name": "RuleName", "Value": f"<{name}>"}]
    assert alarms.keys() == {"TriggeredRules", "RejectedFiles", "LostConnections"}
