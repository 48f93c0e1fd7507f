"""What makes it a workflow of MWAA Serverless; what Airflow makes of it is in tests/airflow."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from typing import Any

import pytest

from catalogue.template import Template
from runtime.airflow import TASKS
from study.iam import as_list, statements


@pytest.fixture
def template(templates: Mapping[str, Template]) -> Template:
    return templates["airflow_workflow"]


@pytest.fixture
def dag(template: Template) -> dict[str, Any]:
    definition = template.only("Custom::WrittenObject")["Document"]
    dag: dict[str, Any] = definition["training_workflow"]
    return dag


def test_steps_are_those_of_the_other_orchestrators_in_their_order(dag: dict[str, Any]) -> None:
    assert {name: task.get("dependencies") for name, task in dag["tasks"].items()} == {
        "process": None,
        "train": ["process"],
        "evaluate": ["train"],
        "condition": ["evaluate"],
        "register": ["condition"],
    }


def test_definition_is_as_small_as_the_service_wants_it(template: Template) -> None:
    definition = template.only("Custom::WrittenObject")["Document"]
    assert len(json.dumps(definition)) < 20 * 1024  # of 50 KB; names are longer once deployed


def test_python_tasks_call_what_the_code_package_has(
    template: Template, dag: dict[str, Any]
) -> None:
    called = {task["python_callable"] for task in dag["tasks"].values() if "op_kwargs" in task}
    functions = {
        f"{file.stem}.{node.name}"
        for file in TASKS.glob("*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef)
    }
    assert called == functions
    workflow = template.only("AWS::MWAAServerless::Workflow")
    assert workflow["Code"]["S3Location"]["ObjectKey"].endswith(".zip")


def test_nothing_stands_and_waits(template: Template) -> None:
    assert not {"AWS::MWAA::Environment", "AWS::EC2::VPC", "AWS::EC2::NatGateway"} & {
        *template.type_counts()
    }


def test_runs_are_started_by_hand_and_never_overlap(dag: dict[str, Any]) -> None:
    assert "schedule" not in dag
    assert dag["max_active_runs"] == 1


def test_registered_model_waits_for_approval(dag: dict[str, Any]) -> None:
    request = dag["tasks"]["register"]["op_kwargs"]["request"]
    assert request["ModelApprovalStatus"] == "PendingManualApproval"


def test_workflow_passes_the_jobs_role_to_sagemaker_alone(template: Template) -> None:
    (passing,) = [
        statement
        for role, statement in statements(template)
        if role.startswith("WorkflowRole") and "iam:PassRole" in as_list(statement["Action"])
    ]
    assert as_list(passing["Resource"]) == [
        f"<{name}.Arn>"
        for name, _ in template.of_type("AWS::IAM::Role")
        if name.startswith("WorkspaceRole")
    ]
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }


def test_failed_attempts_are_counted_from_the_log(template: Template) -> None:
    counter = template.only("AWS::Logs::MetricFilter")
    (transformation,) = counter["MetricTransformations"]
    alarm = template.only("AWS::CloudWatch::Alarm")
    assert (alarm["Namespace"], alarm["MetricName"]) == (
        transformation["MetricNamespace"],
        transformation["MetricName"],
    )
    logging = template.only("AWS::MWAAServerless::Workflow")["LoggingConfiguration"]
    assert counter["LogGroupName"] == logging["LogGroupName"]
