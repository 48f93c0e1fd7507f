"""What makes it an asynchronous endpoint that scales to zero and comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import as_list, statements

QUEUE = [{"Name": "EndpointName", "Value": "<EndpointEEF1FD8F.EndpointName>"}]


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["async_endpoint"]


def policies(template: Template) -> dict[str, dict[str, Any]]:
    return {
        properties["PolicyType"]: properties
        for _, properties in template.of_type("AWS::ApplicationAutoScaling::ScalingPolicy")
    }


def test_answers_and_failures_go_to_s3_and_a_topic_each(template: Template) -> None:
    config = template.only("AWS::SageMaker::EndpointConfig")["AsyncInferenceConfig"]
    output = config["OutputConfig"]
    assert output["S3OutputPath"].endswith("/output")
    assert output["S3FailurePath"].endswith("/failure")
    topics = output["NotificationConfig"]
    assert topics["SuccessTopic"] != topics["ErrorTopic"]
    assert config["ClientConfig"] == {"MaxConcurrentInvocationsPerInstance": 4}


def test_it_goes_down_to_zero_on_the_queue_alone(template: Template) -> None:
    assert template.only("AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"] == 0
    tracking = policies(template)["TargetTrackingScaling"][
        "TargetTrackingScalingPolicyConfiguration"
    ]
    assert tracking["CustomizedMetricSpecification"] == {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": QUEUE,
        "Statistic": "Average",
    }


def test_it_wakes_when_one_request_waits(template: Template) -> None:
    step = policies(template)["StepScaling"]["StepScalingPolicyConfiguration"]
    assert step["AdjustmentType"] == "ChangeInCapacity"
    assert step["StepAdjustments"] == [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]
    assert step["Cooldown"] == 300
    (alarm,) = [
        properties
        for _, properties in template.of_type("AWS::CloudWatch::Alarm")
        if "Wake" in str(properties["AlarmActions"])
    ]
    assert alarm["MetricName"] == "HasBacklogWithoutCapacity"
    assert alarm["Dimensions"] == QUEUE
    assert (alarm["Threshold"], alarm["ComparisonOperator"]) == (
        1,
        "GreaterThanOrEqualToThreshold",
    )
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"], alarm["Period"]) == (2, 2, 60)


def test_no_alarm_on_metrics_that_asynchronous_endpoints_do_not_publish(template: Template) -> None:
    metrics = {p["MetricName"] for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert not metrics & {"Invocations", "InvocationsPerInstance", "OverheadLatency"}


def test_role_reads_input_writes_answers_and_publishes_nothing_else(template: Template) -> None:
    allowed = {
        (action, resource)
        for role, statement in statements(template)
        if role.startswith("ModelRole")
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    }
    assert {r for a, r in allowed if a == "s3:PutObject"} == {
        "<PayloadsCDFAA0A2.Arn>/output/*",
        "<PayloadsCDFAA0A2.Arn>/failure/*",
    }
    assert "<PayloadsCDFAA0A2.Arn>/input/*" in {r for a, r in allowed if a == "s3:GetObject"}
    topics = {name for name, _ in template.of_type("AWS::SNS::Topic") if "Alarms" not in name}
    assert {r.strip("<>") for a, r in allowed if a == "sns:Publish"} == topics
