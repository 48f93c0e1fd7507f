"""Airflow workflow: process -> train -> evaluate -> condition -> register, in MWAA Serverless."""

from __future__ import annotations

from string import ascii_letters, digits
from typing import Any

from aws_cdk import Duration, IgnoreMode
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.orchestration.serverless_workflow import ServerlessWorkflow, timedelta
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.orchestration.workflow_requests import (
    EVALUATION_FILE,
    evaluate_request,
    preprocess_request,
    register_request,
    train_request,
)
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket
from runtime import airflow
from runtime.jobs import tumor_workflow
from runtime.models import tumor_classifier
from stacks.deployment.airflow_workflow.facts import FACTS
from stacks.reference_stack import ReferenceStack

SAGEMAKER = "airflow.providers.amazon.aws.operators.sagemaker"
PYTHON = "airflow.providers.standard.operators.python.PythonOperator"

# The run's identifier, but for the characters that a job's name may not have.
RUN = f"{{{{ ti.run_id | select('in', '{ascii_letters}{digits}') | join }}}}"
# XCom: what an operator returned, here the description of its job and the file that it read.
MODEL = "{{ ti.xcom_pull(task_ids='train')['Training']['ModelArtifacts']['S3ModelArtifacts'] }}"
GATE = "{{{{ ti.xcom_pull(task_ids='evaluate')['OutputFiles']['evaluation']['gate']['{}'] }}}}"


class AirflowWorkflowStack(ReferenceStack):
    """Trains, judges and registers a model by tasks of Airflow that run on workers of their own."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)
        code = Asset(
            self,
            "Steps",
            path=str(tumor_workflow.CODE),
            exclude=list(tumor_workflow.NOT_CODE),
            ignore_mode=IgnoreMode.GIT,
        )
        workspace = TrainingWorkspace(
            self,
            "Workspace",
            image=BuiltInImage(self),
            code=code,
            raw_data=Asset(self, "RawData", path=str(tumor_workflow.RAW_DATA)),
            approved_model=Asset(self, "ApprovedModel", path=str(tumor_classifier.ARTIFACT)),
            instance_type="ml.m5.large",
            volume_size_gb=10,
            # Below the tasks' own time-out, so that a job does not outlive the task that waits.
            max_runtime=Duration.minutes(30),
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
        )
        workflow = ServerlessWorkflow(
            self,
            "Workflow",
            definition={"tumor_workflow": _dag(workspace)},
            code=Asset(self, "Tasks", path=str(airflow.TASKS), exclude=["__pycache__"]),
            bucket=workspace.bucket,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        # One role for all tasks: what the operators call on top of the jobs is granted here.
        workspace.grant_orchestration(workflow.role, job_names="airflow-*")
        _allow_finding_inputs(workflow.role, workspace, code)

        alarms.watch(
            "FailedAttempts",
            workflow.metric_failed_attempts(),
            at_least=1,
            minutes=1,
            meaning="An attempt of a task failed, or a model was not good enough: the log group "
            "has a stream for it, and a second attempt may follow.",
        )

        self.output("WorkflowArn", workflow.arn, "Start a run of it: StartWorkflowRun")
        self.output("LogGroupName", workflow.log_group.log_group_name, "Logs of the tasks")
        self.output("ModelPackageGroupName", workspace.models.name, "Versions await approval")
        self.output("RunsUri", workspace.bucket.s3_url_for_object("runs/"), "What runs write")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")


def _dag(workspace: TrainingWorkspace) -> dict[str, Any]:
    """Returns the DAG in DAG Factory's format: what it depends on stands at each task."""
    run = workspace.bucket.s3_url_for_object(f"runs/{RUN}")
    evaluation = f"{run}/evaluation"
    return {
        # Runs are started by hand: with "schedule", a cron expression, the service would create a
        # schedule in EventBridge Scheduler. Runs that a schedule missed are not caught up.
        "start_date": "2026-01-01",
        "max_active_runs": 1,
        "default_args": {
            # A task may take three further attempts; one is enough for a passing fault.
            "retries": 1,
            "retry_delay": timedelta(Duration.minutes(2)),
            # At most 60 min, and the worker that waits for the job is paid for.
            "execution_timeout": timedelta(Duration.minutes(45)),
        },
        "tasks": {
            "process": _job(
                "Processing",
                "preprocess",
                preprocess_request(
                    workspace.job,
                    raw_uri=workspace.raw_uri,
                    outputs={name: f"{run}/{name}" for name in ("train", "validation", "test")},
                ),
            ),
            "train": _job(
                "Training",
                "train",
                train_request(
                    workspace.job,
                    train_uri=f"{run}/train",
                    validation_uri=f"{run}/validation",
                    output_uri=f"{run}/model",
                    hyperparameters={
                        "max_depth": "3",
                        "eta": "0.1",
                        "rounds": "300",
                        "early_stopping_rounds": "20",
                    },
                ),
                dependencies=["process"],
            ),
            "evaluate": _job(
                "Processing",
                "evaluate",
                evaluate_request(
                    workspace.job,
                    model_uri=MODEL,
                    approved_model_uri=workspace.approved_model_uri,
                    test_uri=f"{run}/test",
                    output_uri=evaluation,
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
            # No branch operator is supported: a failed task keeps those behind it from running.
            "condition": {
                "operator": PYTHON,
                "python_callable": "registration.require_quality",
                "op_kwargs": {
                    "roc_auc": GATE.format("roc_auc"),
                    "lowest_roc_auc": 0.95,
                    "lead": GATE.format("lead"),
                    "lowest_lead": -0.005,
                },
                "dependencies": ["evaluate"],
            },
            "register": {
                "operator": PYTHON,
                "python_callable": "registration.register",
                "op_kwargs": {
                    "request": register_request(
                        workspace.job,
                        model_package_group_name=workspace.models.name,
                        model_uri=MODEL,
                        evaluation_uri=f"{evaluation}/{EVALUATION_FILE}",
                        approval_status="PendingManualApproval",
                        instance_types=["ml.m5.large", "ml.m5.xlarge"],
                    )
                },
                # A second attempt after a lost answer would register the model twice.
                "retries": 0,
                "dependencies": ["condition"],
            },
        },
    }


def _job(kind: str, step: str, request: dict[str, Any], **arguments: Any) -> dict[str, Any]:
    """Returns a task that starts a job, waits for its end and hands its description on."""
    return {
        "operator": f"{SAGEMAKER}.SageMaker{kind}Operator",
        # Taken by an earlier attempt, the name gets a timestamp.
        "config": {f"{kind}JobName": f"airflow-{step}-{RUN}", **request},
        "check_interval": 30,
        # The job logs into its own group: reading that would be one more permission.
        "print_log": False,
        **arguments,
    }


def _allow_finding_inputs(role: iam.Role, workspace: TrainingWorkspace, code: Asset) -> None:
    """Lets the training operator look whether its inputs are there, as it does before it starts.

    HeadBucket is allowed by s3:ListBucket, and asks without a prefix to which that could be
    limited.
    """
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
