"""What makes it a pipeline that trains, judges and registers by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["sagemaker_pipeline"]


@pytest.fixture
def definition(template: Template) -> dict[str, Any]:
    body = template.only("AWS::SageMaker::Pipeline")["PipelineDefinition"]
    definition: dict[str, Any] = body["PipelineDefinitionBody"]
    return definition


@pytest.fixture
def steps(definition: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {step["Name"]: step for step in definition["Steps"]}


def test_steps_stand_in_the_order_of_the_data(steps: dict[str, dict[str, Any]]) -> None:
    assert [(name, step["Type"]) for name, step in steps.items()] == [
        ("Preprocess", "Processing"),
        ("Train", "Training"),
        ("Evaluate", "Processing"),
        ("IsGoodEnough", "Condition"),
    ]


def test_good_model_waits_for_a_persons_approval(steps: dict[str, dict[str, Any]]) -> None:
    (register,) = steps["IsGoodEnough"]["Arguments"]["IfSteps"]
    assert register["Type"] == "RegisterModel"
    assert register["Arguments"]["ModelApprovalStatus"] == "PendingManualApproval"
    (reject,) = steps["IsGoodEnough"]["Arguments"]["ElseSteps"]
    assert reject["Type"] == "Fail"


def test_code_and_data_are_named_by_their_content(
    steps: dict[str, dict[str, Any]], definition: dict[str, Any]
) -> None:
    """The cache knows a step by its addresses: at a fixed one a changed script would not run."""
    inputs = steps["Preprocess"]["Arguments"]["ProcessingInputs"]
    (code,) = (i["S3Input"]["S3Uri"] for i in inputs if i["InputName"] == "code")
    (data,) = (p for p in definition["Parameters"] if p["Name"] == "InputDataUri")
    for uri in (code, data["DefaultValue"]):
        assert len(uri.rsplit("/", maxsplit=1)[1].split(".")[0]) == 64, uri


def test_jobs_act_under_a_role_of_their_own(
    template: Template, steps: dict[str, dict[str, Any]]
) -> None:
    jobs = {steps[name]["Arguments"]["RoleArn"] for name in ("Preprocess", "Train", "Evaluate")}
    assert jobs == {"<WorkspaceRoleB6DD3ECD.Arn>"}
    pipeline = template.only("AWS::SageMaker::Pipeline")
    assert pipeline["RoleArn"] not in jobs


def test_pipeline_may_create_jobs_of_pipelines_names_only(template: Template) -> None:
    created = [
        resource
        for role, statement in statements(template)
        if role.startswith("PipelineRole")
        and {a for a in as_list(statement["Action"]) if a.endswith("Job")}
        for resource in as_list(statement["Resource"])
    ]
    assert created
    assert all(resource.endswith("-job/pipelines-*") for resource in created)


def test_every_alarm_watches_this_pipeline(template: Template) -> None:
    metrics = {
        alarm["MetricName"]: alarm for _, alarm in template.of_type("AWS::CloudWatch::Alarm")
    }
    assert metrics.keys() == {
        "ExecutionFailed",
        "ExecutionStopped",
        "ExecutionDuration",
        "ApproximateNumberOfMessagesVisible",
    }
    for name in ("ExecutionFailed", "ExecutionStopped", "ExecutionDuration"):
        assert metrics[name]["Dimensions"] == [
            {"Name": "PipelineName", "Value": "<AWS::StackName>"}
        ]
