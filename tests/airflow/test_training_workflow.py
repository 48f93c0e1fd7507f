"""The workflow of airflow_workflow, as a real Airflow understands and runs it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from airflow.exceptions import AirflowFailException
from airflow.models import DAG, DagBag
from aws import Aws
from conftest import Definition, Run, properties
from registration import require_quality

from catalogue.template import Template
from study.evaluation import Decision, Policies
from tests.support.needs.calls import of_call
from tests.support.needs.deployed import Deployed, Evidence
from tests.support.needs.workflows import airflow

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


# Runs; each takes some ten seconds, and several tests look at the same ones


@pytest.fixture(scope="module")
def ended() -> dict[str, Run]:
    return {}


@pytest.fixture
def good(dag: DAG, aws: Aws, capfd: pytest.CaptureFixture[str], ended: dict[str, Run]) -> Run:
    """A run with everything as deployed."""
    if "good" not in ended:
        run = dag.test(logical_date=datetime(2026, 11, 22, tzinfo=UTC))
        ended["good"] = Run.of(run, aws, capfd.readouterr().out)
    return ended["good"]


@pytest.fixture
def poor(dag: DAG, aws: Aws, capfd: pytest.CaptureFixture[str], ended: dict[str, Run]) -> Run:
    """A run without a date whose parameters lead to a poor model."""
    if "poor" not in ended:
        run = dag.test(logical_date=None, run_conf={"Rounds": "1", "MaxDepth": "1"})
        ended["poor"] = Run.of(run, aws, capfd.readouterr().out)
    return ended["poor"]


def test_good_model_is_registered(good: Run) -> None:
    assert good.tasks == dict.fromkeys(STEPS, "success")
    assert good.state == "success"
    (version,) = good.aws.sagemaker.versions
    assert version["ModelApprovalStatus"] == "PendingManualApproval"
    (container,) = version["InferenceSpecification"]["Containers"]
    assert good.aws.has(container["ModelDataUrl"])
    assert good.aws.has(version["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"])


def test_model_that_is_not_good_enough_fails_the_run(poor: Run) -> None:
    assert poor.state == "failed"
    assert poor.tasks == {
        **dict.fromkeys(STEPS[:3], "success"),
        "condition": "failed",
        "register": "upstream_failed",
    }
    assert poor.aws.sagemaker.versions == []
    assert "The model is not good enough: ROC AUC 0.88" in poor.log


def test_alarm_counts_what_airflow_logs_of_a_failed_attempt(
    good: Run, poor: Run, template: Template
) -> None:
    (counter,) = properties(template, "AWS::Logs::MetricFilter")
    pattern = counter["FilterPattern"].strip('"')
    assert good.log.count(pattern) == 0
    assert poor.log.count(pattern) == 1  # there was no second attempt


def test_run_may_name_other_parameters(good: Run, poor: Run) -> None:
    given = [
        job["HyperParameters"]
        for run in (good, poor)
        for job in run.aws.sagemaker.jobs.values()
        if "HyperParameters" in job
    ]
    assert given[0] == {
        "max_depth": "3",
        "eta": "0.1",
        "rounds": "300",
        "early_stopping_rounds": "20",
    }
    assert given[1] == given[0] | {"max_depth": "1", "rounds": "1"}


def test_failing_job_stops_the_run(
    load: Load, definition: Definition, aws: Aws, capfd: pytest.CaptureFixture[str]
) -> None:
    definition["training_workflow"]["default_args"]["retries"] = 0  # it would wait for minutes
    dag = load(definition).dags["training_workflow"]
    run = Run.of(dag.test(run_conf={"Eta": "7"}), aws, capfd.readouterr().out)
    assert run.tasks == {
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


def asked(run: Run, deployed: Deployed) -> set[tuple[str, str]]:
    """Returns action and resource of all that a run's calls take, as if its name were "sample"."""
    (name,) = {
        given["TrainingJobName"].removeprefix("airflow-train-")
        for _, operation, given in run.aws.calls
        if operation == "CreateTrainingJob"
    }
    return {
        (ask.action, ask.resource.replace(name, "sample"))
        for call in run.aws.calls
        for ask in of_call(deployed, *call)
    }


def test_role_allows_every_call_of_a_run(good: Run, template: Template) -> None:
    policies, deployed = Policies(template), Deployed(template)
    role = policies.sample.find("WorkflowRole")
    for call in good.aws.calls:
        for ask in of_call(deployed, *call):
            decision = policies.role_may(role, ask.action, ask.resource, ask.request.context)
            assert decision is Decision.ALLOWED, ask


def test_proof_of_the_role_has_the_calls_of_a_run(good: Run, template: Template) -> None:
    """It reads them off the definition: tests/stacks/test_least_privilege.py, without Airflow."""
    deployed = Deployed(template)
    role = deployed.sample.find("WorkflowRole")
    proven = {
        (need.ask.action, need.ask.resource)
        for need in airflow(deployed)
        if need.role == role and need.evidence is Evidence.RECORDED
    }
    assert proven == asked(good, deployed)
