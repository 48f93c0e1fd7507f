"""What makes it a shadow test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import as_list, statements

CONFIG = "AWS::SageMaker::EndpointConfig"


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["shadow_test"]


@pytest.fixture
def config(template: Template) -> dict[str, Any]:
    return template.only(CONFIG)


def test_shadow_stands_as_much_as_production_and_is_another_model(config: dict[str, Any]) -> None:
    (production,) = config["ProductionVariants"]
    (shadow,) = config["ShadowProductionVariants"]
    named = {"VariantName", "ModelName"}
    assert {k: v for k, v in production.items() if k not in named} == {
        k: v for k, v in shadow.items() if k not in named
    }
    assert production["ModelName"] != shadow["ModelName"]
    assert (production["VariantName"], shadow["VariantName"]) == ("Production", "Shadow")


def test_models_differ_in_the_artifact_alone(template: Template) -> None:
    first, second = (model for _, model in template.of_type("AWS::SageMaker::Model"))
    assert first["PrimaryContainer"]["Image"] == second["PrimaryContainer"]["Image"]
    assert first["PrimaryContainer"]["ModelDataUrl"] != second["PrimaryContainer"]["ModelDataUrl"]
    assert first["ExecutionRoleArn"] != second["ExecutionRoleArn"]


def test_requests_and_answers_of_both_are_captured_whole(
    config: dict[str, Any], template: Template
) -> None:
    capture = config["DataCaptureConfig"]
    assert capture["InitialSamplingPercentage"] == 100
    assert [option["CaptureMode"] for option in capture["CaptureOptions"]] == ["Input", "Output"]
    writers = {
        role
        for role, statement in statements(template)
        if "s3:PutObject" in as_list(statement["Action"])
        and any(resource.endswith("/capture/*") for resource in as_list(statement["Resource"]))
    }
    assert {name.split("Role")[0] for name in writers} == {"Champion", "Challenger"}


def test_table_reads_what_the_endpoint_captures(config: dict[str, Any], template: Template) -> None:
    parameters = template.only("AWS::Glue::Table")["TableInput"]["Parameters"]
    variants = [*config["ProductionVariants"], *config["ShadowProductionVariants"]]
    assert parameters["projection.variant.values"] == ",".join(v["VariantName"] for v in variants)
    captured = config["DataCaptureConfig"]["DestinationS3Uri"]
    assert parameters["storage.location.template"] == (
        f"{captured}/<EndpointEEF1FD8F.EndpointName>/${{variant}}/${{hour}}/"
    )


def test_queries_name_the_variants_of_the_endpoint(template: Template) -> None:
    queries = [query for _, query in template.of_type("AWS::Athena::NamedQuery")]
    assert {query["Name"] for query in queries} == {"agreement", "largest_differences"}
    for query in queries:
        assert "'Production'" in query["QueryString"]
        assert "'Shadow'" in query["QueryString"]
        assert query["WorkGroup"] == "<AWS::StackName>"


def test_partitions_reach_back_as_far_as_the_data_is_kept(template: Template) -> None:
    parameters = template.only("AWS::Glue::Table")["TableInput"]["Parameters"]
    buckets = dict(template.of_type("AWS::S3::Bucket"))
    (captured,) = [bucket for name, bucket in buckets.items() if name.startswith("Captured")]
    (rule,) = captured["LifecycleConfiguration"]["Rules"]
    assert parameters["projection.hour.range"] == f"NOW-{rule['ExpirationInDays']}DAYS,NOW"


def test_shadow_has_alarms_of_its_own(template: Template) -> None:
    watched = {
        (dimension["Value"], alarm["MetricName"])
        for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "VariantName"
    }
    assert watched >= {
        ("Shadow", "InvocationModelErrors"),
        ("Shadow", "ModelLatency"),
        ("Shadow", "DiskUtilization"),
        ("Production", "Invocation5XXErrors"),
        ("Production", "DiskUtilization"),
    }
