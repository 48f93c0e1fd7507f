"""What makes it one call through three containers; tests/runtime sends rows through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from runtime import containers

LABEL = "LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true"


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["inference_pipeline"]


@pytest.fixture
def chain(template: Template) -> list[dict[str, Any]]:
    return list(template.only("AWS::SageMaker::Model")["Containers"])


def test_requests_pass_through_the_three_in_turn(
    template: Template, chain: list[dict[str, Any]]
) -> None:
    model = template.only("AWS::SageMaker::Model")
    assert model["InferenceExecutionConfig"] == {"Mode": "Serial"}
    assert [c["ContainerHostname"] for c in chain] == ["preprocess", "xgboost", "postprocess"]
    assert model["EnableNetworkIsolation"] is True


def test_both_ends_are_one_image_that_is_told_which_end_it_is(
    template: Template, chain: list[dict[str, Any]]
) -> None:
    first, model, last = chain
    assert first["Image"] == last["Image"]
    assert first["Image"].endswith(".ImageDigest>")
    assert "sagemaker-xgboost" in model["Image"]
    assert len(list(template.of_type("AWS::CodeBuild::Project"))) == 1
    assert first["Environment"]["SERVING_STEP"] == "preprocess"
    assert last["Environment"]["SERVING_STEP"] == "postprocess"


def test_model_answers_in_what_the_last_container_reads(chain: list[dict[str, Any]]) -> None:
    assert chain[1]["Environment"] == {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}


def test_only_what_has_to_know_something_gets_an_artifact(chain: list[dict[str, Any]]) -> None:
    first, model, last = chain
    assert first["ModelDataUrl"] != model["ModelDataUrl"]
    assert "ModelDataUrl" not in last


def test_image_says_that_it_takes_the_port_it_is_given() -> None:
    dockerfile = (containers.CONTEXT / containers.INFERENCE).read_text()
    assert LABEL in dockerfile.splitlines()


def test_sagemaker_may_pull_the_image_beside_the_built_in_one(template: Template) -> None:
    policy = template.only("AWS::ECR::Repository")["RepositoryPolicyText"]
    assert policy["Statement"][0]["Principal"] == {"Service": "sagemaker.amazonaws.com"}


def test_each_container_is_watched_by_itself(template: Template) -> None:
    watched = {
        dimension["Value"]
        for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
        if alarm["MetricName"] == "ContainerLatency"
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "ContainerName"
    }
    assert watched == {"preprocess", "xgboost", "postprocess"}
