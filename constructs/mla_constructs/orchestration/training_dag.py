"""The training workflow as a DAG of Airflow."""

from __future__ import annotations

from string import ascii_letters, digits
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_iam as iam

from mla_constructs.errors import InvalidArgument
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.orchestration.workflow_requests import (
    EVALUATION_FILE,
    WorkflowJob,
    WorkflowParameters,
    evaluate_request,
    parameter_of,
    preprocess_request,
    register_request,
    train_request,
)

JOB_PREFIX = "airflow"
"""Job names have 63 characters at most: with a step and a run there is no room for the stack's."""

SAGEMAKER = "airflow.providers.amazon.aws.operators.sagemaker"
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"

RUN = f"{{{{ ti.run_id | select('in', '{ascii_letters}{digits}') | join }}}}"
"""The run's identifier without the characters that a job's name may not have.

Not `ts_nodash`: Airflow 3 has no logical date for a run that was started without one.
"""

MODEL = "{{ ti.xcom_pull(task_ids='train')['Training']['ModelArtifacts']['S3ModelArtifacts'] }}"
"""XCom: the training operator returns the description of its job."""


def training_dag(
    job: WorkflowJob,
    *,
    parameters: WorkflowParameters,
    runs_uri: str,
    model_package_group_name: str,
    approval_status: str,
    task_timeout: Duration,
    retries: int,
    retry_delay: Duration,
) -> dict[str, Any]:
    """Returns process -> train -> evaluate -> condition -> register in DAG Factory's format.

    Args:
        job: What all jobs have in common.
        parameters: A run may name others: OverrideParameters of StartWorkflowRun.
        runs_uri: Every run writes below it, into a folder of its own.
        model_package_group_name: Group that a good model is added to.
        approval_status: Of the registered version.
        task_timeout: After which a task fails; longer than a job may take.
        retries: Further attempts of a task.
        retry_delay: Time before another attempt.

    Raises:
        InvalidArgument: A gate without effect, or jobs that outlive the tasks that wait for them.

    Source: https://airflow.apache.org/docs/apache-airflow-providers-amazon/9.32.0/operators/
    sagemaker.html
    """
    parameters.check()
    if task_timeout.to_seconds() <= job.max_runtime.to_seconds():
        raise InvalidArgument(
            f"task_timeout is {task_timeout.to_seconds()} s: choose more than the "
            f"{job.max_runtime.to_seconds()} s that a job may take, which would go on unwatched."
        )
    return {
        # Runs are started by hand: for "schedule", a cron expression, the service would create a
        # schedule in EventBridge Scheduler. Runs that a schedule missed are not caught up.
        "start_date": "2026-01-01",
        "max_active_runs": 1,
        "params": parameters.defaults(),
        "default_args": {
            "retries": retries,
            "retry_delay": timedelta(retry_delay),
            "execution_timeout": timedelta(task_timeout),
        },
        "tasks": {
            **_jobs(job, parameters, f"{runs_uri}/{RUN}"),
            "condition": _condition(),
            "register": _register(
                register_request(
                    job,
                    model_package_group_name=model_package_group_name,
                    model_uri=MODEL,
                    evaluation_uri=f"{runs_uri}/{RUN}/evaluation/{EVALUATION_FILE}",
                    approval_status=approval_status,
                    instance_types=[job.instance_type],
                )
            ),
        },
    }


def timedelta(duration: Duration) -> dict[str, Any]:
    """Returns a duration as DAG Factory reads it."""
    return {"__type__": "datetime.timedelta", "seconds": duration.to_seconds()}


def allow_operators(role: iam.Role, workspace: TrainingWorkspace) -> None:
    """Lets a role do what the tasks ask of SageMaker, and of S3 before.

    The operators stop no job. The training operator looks whether its inputs are there. HeadBucket
    is allowed by s3:ListBucket, and asks without a prefix to which that could be limited.
    """
    workspace.grant_orchestration(role, job_names=f"{JOB_PREFIX}-*", stops=False)
    code = workspace.code
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["s3:ListBucket"],
            resources=[workspace.bucket.bucket_arn, code.bucket.bucket_arn],
        )
    )
    role.add_to_policy(
        iam.PolicyStatement(
            actions=["s3:GetObject"],
            resources=[code.bucket.arn_for_objects(code.s3_object_key)],
        )
    )


def _jobs(job: WorkflowJob, parameters: WorkflowParameters, run: str) -> dict[str, Any]:
    """Tasks that start a job, wait for its end and hand on what came of it."""
    return {
        "process": _job(
            "Processing",
            "preprocess",
            preprocess_request(
                job,
                raw_uri=_parameter("InputDataUri"),
                outputs={name: f"{run}/{name}" for name in ("train", "validation", "test")},
            ),
        ),
        "train": _job(
            "Training",
            "train",
            train_request(
                job,
                train_uri=f"{run}/train",
                validation_uri=f"{run}/validation",
                output_uri=f"{run}/model",
                hyperparameters={
                    name: _parameter(parameter_of(name)) for name in parameters.hyperparameters
                },
            ),
            dependencies=["process"],
        ),
        "evaluate": _job(
            "Processing",
            "evaluate",
            evaluate_request(
                job,
                model_uri=MODEL,
                approved_model_uri=_parameter("ApprovedModelUri"),
                test_uri=f"{run}/test",
                output_uri=f"{run}/evaluation",
            ),
            dependencies=["train"],
            output_files_to_xcom=[
                {
                    "output_name": "evaluation",
                    "file_name": EVALUATION_FILE,
                    "result_name": "evaluation",
                }
            ],
        ),
    }


def _job(kind: str, step: str, request: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    return {
        "operator": f"{SAGEMAKER}.SageMaker{kind}Operator",
        # Taken by an earlier attempt, the name gets a timestamp.
        "config": {f"{kind}JobName": f"{JOB_PREFIX}-{step}-{RUN}", **request},
        # Jobs log into groups of their own: reading those would be one more permission.
        "print_log": False,
        **arguments,
    }


def _condition() -> dict[str, Any]:
    """A task that fails unless the model is good enough: no operator that branches is supported."""
    evaluation = "ti.xcom_pull(task_ids='evaluate')['OutputFiles']['evaluation']"
    return {
        "operator": PYTHON,
        "python_callable": "registration.require_quality",
        "op_kwargs": {
            "roc_auc": f"{{{{ {evaluation}['gate']['roc_auc'] }}}}",
            "minimum_roc_auc": _parameter("MinimumRocAuc"),
            "lead": f"{{{{ {evaluation}['gate']['lead'] }}}}",
            "minimum_lead": _parameter("MinimumLead"),
        },
        "dependencies": ["evaluate"],
    }


def _register(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "operator": PYTHON,
        "python_callable": "registration.register",
        "op_kwargs": {"request": request},
        # A second attempt after a lost answer would register the model twice.
        "retries": 0,
        "dependencies": ["condition"],
    }


def _parameter(name: str) -> str:
    return f"{{{{ params.{name} }}}}"
