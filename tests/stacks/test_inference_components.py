"""What makes it copies on shared instances that go to sleep and wake on one failed call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import statements

COMPONENT = "AWS::SageMaker::InferenceComponent"
NAMES = ["<AWS::StackName>-xgboost", "<AWS::StackName>-onnx"]


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["inference_components"]


def alarms(template: Template, metric: str) -> list[dict[str, Any]]:
    found = (properties for _, properties in template.of_type("AWS::CloudWatch::Alarm"))
    return [alarm for alarm in found if alarm["MetricName"] == metric]


def test_instances_without_a_model_go_down_to_none(template: Template) -> None:
    config = template.only("AWS::SageMaker::EndpointConfig")
    (variant,) = config["ProductionVariants"]
    assert variant["ManagedInstanceScaling"] == {
        "Status": "ENABLED",
        "MinInstanceCount": 0,
        "MaxInstanceCount": 2,
    }
    assert "ModelName" not in variant
    assert config["EnableNetworkIsolation"] is True
    assert not list(template.of_type("AWS::SageMaker::Model"))


def test_two_components_share_the_one_variant(template: Template) -> None:
    components = [properties for _, properties in template.of_type(COMPONENT)]
    assert sorted(c["InferenceComponentName"] for c in components) == sorted(NAMES)
    assert {c["EndpointName"] for c in components} == {"<EndpointEEF1FD8F.EndpointName>"}
    assert {c["VariantName"] for c in components} == {"AllTraffic"}
    assert {c["RuntimeConfig"]["CopyCount"] for c in components} == {1}


def test_a_copy_of_each_fits_one_instance(template: Template) -> None:
    reserved = [
        properties["Specification"]["ComputeResourceRequirements"]
        for _, properties in template.of_type(COMPONENT)
    ]
    assert sum(r["NumberOfCpuCoresRequired"] for r in reserved) <= 1, "half of an ml.m5.large"
    assert sum(r["MinMemoryRequiredInMb"] for r in reserved) <= 8192 / 2


def test_copies_of_each_scale_apart_from_none(template: Template) -> None:
    targets = [p for _, p in template.of_type("AWS::ApplicationAutoScaling::ScalableTarget")]
    assert sorted(t["ResourceId"] for t in targets) == sorted(
        f"inference-component/{name}" for name in NAMES
    )
    for target in targets:
        assert target["ScalableDimension"] == "sagemaker:inference-component:DesiredCopyCount"
        assert (target["MinCapacity"], target["MaxCapacity"]) == (0, 3)


def test_scalable_target_goes_before_its_component(template: Template) -> None:
    """Deletion goes against the dependencies, so that no policy acts on what is being deleted."""
    components = {
        f"inference-component/{properties['InferenceComponentName']}": name
        for name, properties in template.of_type(COMPONENT)
    }
    for resource in template.resources.values():
        if resource["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget":
            component = components[resource["Properties"]["ResourceId"]]
            assert component in resource["DependsOn"]


def test_each_component_wakes_on_one_failed_call_of_its_own(template: Template) -> None:
    steps = {
        name: properties["StepScalingPolicyConfiguration"]
        for name, properties in template.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
        if properties["PolicyType"] == "StepScaling"
    }
    waking = [
        alarm
        for alarm in alarms(template, "NoCapacityInvocationFailures")
        if alarm["AlarmActions"][0].strip("<>") in steps
    ]
    assert sorted(alarm["Dimensions"][0]["Value"] for alarm in waking) == sorted(NAMES)
    for alarm in waking:
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert (alarm["Threshold"], alarm["Statistic"], alarm["Period"]) == (1, "Sum", 60)
        assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (1, 1)
        step = steps[alarm["AlarmActions"][0].strip("<>")]
        assert step["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]


def test_waking_again_waits_until_the_first_copy_can_have_started(template: Template) -> None:
    for _, policy in template.of_type("AWS::ApplicationAutoScaling::ScalingPolicy"):
        if policy["PolicyType"] == "StepScaling":
            assert policy["StepScalingPolicyConfiguration"]["Cooldown"] >= 600


def test_somebody_is_told_if_waking_fails(template: Template) -> None:
    topics = {f"<{name}>" for name, _ in template.of_type("AWS::SNS::Topic")}
    told = [
        alarm
        for alarm in alarms(template, "NoCapacityInvocationFailures")
        if set(alarm["AlarmActions"]) <= topics
    ]
    assert [alarm["EvaluationPeriods"] for alarm in told] == [20, 20]


def test_updates_roll_and_come_back_by_the_components_own_alarms(template: Template) -> None:
    dimensions = {
        f"<{name}>": properties["Dimensions"]
        for name, properties in template.of_type("AWS::CloudWatch::Alarm")
    }
    looked_at = [
        statement["Resource"]
        for _, statement in statements(template)
        if statement["Action"] == "cloudwatch:DescribeAlarms"
    ]
    for _, properties in template.of_type(COMPONENT):
        deployment = properties["DeploymentConfig"]
        assert deployment["RollingUpdatePolicy"]["MaximumBatchSize"] == {
            "Type": "CAPACITY_PERCENT",
            "Value": 50,
        }
        names = [a["AlarmName"] for a in deployment["AutoRollbackConfiguration"]["Alarms"]]
        own = [{"Name": "InferenceComponentName", "Value": properties["InferenceComponentName"]}]
        assert [dimensions[name] for name in names] == [own, own]
        for name in names:
            assert name.replace(">", ".Arn>") in str(looked_at)


def test_each_component_logs_into_a_group_of_its_own(template: Template) -> None:
    groups = {
        p["LogGroupName"] for _, p in template.of_type("AWS::Logs::LogGroup") if "LogGroupName" in p
    }
    assert {f"/aws/sagemaker/InferenceComponents/{name}" for name in NAMES} <= groups
    assert "/aws/sagemaker/Endpoints/<AWS::StackName>" in groups
