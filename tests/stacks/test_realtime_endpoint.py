"""What makes it a real-time endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template

Properties = dict[str, Any]


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["realtime_endpoint"]


def test_variant_waits_on_instances(template: Template) -> None:
    (variant,) = template.only("AWS::SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["InstanceType"] == "ml.m5.large"
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}
    assert "ServerlessConfig" not in variant
    assert "ManagedInstanceScaling" not in variant  # rejected beside a model's name


def test_everything_is_captured_under_the_key(template: Template) -> None:
    capture = template.only("AWS::SageMaker::EndpointConfig")["DataCaptureConfig"]
    assert capture["EnableCapture"] is True
    assert [option["CaptureMode"] for option in capture["CaptureOptions"]] == ["Input", "Output"]
    assert capture["KmsKeyId"] == "<Key961B73FD.Arn>"
    assert capture["DestinationS3Uri"].endswith("/capture")


def test_target_is_half_of_what_an_instance_sustains(template: Template) -> None:
    policy = template.only("AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 50 * 0.5 * 60
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    }


def test_scaling_refers_to_the_endpoint_and_so_comes_after_it(template: Template) -> None:
    target = template.only("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredInstanceCount"
    assert target["ResourceId"] == "endpoint/<EndpointEEF1FD8F.EndpointName>/variant/AllTraffic"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)


def test_update_keeps_the_scaled_capacity(template: Template) -> None:
    assert template.only("AWS::SageMaker::Endpoint")["RetainAllVariantProperties"] is True


def test_model_is_cut_off_from_the_network(template: Template) -> None:
    assert template.only("AWS::SageMaker::Model")["EnableNetworkIsolation"] is True


def test_alarm_before_capture_stops(template: Template) -> None:
    alarms = {p["MetricName"]: p for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert alarms["DiskUtilization"]["Threshold"] == 75
    assert alarms["DiskUtilization"]["Namespace"] == "/aws/sagemaker/Endpoints"
    assert set(alarms) == {
        "Invocation5XXErrors",
        "ModelLatency",
        "CPUUtilization",
        "DiskUtilization",
    }
