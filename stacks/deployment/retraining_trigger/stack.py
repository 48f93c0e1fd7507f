"""Retraining: schedule, new data or drift -> one run; an approved version -> production."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy, TimeZone
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_events as events
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.delivery import actions
from mla_constructs.delivery.artifact_store import ArtifactStore
from mla_constructs.delivery.environment import DeliveryEnvironment
from mla_constructs.delivery.pipeline import DeliveryPipeline, Stage, VariableCheck
from mla_constructs.delivery.source import stored_source
from mla_constructs.events.event_rule import EventRule
from mla_constructs.events.undelivered import Undelivered
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.orchestration.retraining_gate import RetrainingGate
from mla_constructs.orchestration.training_pipeline import (
    StepPolicy,
    TrainingPipeline,
    training_pipeline_definition,
)
from mla_constructs.orchestration.training_workspace import TrainingWorkspace
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.placed_objects import PlacedObjects
from runtime import deployments
from runtime.jobs import tumor_workflow
from stacks.deployment.retraining_trigger.facts import FACTS
from stacks.deployment.training_workflow import APPROVAL_STATUS, parameters, training_workspace
from stacks.reference_stack import ReferenceStack

NOTHING = "none"


class RetrainingTriggerStack(ReferenceStack):
    """Trains again for a reason, once for all reasons of a while, and delivers what is approved."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        self.key = DataKey(self, "Key", removal_policy=self.data_removal)
        self.alarms = AlarmTopic(self, "Alarms", key=self.key)
        self.undelivered = Undelivered(self, "Undelivered")

        # What is started: process -> train -> evaluate -> condition -> register.
        workspace = training_workspace(self, self.key)
        training = self._training(workspace)

        # Whatever the reason, events gather for a quarter of an hour and start one run.
        gate = RetrainingGate(
            self,
            "Gate",
            pipeline_name=training.name,
            # All that has gathered, and not what the deployment brought along.
            parameters={"InputDataUri": workspace.bucket.s3_url_for_object("raw/")},
            # Longer than an upload takes, shorter than anybody waits for a model.
            window=Duration.minutes(15),
            failure_topic=self.alarms.topic,
            key=self.key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        drift = self._drift_alarm()
        self._on_schedule(gate)
        self._on_new_data(gate, workspace)
        self._on_drift(gate, drift)

        # Somebody approves a version in the registry: it goes to production.
        delivery, production = self._delivery(workspace)
        self._on_approval(delivery, workspace)

        self._watch(gate, training, delivery)

        self.output(
            "DriftCommand",
            f"aws cloudwatch put-metric-data --namespace {Aws.STACK_NAME} "
            "--metric-name FeatureDrift --value 0.3",
            "Reports drift: a run follows",
        )
        self.output(
            "RawDataUri", workspace.bucket.s3_url_for_object("raw"), "Put new raw data below it"
        )
        self.output("ModelPackageGroupName", workspace.models.name, "Versions to approve")
        self.output("ProductionEndpointName", production.endpoint_name, "Pass it to InvokeEndpoint")
        self.output("AlarmTopicArn", self.alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _training(self, workspace: TrainingWorkspace) -> TrainingPipeline:
        return TrainingPipeline(
            self,
            "Pipeline",
            definition=training_pipeline_definition(
                workspace.job,
                parameters=parameters(workspace),
                runs_uri=workspace.bucket.s3_url_for_object("runs"),
                model_package_group_name=workspace.models.name,
                approval_status=APPROVAL_STATUS,
                policy=StepPolicy(
                    retries=3,
                    retry_interval=Duration.minutes(1),
                    # New data lies at the old address: a result of before it must not be used.
                    cache_for=Duration.minutes(1),
                ),
            ),
            workspace=workspace,
            max_parallel_steps=2,
            failure_topic=self.alarms.topic,
        )

    def _drift_alarm(self) -> cloudwatch.Alarm:
        """Fires on what a drift job reports; task 4.1 is about how it finds out."""
        return self.alarms.watch(
            "Drift",
            cloudwatch.Metric(
                namespace=Aws.STACK_NAME,
                metric_name="FeatureDrift",
                statistic="Maximum",
                period=Duration.minutes(1),
            ),
            at_least=0.2,  # an assumption on a population stability index: yours may differ
            minutes=1,
            meaning="A feature no longer looks as in training: a training run is started.",
        )

    def _on_schedule(self, gate: RetrainingGate) -> None:
        """Every Sunday, for what changes too slowly to be an event."""
        scheduler.Schedule(
            self,
            "Weekly",
            schedule_group=scheduler.ScheduleGroup(
                self, "Schedules", removal_policy=RemovalPolicy.DESTROY
            ),
            schedule=scheduler.ScheduleExpression.cron(
                week_day="SUN", hour="2", minute="0", time_zone=TimeZone.ETC_UTC
            ),
            time_window=scheduler.TimeWindow.flexible(Duration.minutes(15)),
            target=targets.StepFunctionsStartExecution(
                gate.machine.state_machine,
                input=scheduler.ScheduleTargetInput.from_object({"Reason": "schedule"}),
                retry_attempts=3,
                max_event_age=Duration.hours(1),
                dead_letter_queue=self.undelivered,
            ),
        )

    def _on_new_data(self, gate: RetrainingGate, workspace: TrainingWorkspace) -> None:
        workspace.bucket.send_events()
        # What a first run trains on. The rule comes later: this is no news.
        first = PlacedObjects(
            self,
            "FirstData",
            bucket=workspace.bucket,
            objects={
                "raw/tumors.csv": Asset(self, "Tumors", path=str(tumor_workflow.RAW_DATA)),
            },
        )
        rule = self._start_gate(
            gate,
            "NewData",
            description="Starts a training run for new raw data",
            pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [workspace.bucket.bucket_name]},
                    "object": {"key": [{"prefix": "raw/"}]},
                },
            },
            reason=f"new data: {events.EventField.from_path('$.detail.object.key')}",
        )
        rule.node.add_dependency(first)

    def _on_drift(self, gate: RetrainingGate, alarm: cloudwatch.Alarm) -> None:
        self._start_gate(
            gate,
            "Drifted",
            description="Starts a training run when the data drifts",
            pattern={
                "source": ["aws.cloudwatch"],
                "detail-type": ["CloudWatch Alarm State Change"],
                "resources": [alarm.alarm_arn],
                # On the way into the alarm, not out of it.
                "detail": {"state": {"value": ["ALARM"]}},
            },
            reason=f"drift: {events.EventField.from_path('$.detail.state.reason')}",
        )

    def _start_gate(
        self,
        gate: RetrainingGate,
        id: str,
        *,
        description: str,
        pattern: dict[str, object],
        reason: str,
    ) -> EventRule:
        return EventRule(
            self,
            id,
            description=description,
            pattern=pattern,
            target_arn=gate.machine.state_machine.state_machine_arn,
            action="states:StartExecution",
            event_input={"Reason": reason},
            undelivered=self.undelivered,
        )

    def _delivery(
        self, workspace: TrainingWorkspace
    ) -> tuple[DeliveryPipeline, DeliveryEnvironment]:
        """A pipeline that rolls a version out to production, as a canary that alarms take back."""
        production = DeliveryEnvironment(
            self,
            "Production",
            name="production",
            image=BuiltInImage(self),
            alarm_topic=self.alarms.topic,
            key=self.key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        production.serve_versions(workspace)
        template = Asset(self, "Template", path=str(deployments.REGISTERED_MODEL))
        delivery = DeliveryPipeline(
            self,
            "Delivery",
            execution_mode="QUEUED",  # versions reach production in the order of their approval
            store=ArtifactStore(
                self,
                "Artifacts",
                key=self.key,
                access_logs=workspace.access_logs,
                removal_policy=self.data_removal,
                expire_after=Duration.days(90),
            ),
            variables=[
                codepipeline.CfnPipeline.VariableDeclarationProperty(
                    name="version", default_value=NOTHING, description="ARN of a model package"
                )
            ],
            stages=[
                Stage(name="Source", actions=[stored_source(template)]),
                Stage(
                    name="Production",
                    # A new pipeline starts by itself, before there is anything to deliver.
                    only_if=VariableCheck(
                        variable="#{variables.version}", operator="NE", value=NOTHING
                    ),
                    roll_back=True,
                    actions=[
                        actions.deploy(
                            "Deploy",
                            production,
                            template="Source::endpoint.yml",
                            parameters={"ModelPackageArn": "#{variables.version}"},
                        )
                    ],
                ),
            ],
        )
        delivery.node.add_dependency(production.removal)
        return delivery, production

    def _on_approval(self, delivery: DeliveryPipeline, workspace: TrainingWorkspace) -> None:
        EventRule(
            self,
            "Approved",
            description="Delivers a version that has been approved",
            pattern={
                "source": ["aws.sagemaker"],
                "detail-type": ["SageMaker Model Package State Change"],
                "detail": {
                    "ModelPackageGroupName": [workspace.models.name],
                    "ModelApprovalStatus": ["Approved"],
                    # Not when an approved version gets another description.
                    "UpdatedModelPackageFields": ["ModelApprovalStatus"],
                },
            },
            target_arn=delivery.arn,
            action="codepipeline:StartPipelineExecution",
            event_input={
                "variables": [
                    {
                        "name": "version",
                        "value": events.EventField.from_path("$.detail.ModelPackageArn"),
                    }
                ]
            },
            undelivered=self.undelivered,
        )

    def _watch(
        self, gate: RetrainingGate, training: TrainingPipeline, delivery: DeliveryPipeline
    ) -> None:
        minute = Duration.minutes(1)
        starts = gate.machine.state_machine
        for name, metric, meaning in (
            (
                "FailedStarts",
                starts.metric_failed(period=minute),
                "A run could not be started: the topic has the cause.",
            ),
            (
                "AbandonedStarts",
                starts.metric_timed_out(period=minute),
                "A run has gone on for a day, and nothing new was started: look at its steps.",
            ),
            (
                "FailedRuns",
                training.metric("ExecutionFailed", statistic="Sum"),
                "A run failed or its model was not good enough: the old one goes on serving.",
            ),
            (
                "FailedDelivery",
                delivery.metric_failed(),
                "An approved version is not in production, or was rolled back.",
            ),
        ):
            self.alarms.watch(name, metric, at_least=1, minutes=1, meaning=meaning)
        for name, queue, meaning in (
            ("UndeliveredEvents", self.undelivered, "An event started nothing: the queue has it."),
            (
                "UndeliveredFailures",
                training.undelivered,
                "A failure could not be published: the queue has the event.",
            ),
        ):
            self.alarms.watch(
                name,
                queue.metric_approximate_number_of_messages_visible(
                    period=minute, statistic="Maximum"
                ),
                at_least=1,
                minutes=1,
                meaning=meaning,
            )
