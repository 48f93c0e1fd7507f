"""Step Functions: process -> train -> evaluate -> condition -> register."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.orchestration.training_machine import (
    TrainingMachine,
    training_machine_definition,
)
from mla_constructs.security.data_key import DataKey
from stacks.deployment.step_functions_workflow.facts import FACTS
from stacks.deployment.training_workflow import APPROVAL_STATUS, parameters, training_workspace
from stacks.reference_stack import ReferenceStack


class StepFunctionsWorkflowStack(ReferenceStack):
    """Trains a model in states that may call any service, and registers a good one."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        workspace = training_workspace(self, key)
        machine = TrainingMachine(
            self,
            "Workflow",
            definition=training_machine_definition(
                workspace.job,
                parameters=parameters(workspace),
                runs_bucket=workspace.bucket.bucket_name,
                model_package_group_name=workspace.models.name,
                approval_status=APPROVAL_STATUS,
                # A job's own limit starts with its instance; this one counts the wait for it too.
                step_timeout=Duration.hours(1),
                failure_topic_arn=alarms.topic.topic_arn,
            ),
            workspace=workspace,
            failure_topic=alarms.topic,
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )

        self._watch(machine, alarms)

        arn = machine.state_machine.state_machine_arn
        self.output("StateMachineArn", arn, "Pass it to StartExecution")
        self.output(
            "StartCommand",
            f"aws stepfunctions start-execution --state-machine-arn {arn}",
            'Runs the workflow; --input \'{"InputDataUri": "s3://..."}\' names data',
        )
        self.output(
            "RawDataUri", workspace.bucket.s3_url_for_object("raw/"), "Put new raw data below it"
        )
        self.output("ModelPackageGroupName", workspace.models.name, "Versions to approve")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, machine: TrainingMachine, alarms: AlarmTopic) -> None:
        minute = Duration.minutes(1)
        runs = machine.state_machine
        alarms.watch(
            "FailedRuns",
            runs.metric_failed(period=minute),
            at_least=1,
            minutes=1,
            meaning="A run failed or its model was not good enough: the topic has its cause.",
        )
        alarms.watch(
            "AbortedRuns",
            runs.metric_aborted(period=minute),
            at_least=1,
            minutes=1,
            meaning="A run was stopped by hand: nothing is registered until it is redriven.",
        )
        alarms.watch(
            "LongRun",
            runs.metric_time(period=minute, statistic="Maximum"),
            at_least=Duration.hours(1).to_milliseconds(),
            minutes=1,
            meaning="A run took an hour or more: more data, or a job was tried again.",
        )
