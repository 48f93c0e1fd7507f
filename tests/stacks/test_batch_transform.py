"""What makes it a batch transform that can be left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["batch_transform"]


@pytest.fixture
def states(template: Template) -> dict[str, dict[str, Any]]:
    definition = template.only("AWS::StepFunctions::StateMachine")["DefinitionString"]
    states: dict[str, dict[str, Any]] = definition["States"]
    return states


def test_schedule_starts_the_state_machine_every_night(template: Template) -> None:
    schedule = template.only("AWS::Scheduler::Schedule")
    assert schedule["ScheduleExpression"] == "cron(0 2 * * ? *)"
    ((machine, _),) = template.of_type("AWS::StepFunctions::StateMachine")
    assert schedule["Target"]["Arn"] == f"<{machine}>"
    assert schedule["Target"]["DeadLetterConfig"]["Arn"].startswith("<Undelivered")


def test_job_is_waited_for(states: dict[str, dict[str, Any]]) -> None:
    resource = states["Transform"]["Resource"]
    assert resource == "arn:aws:states:::sagemaker:createTransformJob.sync"


def test_answer_is_joined_to_the_identifier(states: dict[str, dict[str, Any]]) -> None:
    request = states["Transform"]["Arguments"]
    assert request["DataProcessing"] == {
        "InputFilter": "$[1:]",
        "JoinSource": "Input",
        "OutputFilter": "$[0,-1]",
    }
    # A join needs both sides to be of one kind and cut in the same way.
    assert request["TransformInput"]["ContentType"] == request["TransformOutput"]["Accept"]
    assert request["TransformInput"]["SplitType"] == request["TransformOutput"]["AssembleWith"]


def test_volume_and_output_are_under_the_key(states: dict[str, dict[str, Any]]) -> None:
    request = states["Transform"]["Arguments"]
    assert request["TransformOutput"]["KmsKeyId"] == "<Key961B73FD.Arn>"
    assert request["TransformResources"]["VolumeKmsKeyId"] == "<Key961B73FD.Arn>"


def test_every_task_that_fails_is_reported(states: dict[str, dict[str, Any]]) -> None:
    tasks = {name for name, state in states.items() if state["Type"] == "Task"}
    for name in tasks - {"ReportFailure"}:
        (catch,) = states[name]["Catch"]
        assert (catch["ErrorEquals"], catch["Next"]) == (["States.ALL"], "ReportFailure"), name
    assert states["ReportFailure"]["Next"] == "Failed"
    assert states["Failed"]["Type"] == "Fail"


def test_older_run_and_missing_input_end_a_run_early(states: dict[str, dict[str, Any]]) -> None:
    assert states["IsThisTheOldestRun"]["Default"] == "OlderRunGoesOn"
    assert states["IsThereInput"]["Default"] == "NoInput"
    assert {states[name]["Type"] for name in ("OlderRunGoesOn", "NoInput")} == {"Succeed"}


def test_workflow_may_run_its_jobs_and_pass_no_role(template: Template) -> None:
    actions = {
        action
        for role, statement in statements(template)
        if role.startswith("WorkflowRole")
        for action in as_list(statement["Action"])
    }
    assert "iam:PassRole" not in actions
    assert {a for a in actions if a.startswith("sagemaker:")} == {
        "sagemaker:AddTags",
        "sagemaker:ListTags",
        "sagemaker:CreateTransformJob",
        "sagemaker:DescribeTransformJob",
        "sagemaker:StopTransformJob",
    }


def test_sample_input_is_deployed_and_found(template: Template) -> None:
    uri = template.document["Outputs"]["SampleInputUri"]["Value"]["Fn::Sub"]
    key = uri.rsplit("/", 1)[1]
    assert key.endswith(".csv")
    readers = {
        role
        for role, statement in statements(template)
        if any(str(resource).endswith(key) for resource in as_list(statement["Resource"]))
    }
    assert [role[:9] for role in readers] == ["ModelRole"]
