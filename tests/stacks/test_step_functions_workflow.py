"""What makes it a state machine that trains, judges and registers by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["step_functions_workflow"]


@pytest.fixture
def states(template: Template) -> dict[str, dict[str, Any]]:
    definition = template.only("AWS::StepFunctions::StateMachine")["DefinitionString"]
    states: dict[str, dict[str, Any]] = definition["States"]
    return states


def test_states_follow_the_data(states: dict[str, dict[str, Any]]) -> None:
    path, name = [], "TakeInput"
    while name != "IsGoodEnough":
        path.append(name)
        name = states[name]["Next"]
    assert path == ["TakeInput", "Preprocess", "Train", "Evaluate", "ReadEvaluation"]
    (choice,) = states["IsGoodEnough"]["Choices"]
    assert (choice["Next"], states["IsGoodEnough"]["Default"]) == ("Register", "Reject")


def test_jobs_are_waited_for(states: dict[str, dict[str, Any]]) -> None:
    resources = {n: states[n]["Resource"].rsplit(":", 1)[1] for n in ("Preprocess", "Train")}
    assert resources == {
        "Preprocess": "createProcessingJob.sync",
        "Train": "createTrainingJob.sync",
    }


def test_good_model_waits_for_a_persons_approval(states: dict[str, dict[str, Any]]) -> None:
    arguments = states["Register"]["Arguments"]
    assert arguments["ModelApprovalStatus"] == "PendingManualApproval"
    assert arguments["ModelPackageGroupName"] == "<AWS::StackName>"


def test_time_out_leaves_a_job_its_own_time(states: dict[str, dict[str, Any]]) -> None:
    for name in ("Preprocess", "Train", "Evaluate"):
        limit = states[name]["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"]
        assert states[name]["TimeoutSeconds"] > limit, name


def test_workflow_may_stop_what_it_starts(template: Template) -> None:
    actions = {
        action
        for role, statement in statements(template)
        if role.startswith("WorkflowRole")
        for action in as_list(statement["Action"])
    }
    assert {"sagemaker:StopProcessingJob", "sagemaker:StopTrainingJob"} <= actions


@pytest.mark.whole_catalogue
def test_steps_are_those_of_the_pipeline(
    states: dict[str, dict[str, Any]], templates: Mapping[str, Template]
) -> None:
    """Orchestrators can only be compared over the same jobs: these differ in references alone."""
    pipeline = templates["sagemaker_pipeline"].only("AWS::SageMaker::Pipeline")
    steps = {
        step["Name"]: step["Arguments"]
        for step in pipeline["PipelineDefinition"]["PipelineDefinitionBody"]["Steps"]
    }
    for name in ("Preprocess", "Train", "Evaluate"):
        asked = states[name]["Arguments"]
        named = {key for key in asked if key.endswith("JobName")}
        assert asked.keys() - named == steps[name].keys()
        for key in ("RoleArn", "StoppingCondition", "Environment"):
            assert asked[key] == steps[name][key], (name, key)
