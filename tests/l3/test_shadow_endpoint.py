"""One variant that answers and one that gets a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sagemaker as sagemaker

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.instance_variant import instance_variant
from mla_constructs.inference.realtime_endpoint import DataCapture
from mla_constructs.rollout.shadow_endpoint import ShadowEndpoint, Variant

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def variant(parts: Parts, name: str, **changes: Any) -> Variant:
    arguments: dict[str, Any] = {
        "variant_name": name,
        "model": parts.model,
        "instance_type": "ml.m5.large",
        "initial_instance_count": 1,
        "model_data_download_timeout": Duration.seconds(60),
        "container_startup_health_check_timeout": Duration.seconds(60),
    }
    return instance_variant(**(arguments | changes))


def shadowed(parts: Parts, production: Variant, shadow: Variant) -> ShadowEndpoint:
    return ShadowEndpoint(
        parts.stack,
        "Endpoint",
        production=production,
        shadow=shadow,
        production_role=parts.model.role,
        shadow_role=parts.model.role,
        data_capture=DataCapture(bucket=parts.bucket, prefix="capture", percentage=50),
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )


def test_copy_goes_to_the_shadow_and_both_are_captured(parts: Parts) -> None:
    endpoint = shadowed(parts, variant(parts, "Live"), variant(parts, "Dark", weight=0.5))
    (found,) = parts.template.find_resources("AWS::SageMaker::EndpointConfig").values()
    config = found["Properties"]
    assert [v["VariantName"] for v in config["ProductionVariants"]] == ["Live"]
    (shadow,) = config["ShadowProductionVariants"]
    assert (shadow["VariantName"], shadow["InitialVariantWeight"]) == ("Dark", 0.5)
    assert config["DataCaptureConfig"]["InitialSamplingPercentage"] == 50
    assert (endpoint.variant_name, endpoint.shadow_variant_name) == ("Live", "Dark")


def test_metrics_of_the_shadow_are_told_apart_by_its_name(parts: Parts) -> None:
    endpoint = shadowed(parts, variant(parts, "Live"), variant(parts, "Dark"))
    metric = endpoint.metric("Invocations", statistic="Sum", variant_name="Dark")
    assert parts.resolve(metric.dimensions)["VariantName"] == "Dark"


def test_variants_of_one_name_are_refused(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="Both variants are named 'Live': give the shadow"):
        shadowed(parts, variant(parts, "Live"), variant(parts, "Live"))


@pytest.mark.parametrize("which", ["production", "shadow"])
def test_inf1_is_refused(which: str, parts: Parts) -> None:
    variants = {
        name: variant(parts, name, **({"instance_type": "ml.inf1.xlarge"} if name == which else {}))
        for name in ("production", "shadow")
    }
    with pytest.raises(InvalidArgument, match=f"Variant {which} runs on ml.inf1.xlarge: shadow"):
        shadowed(parts, **variants)


def test_serverless_is_refused(parts: Parts) -> None:
    config = sagemaker.CfnEndpointConfig
    serverless = config.ProductionVariantProperty(
        variant_name="Dark",
        model_name=parts.model.name,
        serverless_config=config.ServerlessConfigProperty(
            max_concurrency=1, memory_size_in_mb=2048
        ),
    )
    with pytest.raises(InvalidArgument, match="Variant Dark is serverless: shadow tests need"):
        shadowed(parts, variant(parts, "Live"), serverless)
