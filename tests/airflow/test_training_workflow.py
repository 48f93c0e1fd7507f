"""The workflow of airflow_workflow, as a real Airflow understands and runs it."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.exceptions import AirflowFailException
from airflow.models import DAG, DagBag
from aws import Aws
from conftest import Definition, outcome, properties
from registration import require_quality

Load = Callable[[Definition], DagBag]
STEPS = ["process", "train", "evaluate", "condition", "register"]


@pytest.fixture
def dag(load: Load, definition: Definition) -> DAG:
    return load(definition).dags["training_workflow"]


# What it is


def test_it_is_loaded_without_errors(load: Load, definition: Definition) -> None:
    bag = load(definition)
    assert bag.import_errors == {}
    assert list(bag.dags) == ["training_workflow"]


def test_steps_follow_one_another(dag: DAG) -> None:
    behind = {task.task_id: sorted(task.downstream_task_ids) for task in dag.tasks}
    assert behind == {step: STEPS[number + 1 : number + 2] for number, step in enumerate(STEPS)}
    assert {task.trigger_rule for task in dag.tasks} == {"all_success"}


def test_it_is_started_by_hand_and_runs_never_overlap(dag: DAG) -> None:
    assert dag.timetable.summary == "None"
    assert dag.max_active_runs == 1
    assert dag.catchup is False


def test_retries_and_times_are_what_the_service_takes(dag: DAG) -> None:
    for task in dag.tasks:
        assert task.retries == (0 if task.task_id == "register" else 1), task.task_id
        assert task.retry_delay == timedelta(minutes=2)
        assert task.execution_timeout == timedelta(minutes=45)


def test_no_job_outlives_the_task_that_waits_for_it(dag: DAG) -> None:
    for task in dag.tasks:
        if config := getattr(task, "config", None):
            longest = timedelta(seconds=config["StoppingCondition"]["MaxRuntimeInSeconds"])
            assert longest < task.execution_timeout, task.task_id


# A run


@pytest.mark.parametrize(
    "logical_date", [datetime(2026, 11, 22, tzinfo=UTC), None], ids=["dated", "undated"]
)
def test_good_model_is_registered(
    dag: DAG, aws: Aws, logical_date: datetime | None, capfd: pytest.CaptureFixture[str]
) -> None:
    run = dag.test(logical_date=logical_date)

    assert outcome(run).tasks == dict.fromkeys(STEPS, "success")
    assert outcome(run).state == "success"
    (version,) = aws.sagemaker.versions
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = version["InferenceSpecification"]["Containers"]
    assert aws.has(container["ModelDataUrl"])
    assert aws.has(version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])
    assert "Task failed with exception" not in capfd.readouterr().out


def test_run_may_name_other_parameters(dag: DAG, aws: Aws) -> None:
    dag.test(run_conf={"MaxDepth": "2"})
    (train,) = [job for name, job in aws.sagemaker.jobs.items() if "train" in name]
    assert train["HyperParameters"] == {
        "max_depth": "2",
        "eta": "0.1",
        "rounds": "300",
        "early_stopping_rounds": "20",
    }


def test_model_that_is_not_good_enough_fails_the_run(
    dag: DAG, aws: Aws, resources: dict[str, Any], capfd: pytest.CaptureFixture[str]
) -> None:
    run = dag.test(run_conf={"Rounds": "1", "MaxDepth": "1"})

    assert outcome(run).state == "failed"
    assert outcome(run).tasks == {
        **dict.fromkeys(STEPS[:3], "success"),
        "condition": "failed",
        "register": "upstream_failed",
    }
    assert aws.sagemaker.versions == []
    # What the alarm counts is what Airflow logs, once: there is no second attempt.
    (counter,) = properties(resources, "AWS::Logs::MetricFilter")
    log = capfd.readouterr().out
    assert log.count(counter["FilterPattern"].strip('"')) == 1
    assert "The model is not good enough: ROC AUC 0.88" in log


def test_failing_job_stops_the_run(load: Load, definition: Definition, aws: Aws) -> None:
    definition["training_workflow"]["default_args"]["retries"] = 0  # it would wait for minutes

    run = load(definition).dags["training_workflow"].test(run_conf={"Eta": "7"})

    assert outcome(run).tasks == {
        "process": "success",
        "train": "failed",
        **dict.fromkeys(STEPS[2:], "upstream_failed"),
    }
    (job,) = [job for name, job in aws.ended.items() if "train" in name]
    assert "Hyperparameter eta is '7'" in job["FailureReason"]


# The condition by itself


@pytest.mark.parametrize(
    ("roc_auc", "lead"),
    [("0.949999", "0.1"), ("0.99", "-0.0051"), ("nan", "0.1"), ("0.99", "nan")],
)
def test_condition_is_not_met(roc_auc: str, lead: str) -> None:
    with pytest.raises(AirflowFailException, match="not good enough"):
        require_quality(roc_auc=roc_auc, minimum_roc_auc="0.95", lead=lead, minimum_lead="-0.005")


def test_condition_is_met_at_its_limits() -> None:
    require_quality(roc_auc="0.95", minimum_roc_auc="0.95", lead="-0.005", minimum_lead="-0.005")


# What the role has to allow


def _statements(resources: dict[str, Any]) -> list[tuple[list[str], list[str]]]:
    (policy,) = [
        policy
        for policy in properties(resources, "AWS::IAM::Policy")
        if policy["PolicyName"].startswith("WorkflowRole")
    ]
    return [
        (_list(statement["Action"]), _list(statement["Resource"]))
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_role_allows_every_call_of_a_run(dag: DAG, aws: Aws, resources: dict[str, Any]) -> None:
    dag.test()
    statements = _statements(resources)
    denied = [
        (action, resource)
        for action, resource in sorted(aws.asked)
        if not any(
            action in actions and any(fnmatch.fnmatchcase(resource, r) for r in allowed)
            for actions, allowed in statements
        )
    ]
    assert denied == []


def test_role_allows_little_else(dag: DAG, aws: Aws, resources: dict[str, Any]) -> None:
    dag.test()
    used = {action for action, _ in aws.asked}
    allowed = {action for actions, _ in _statements(resources) for action in actions}
    beyond = {a for a in allowed - used if not a.startswith(("kms:", "logs:"))}
    assert beyond == {
        "sagemaker:DescribeModelPackage",
        "sagemaker:StopProcessingJob",
        "sagemaker:StopTrainingJob",
    }
