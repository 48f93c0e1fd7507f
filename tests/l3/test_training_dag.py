"""The training workflow as a DAG: what is refused. tests/airflow has what Airflow makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from aws_cdk import Duration

from mla_constructs.errors import InvalidArgument
from mla_constructs.orchestration.serverless_workflow import check_definition
from mla_constructs.orchestration.training_dag import training_dag
from tests.support.workflow import JOB, PARAMETERS


def dag(**changes: Any) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "parameters": PARAMETERS,
        "runs_uri": "s3://data/runs",
        "model_package_group_name": "tumors",
        "approval_status": "PendingManualApproval",
        "task_timeout": Duration.minutes(45),
        "retries": 1,
        "retry_delay": Duration.minutes(2),
    }
    return training_dag(JOB, **(arguments | changes))


def test_service_takes_it() -> None:
    check_definition({"tumors": dag()})


def test_no_job_may_outlive_the_task_that_waits_for_it() -> None:
    with pytest.raises(InvalidArgument, match="task_timeout is 1800 s: choose more than the 1800"):
        dag(task_timeout=JOB.max_runtime)


def test_gate_has_to_be_one() -> None:
    with pytest.raises(InvalidArgument, match=r"minimum_roc_auc is 0\.4"):
        dag(parameters=replace(PARAMETERS, minimum_roc_auc=0.4))


def test_what_the_service_would_refuse_comes_to_light() -> None:
    with pytest.raises(InvalidArgument, match="retries of default_args is 4"):
        check_definition({"tumors": dag(retries=4)})
    with pytest.raises(InvalidArgument, match="execution_timeout of default_args is 5400 s"):
        check_definition({"tumors": dag(task_timeout=Duration.minutes(90))})
