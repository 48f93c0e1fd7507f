"""What the orchestrators share: nothing in the requests is written for one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aws_cdk import Duration

from mla_constructs.orchestration.workflow_requests import (
    evaluate_request,
    parameter_of,
    preprocess_request,
    register_request,
    train_request,
)
from tests.support import workflow
from tests.support.api import problems, service

URIS = ("s3://bucket/a", "{{ task.uri }}")
HYPERPARAMETERS = workflow.PARAMETERS.hyperparameters


def test_parameters_are_named_as_the_api_names() -> None:
    assert parameter_of("early_stopping_rounds") == "EarlyStoppingRounds"
    assert list(workflow.PARAMETERS.defaults()) == [
        "InputDataUri",
        "ApprovedModelUri",
        "MaxDepth",
        "Eta",
        "Rounds",
        "EarlyStoppingRounds",
        "MinimumRocAuc",
        "MinimumLead",
    ]


@pytest.mark.parametrize("uri", URIS)
def test_addresses_are_written_as_they_are_given(uri: str) -> None:
    for request in (
        preprocess_request(workflow.JOB, raw_uri=uri, outputs={"train": uri}),
        train_request(
            workflow.JOB,
            train_uri=uri,
            validation_uri=uri,
            output_uri=uri,
            hyperparameters=HYPERPARAMETERS,
        ),
        evaluate_request(
            workflow.JOB, model_uri=uri, approved_model_uri=uri, test_uri=uri, output_uri=uri
        ),
    ):
        assert str(request).count(uri) in (2, 3, 4)
        assert not [key for key in request if key.endswith("JobName")]


@pytest.mark.parametrize("runtime", [Duration.seconds(1), Duration.days(9)])
def test_edges_of_the_time_are_taken_by_the_service(runtime: Duration) -> None:
    job = replace(workflow.JOB, max_runtime=runtime)
    job.check()
    request = preprocess_request(job, raw_uri=URIS[0], outputs={"train": URIS[0]})
    shape = service("sagemaker").operation_model("CreateProcessingJob").input_shape
    assert problems(shape, {"ProcessingJobName": "job", **request}) == []


def test_registered_version_has_the_tags_of_its_group() -> None:
    """CreateModelPackage rejects tags of a version."""
    request = register_request(
        workflow.JOB,
        model_package_group_name="tumors",
        model_uri=URIS[0],
        evaluation_uri=URIS[0],
        approval_status="PendingManualApproval",
        instance_types=["ml.m5.large"],
    )
    assert "Tags" not in request
