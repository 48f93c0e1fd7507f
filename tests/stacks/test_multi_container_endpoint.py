"""What makes it two frameworks side by side, one of which answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template

NAMES = ["xgboost", "onnx"]


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["multi_container_endpoint"]


def containers(template: Template) -> list[dict[str, Any]]:
    return list(template.only("AWS::SageMaker::Model")["Containers"])


def test_a_request_names_the_container_that_answers(template: Template) -> None:
    model = template.only("AWS::SageMaker::Model")
    assert model["InferenceExecutionConfig"] == {"Mode": "Direct"}
    assert [c["ContainerHostname"] for c in containers(template)] == NAMES


def test_frameworks_differ_in_image_and_artifact(template: Template) -> None:
    xgboost, onnx = containers(template)
    assert "sagemaker-xgboost" in xgboost["Image"]
    assert onnx["Image"].endswith(".ImageDigest>")
    assert xgboost["ModelDataUrl"] != onnx["ModelDataUrl"]
    assert onnx["Environment"] == {"SERVING_WORKERS": "1"}


def test_containers_are_cut_off_from_the_network(template: Template) -> None:
    assert template.only("AWS::SageMaker::Model")["EnableNetworkIsolation"] is True


def test_a_right_holds_for_one_container(template: Template) -> None:
    conditions = [
        properties["PolicyDocument"]["Statement"][0]["Condition"]
        for _, properties in template.of_type("AWS::IAM::ManagedPolicy")
    ]
    assert conditions == [
        {"StringEquals": {"sagemaker:TargetContainerHostname": name}} for name in NAMES
    ]


@pytest.mark.parametrize("metric", ["Invocation5XXErrors", "ContainerLatency"])
def test_each_container_is_watched_by_itself(metric: str, template: Template) -> None:
    watched = [
        [dimension["Name"] for dimension in alarm["Dimensions"]]
        for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
        if alarm["MetricName"] == metric
    ]
    assert len(watched) == len(NAMES)
    assert {frozenset(names) for names in watched} == {
        frozenset({"EndpointName", "VariantName", "ContainerName"})
    }


def test_what_they_share_is_watched_as_a_whole(template: Template) -> None:
    shared = {
        alarm["MetricName"]
        for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
        if alarm["Namespace"] == "/aws/sagemaker/Endpoints"
    }
    assert shared == {"CPUUtilization", "MemoryUtilization"}
