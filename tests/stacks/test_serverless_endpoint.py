"""What makes it a serverless endpoint."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from catalogue.template import Template


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["serverless_endpoint"]


def test_variant_has_memory_and_concurrency_but_no_instances(template: Template) -> None:
    (variant,) = template.only("AWS::SageMaker::EndpointConfig")["ProductionVariants"]
    assert variant["ServerlessConfig"] == {
        "MemorySizeInMB": 2048,
        "MaxConcurrency": 5,
        "ProvisionedConcurrency": 1,
    }
    assert not {"InstanceType", "InitialInstanceCount", "RoutingConfig"} & variant.keys()


def test_nothing_that_serverless_refuses(template: Template) -> None:
    config = template.only("AWS::SageMaker::EndpointConfig")
    assert not {"DataCaptureConfig", "AsyncInferenceConfig", "VpcConfig"} & config.keys()
    model = template.only("AWS::SageMaker::Model")
    assert model["EnableNetworkIsolation"] is False
    assert "VpcConfig" not in model


def test_what_scales_is_provisioned_concurrency(template: Template) -> None:
    target = template.only("AWS::ApplicationAutoScaling::ScalableTarget")
    assert target["ScalableDimension"] == "sagemaker:variant:DesiredProvisionedConcurrency"
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    tracking = template.only("AWS::ApplicationAutoScaling::ScalingPolicy")[
        "TargetTrackingScalingPolicyConfiguration"
    ]
    assert tracking["TargetValue"] == 0.7  # a ratio: 70 would never be reached
    assert tracking["PredefinedMetricSpecification"] == {
        "PredefinedMetricType": "SageMakerVariantProvisionedConcurrencyUtilization"
    }


def test_alarms_know_cold_starts_and_no_cpu(template: Template) -> None:
    metrics = {p["MetricName"] for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert metrics == {
        "Invocation5XXErrors",
        "ModelLatency",
        "ServerlessConcurrentExecutionsUtilization",
        "ModelSetupTime",
        "ServerlessProvisionedConcurrencySpilloverInvocations",
    }
