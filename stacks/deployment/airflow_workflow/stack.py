"""Airflow in MWAA Serverless: process -> train -> evaluate -> condition -> register."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.orchestration.serverless_workflow import ServerlessWorkflow
from mla_constructs.orchestration.training_dag import allow_operators, training_dag
from mla_constructs.security.data_key import DataKey
from runtime import airflow
from stacks.deployment.airflow_workflow.facts import FACTS
from stacks.deployment.training_workflow import APPROVAL_STATUS, parameters, training_workspace
from stacks.reference_stack import ReferenceStack


class AirflowWorkflowStack(ReferenceStack):
    """Trains a model in tasks of Airflow, on workers that exist for a task, and registers it."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        workspace = training_workspace(self, key)
        workflow = ServerlessWorkflow(
            self,
            "Workflow",
            definition={
                "training_workflow": training_dag(
                    workspace.job,
                    parameters=parameters(workspace),
                    runs_uri=workspace.bucket.s3_url_for_object("runs"),
                    model_package_group_name=workspace.models.name,
                    approval_status=APPROVAL_STATUS,
                    # At most an hour; while it waits for its job, the task's worker is paid for.
                    task_timeout=Duration.minutes(45),
                    # One more attempt for a passing fault; the service allows three.
                    retries=1,
                    retry_delay=Duration.minutes(2),
                )
            },
            code=Asset(self, "Tasks", path=str(airflow.TASKS), exclude=["__pycache__"]),
            bucket=workspace.bucket,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        # One role for all tasks of the workflow, whatever a single one needs.
        allow_operators(workflow.role, workspace)

        alarms.watch(
            "FailedAttempts",
            workflow.metric_failed_attempts(),
            at_least=1,
            minutes=1,
            meaning="An attempt of a task failed, or a model was not good enough: the log group "
            "has a stream of it. A second attempt may follow.",
        )

        self.output("WorkflowArn", workflow.arn, "Pass it to StartWorkflowRun")
        self.output(
            "StartCommand",
            f"aws mwaa-serverless start-workflow-run --workflow-arn {workflow.arn}",
            'Runs the workflow; --override-parameters \'{"InputDataUri": "s3://..."}\' names data',
        )
        self.output("LogGroupName", workflow.log_group.log_group_name, "Logs of the tasks")
        self.output(
            "RawDataUri", workspace.bucket.s3_url_for_object("raw/"), "Put new raw data below it"
        )
        self.output("ModelPackageGroupName", workspace.models.name, "Versions to approve")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")
