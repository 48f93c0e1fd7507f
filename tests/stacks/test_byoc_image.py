"""What makes it a container of one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator

from catalogue.template import Template


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["byoc_image"]


@pytest.fixture
def job(template: Template) -> dict[str, Any]:
    """The training job that the schedule starts."""
    target = template.only("AWS::Scheduler::Schedule")["Target"]
    assert target["Arn"] == "arn:<AWS::Partition>:scheduler:::aws-sdk:sagemaker:createTrainingJob"
    return dict(json.loads(target["Input"]))


def test_one_image_trains_and_serves(template: Template, job: dict[str, Any]) -> None:
    served = template.only("AWS::SageMaker::Model")["PrimaryContainer"]["Image"]
    assert served == job["AlgorithmSpecification"]["TrainingImage"]
    assert served.endswith(".ImageDigest>")


def test_training_job_is_what_the_api_takes(job: dict[str, Any]) -> None:
    model = get_session().get_service_model("sagemaker")
    shape = model.operation_model("CreateTrainingJob").input_shape
    report = ParamValidator().validate(job, shape)
    assert not report.has_errors(), report.generate_report()


def test_job_has_a_name_of_its_own_that_its_creator_may_give(
    template: Template, job: dict[str, Any]
) -> None:
    assert job["TrainingJobName"] == "<AWS::StackName>-<aws.scheduler.execution-id>"
    allowed = [
        statement["Resource"]
        for _, policy in template.of_type("AWS::IAM::Policy")
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "sagemaker:CreateTrainingJob"
    ]
    (jobs,) = allowed
    assert jobs.endswith(":training-job/<AWS::StackName>-*")


def test_training_runs_isolated_and_under_the_key(job: dict[str, Any]) -> None:
    assert job["EnableNetworkIsolation"] is True
    assert job["OutputDataConfig"]["KmsKeyId"] == job["ResourceConfig"]["VolumeKmsKeyId"]


def test_image_is_scanned_and_cannot_be_replaced_under_its_tag(template: Template) -> None:
    repository = template.only("AWS::ECR::Repository")
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert repository["ImageTagMutability"] == "IMMUTABLE"


def test_gate_stops_what_is_critical(template: Template) -> None:
    project = template.only("AWS::CodeBuild::Project")
    variables = {v["Name"]: v["Value"] for v in project["Environment"]["EnvironmentVariables"]}
    assert variables["STOP_AT"] == "CRITICAL"
    assert "--target training" in variables["BUILD_OPTIONS"]
    assert "describe-image-scan-findings" in project["Source"]["BuildSpec"]


def test_failed_builds_alarm(template: Template) -> None:
    alarms = {p["MetricName"] for _, p in template.of_type("AWS::CloudWatch::Alarm")}
    assert alarms == {"FailedBuilds", "TargetErrorCount", "Invocation5XXErrors"}
