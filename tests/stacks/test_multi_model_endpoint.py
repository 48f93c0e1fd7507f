"""What makes it many models behind one endpoint, and keeps tenants apart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from runtime.models.tenant_classifiers import TENANTS
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["multi_model_endpoint"]


def container(template: Template) -> dict[str, Any]:
    return dict(template.only("AWS::SageMaker::Model")["PrimaryContainer"])


def placed(template: Template) -> list[str]:
    objects = template.only("Custom::PlacedObjects")["Objects"]
    return [item["Key"] for item in objects]


def test_model_is_a_prefix_with_a_cache(template: Template) -> None:
    assert container(template)["Mode"] == "MultiModel"
    assert container(template)["ModelDataUrl"].endswith("/tenants/")
    assert container(template)["MultiModelConfig"] == {"ModelCacheSetting": "Enabled"}


def test_every_tenant_has_an_archive_below_the_prefix(template: Template) -> None:
    assert placed(template) == [f"tenants/{tenant}/1.tar.gz" for tenant in TENANTS]
    sources = {o["SourceKey"] for o in template.only("Custom::PlacedObjects")["Objects"]}
    assert len(sources) == len(TENANTS), "two tenants share a model"


def test_models_are_there_before_the_first_request(template: Template) -> None:
    (model,) = (r for r in template.resources.values() if r["Type"] == "AWS::SageMaker::Model")
    (name,) = (n for n, _ in template.of_type("Custom::PlacedObjects"))
    assert name in model["DependsOn"]


def test_role_reads_and_lists_the_prefix_only(template: Template) -> None:
    granted = {
        action: statement
        for role, statement in statements(template)
        if role.startswith("ModelRole")
        for action in as_list(statement["Action"])
        if action.startswith("s3:")
    }
    assert granted.keys() == {"s3:GetObject", "s3:ListBucket"}
    assert granted["s3:GetObject"]["Resource"].endswith("/tenants/*")
    assert granted["s3:ListBucket"]["Condition"] == {"StringLike": {"s3:prefix": "tenants/*"}}


def test_a_tenants_right_holds_for_its_own_models_and_is_attached_to_nobody(
    template: Template,
) -> None:
    policies = [properties for _, properties in template.of_type("AWS::IAM::ManagedPolicy")]
    granted = [policy["PolicyDocument"]["Statement"] for policy in policies]
    assert granted == [
        [
            {
                "Effect": "Allow",
                "Action": "sagemaker:InvokeEndpoint",
                "Resource": "<EndpointEEF1FD8F>",
                "Condition": {"StringLike": {"sagemaker:TargetModel": f"{tenant}/*"}},
            }
        ]
        for tenant in TENANTS
    ]
    assert not [policy for policy in policies if {"Roles", "Users", "Groups"} & policy.keys()]


def test_what_is_placed_is_what_the_rights_name(template: Template) -> None:
    for key in placed(template):
        tenant = key.removeprefix("tenants/").split("/")[0]
        assert f"{tenant.capitalize()}PolicyArn" in template.document["Outputs"]


def test_all_models_requests_together_scale_the_instances(template: Template) -> None:
    policy = template.only("AWS::ApplicationAutoScaling::ScalingPolicy")
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == 50 * 0.5 * 60
    assert template.only("AWS::ApplicationAutoScaling::ScalableTarget")["MinCapacity"] == 1


def test_nothing_is_captured(template: Template) -> None:
    assert "DataCaptureConfig" not in template.only("AWS::SageMaker::EndpointConfig")


def test_loading_and_unloading_is_watched(template: Template) -> None:
    alarms = [properties for _, properties in template.of_type("AWS::CloudWatch::Alarm")]
    watched = {
        alarm["MetricName"]: (alarm["Namespace"], alarm["Statistic"])
        for alarm in alarms
        if "MetricName" in alarm
    }
    assert watched == {
        "Invocation5XXErrors": ("AWS/SageMaker", "Sum"),
        "ModelLoadingWaitTime": ("AWS/SageMaker", "Maximum"),
        "ModelLoadingTime": ("AWS/SageMaker", "Maximum"),
        "ModelUnloadingTime": ("AWS/SageMaker", "SampleCount"),
        "LoadedModelCount": ("/aws/sagemaker/Endpoints", "Maximum"),
    }


def test_cache_misses_are_watched_as_what_is_left_of_the_hits(template: Template) -> None:
    (alarm,) = (p for _, p in template.of_type("AWS::CloudWatch::Alarm") if "Metrics" in p)
    shown, hits = sorted(alarm["Metrics"], key=lambda metric: "MetricStat" in metric)
    assert shown["Expression"] == "1 - hits"
    assert hits["Id"] == "hits"
    assert hits["ReturnData"] is False
    assert hits["MetricStat"]["Metric"]["MetricName"] == "ModelCacheHit"
    assert hits["MetricStat"]["Stat"] == "Average"
    assert [d["Name"] for d in hits["MetricStat"]["Metric"]["Dimensions"]] == [
        "EndpointName",
        "VariantName",
    ]
    assert alarm["Threshold"] == 0.5
