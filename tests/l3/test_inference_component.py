"""A model with copies of its own on shared instances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.inference_component import InferenceComponent

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

TYPE = "AWS::SageMaker::InferenceComponent"
NAME = {"Fn::Join": ["", [{"Ref": "AWS::StackName"}, "-trees"]]}


def alarm(parts: Parts, component: InferenceComponent, number: int = 0) -> cloudwatch.Alarm:
    metric = component.metric("Invocation5XXErrors", statistic="Sum")
    return cloudwatch.Alarm(
        parts.stack, f"Alarm{number}", metric=metric, threshold=1, evaluation_periods=1
    )


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    component = parts.component(environment={"SERVING_WORKERS": "1"})
    component.roll_updates(
        batch_percent=25, bake=Duration.minutes(5), alarms=[alarm(parts, component)]
    )
    return parts


def only(built: Parts, type_: str) -> tuple[str, dict[str, Any]]:
    ((name, found),) = built.template.find_resources(type_).items()
    return name, dict(found)


def statements(built: Parts) -> list[dict[str, Any]]:
    _, policy = only(built, "AWS::IAM::Policy")
    return list(policy["Properties"]["PolicyDocument"]["Statement"])


def test_component_belongs_to_the_endpoint_by_reference(built: Parts) -> None:
    """So that it is created after the endpoint and deleted before it."""
    endpoint, _ = only(built, "AWS::SageMaker::Endpoint")
    properties = only(built, TYPE)[1]["Properties"]
    assert properties["EndpointName"] == {"Fn::GetAtt": [endpoint, "EndpointName"]}
    assert properties["VariantName"] == "AllTraffic"
    assert properties["InferenceComponentName"] == NAME


def test_copy_has_what_it_was_given(built: Parts) -> None:
    properties = only(built, TYPE)[1]["Properties"]
    assert properties["RuntimeConfig"] == {"CopyCount": 1}
    specification = properties["Specification"]
    assert specification["ComputeResourceRequirements"] == {
        "NumberOfCpuCoresRequired": 0.5,
        "MinMemoryRequiredInMb": 1024,
    }
    assert specification["StartupParameters"] == {
        "ModelDataDownloadTimeoutInSeconds": 120,
        "ContainerStartupHealthCheckTimeoutInSeconds": 90,
    }
    assert specification["Container"]["Environment"] == {"SERVING_WORKERS": "1"}
    assert specification["Container"]["ArtifactUrl"]["Fn::Sub"].endswith(".py")


def test_component_waits_for_its_log_group_and_the_whole_policy(built: Parts) -> None:
    policy, _ = only(built, "AWS::IAM::Policy")
    groups = built.template.find_resources("AWS::Logs::LogGroup")
    (own,) = (
        name
        for name, group in groups.items()
        if "/aws/sagemaker/InferenceComponents/" in str(group["Properties"]["LogGroupName"])
    )
    assert {policy, own} <= set(only(built, TYPE)[1]["DependsOn"])


def test_role_may_pull_read_and_publish_for_the_component(built: Parts) -> None:
    actions = str([statement["Action"] for statement in statements(built)])
    assert "ecr:BatchGetImage" in actions
    assert "s3:GetObject" in actions
    namespaces = [
        statement["Condition"]["StringEquals"]["cloudwatch:namespace"]
        for statement in statements(built)
        if statement["Action"] == "cloudwatch:PutMetricData"
    ]
    assert sorted(namespaces) == [
        "/aws/sagemaker/Endpoints",
        "/aws/sagemaker/InferenceComponents",
    ]


def test_update_rolls_back_by_alarms_that_the_role_may_look_at(built: Parts) -> None:
    name, _ = only(built, "AWS::CloudWatch::Alarm")
    assert only(built, TYPE)[1]["Properties"]["DeploymentConfig"] == {
        "RollingUpdatePolicy": {
            "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 25},
            "WaitIntervalInSeconds": 300,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": {"Ref": name}}]},
    }
    (looking,) = (
        statement
        for statement in statements(built)
        if statement["Action"] == "cloudwatch:DescribeAlarms"
    )
    assert looking["Resource"] == {"Fn::GetAtt": [name, "Arn"]}


def test_metrics_are_those_of_the_component_alone(parts: Parts) -> None:
    component = parts.component()
    invocations = component.metric("ModelLatency", statistic="p99")
    assert invocations.namespace == "AWS/SageMaker"
    utilization = component.metric_copy("CPUUtilizationNormalized", statistic="Average")
    assert utilization.namespace == "/aws/sagemaker/InferenceComponents"
    assert utilization.unit is cloudwatch.Unit.PERCENT
    for metric in (invocations, utilization):
        assert metric.dimensions == {"InferenceComponentName": component.name}
        assert metric.period.to_seconds() == 60


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cpu_cores": 0.2}, "cpu_cores is 0.2: reserve 0.25 or more."),
        ({"memory_mb": 127}, "memory_mb is 127 MB: reserve 128 MB or more."),
        (
            {"initial_copy_count": 0},
            "initial_copy_count is 0: a component starts with 1 copy or more, scaling takes it "
            "down to none.",
        ),
        (
            {"model_data_download_timeout": Duration.seconds(59)},
            "model_data_download_timeout is 59 s: choose a value from 60 to 3600 s.",
        ),
        (
            {"container_startup_health_check_timeout": Duration.seconds(3601)},
            "container_startup_health_check_timeout is 3601 s: choose a value from 60 to 3600 s.",
        ),
    ],
)
def test_bad_value_raises_with_the_value_and_the_fix(
    changes: dict[str, Any], message: str, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        parts.component(**changes)
    assert str(raised.value) == message


def test_smallest_values_are_accepted(parts: Parts) -> None:
    assert parts.component(cpu_cores=0.25, memory_mb=128, initial_copy_count=1)


@pytest.mark.parametrize(
    ("percent", "seconds", "alarms", "message"),
    [
        (4, 300, 1, "batch_percent is 4 %: choose a value from 5 to 50 %."),
        (51, 300, 1, "batch_percent is 51 %: choose a value from 5 to 50 %."),
        (50, 3601, 1, "bake is 3601 s: choose a value from 0 to 3600 s."),
        (50, 300, 0, "There are 0 alarms: give from 1 to 10, without one nothing would roll back."),
        (50, 300, 11, "There are 11 alarms: give from 1 to 10, without one nothing"),
    ],
)
def test_bad_rolling_update_raises(
    percent: int, seconds: int, alarms: int, message: str, parts: Parts
) -> None:
    component = parts.component()
    with pytest.raises(InvalidArgument) as raised:
        component.roll_updates(
            batch_percent=percent,
            bake=Duration.seconds(seconds),
            alarms=[alarm(parts, component, number) for number in range(alarms)],
        )
    assert message in str(raised.value)
