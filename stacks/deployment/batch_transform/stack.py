"""Batch transform: schedule -> state machine -> instances for one job -> S3."""

from __future__ import annotations

from aws_cdk import Duration, RemovalPolicy, TimeZone
from aws_cdk import aws_logs as logs
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.events.undelivered import Undelivered
from mla_constructs.inference.built_in_image import BuiltInImage
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.transform_workflow import TransformJob, TransformWorkflow
from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.assets import grant_finding
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime.models import tumor_classifier
from stacks.deployment.batch_transform.facts import FACTS
from stacks.reference_stack import ReferenceStack


class BatchTransformStack(ReferenceStack):
    """Scores what has gathered below a prefix every night, on instances that exist for the job."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        # Rows to score gather below input/; scored rows appear below output/<day>/.
        rows = DataBucket(
            self,
            "Rows",
            key=key,
            access_logs=AccessLogBucket(self, "AccessLogs", removal_policy=self.data_removal),
            removal_policy=self.data_removal,
            expire_after=Duration.days(30),
        )
        # Rows to try it with, uploaded by the deployment: pass SampleInputUri to an execution.
        sample = Asset(self, "SampleInput", path=str(tumor_classifier.SAMPLE_BATCH))

        model = self._model(key, rows, sample)
        workflow = TransformWorkflow(
            self,
            "Workflow",
            model=model,
            job=TransformJob(
                instance_type="ml.m5.large",
                # Files are spread over instances: more than one pays off with more than one file.
                instance_count=1,
                # Requests in flight; with the payload at most 100 MB. Two vCPUs, two requests.
                max_concurrent_transforms=2,
                max_payload_mb=6,
                invocation_timeout=Duration.seconds(60),
                invocation_retries=1,
                # A row is an identifier and 30 features: the model gets the features, the output
                # is the identifier and the model's answer.
                input_filter="$[1:]",
                join_source="Input",
                output_filter="$[0,-1]",
            ),
            default_input_uri=rows.s3_url_for_object("input/"),
            output_uri=rows.s3_url_for_object("output"),
            failure_topic=alarms.topic,
            timeout=Duration.hours(2),
            key=key,
            log_retention=logs.RetentionDays.ONE_MONTH,
            removal_policy=self.data_removal,
        )
        rows.grant_list_below(workflow.role, "input")
        grant_finding(sample, workflow.role)

        undelivered = self._score_nightly(workflow)
        self._watch(workflow, undelivered, alarms)

        self.output("StateMachineArn", workflow.state_machine.state_machine_arn, "Start it")
        self.output(
            "SampleInputUri", sample.s3_object_url, 'Try it: {"InputS3Uri": "<this address>"}'
        )
        self.output("InputUri", rows.s3_url_for_object("input/"), "Put files of rows below it")
        self.output("OutputUri", rows.s3_url_for_object("output"), "Answers appear below it")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _model(self, key: DataKey, rows: DataBucket, sample: Asset) -> HostedModel:
        """The model, and what its role needs as a job: there is no endpoint to grant it."""
        model = HostedModel(
            self,
            "Model",
            image=BuiltInImage(self),
            artifact=Asset(self, "Artifact", path=str(tumor_classifier.ARTIFACT)),
            network_isolation=True,
        )
        model.role.grant_metrics("/aws/sagemaker/TransformJobs")
        model.role.grant_storage_key(key)
        model.role.grant_job_logs("/aws/sagemaker/TransformJobs")
        rows.grant_list_below(model.role, "input")
        rows.grant_read_below(model.role, "input")
        rows.grant_write_below(model.role, "output")
        grant_finding(sample, model.role)
        model.role.grant_artifact(sample)
        return model

    def _score_nightly(self, workflow: TransformWorkflow) -> Undelivered:
        """Starts a run every night; what could not be started lies in the queue returned."""
        # Scheduler delivers at least once; the workflow itself sees to it that runs do not overlap.
        undelivered = Undelivered(self, "Undelivered")
        scheduler.Schedule(
            self,
            "Nightly",
            # A group of its own: Scheduler's metrics have no finer dimension.
            schedule_group=scheduler.ScheduleGroup(
                self, "Schedules", removal_policy=RemovalPolicy.DESTROY
            ),
            schedule=scheduler.ScheduleExpression.cron(
                hour="2", minute="0", time_zone=TimeZone.ETC_UTC
            ),
            time_window=scheduler.TimeWindow.flexible(Duration.minutes(15)),
            target=targets.StepFunctionsStartExecution(
                workflow.state_machine,
                retry_attempts=3,
                max_event_age=Duration.hours(1),
                dead_letter_queue=undelivered,
            ),
        )
        return undelivered

    def _watch(
        self, workflow: TransformWorkflow, undelivered: Undelivered, alarms: AlarmTopic
    ) -> None:
        minute = Duration.minutes(1)
        runs = workflow.state_machine
        alarms.watch(
            "FailedRuns",
            runs.metric_failed(period=minute),
            at_least=1,
            minutes=1,
            meaning="A run failed: the topic has its cause, the execution its history.",
        )
        alarms.watch(
            "AbortedRuns",
            runs.metric_aborted(period=minute),
            at_least=1,
            minutes=1,
            meaning="A run was stopped by hand: its rows wait for the next run.",
        )
        alarms.watch(
            "LongRun",
            runs.metric_time(period=minute, statistic="Maximum"),
            at_least=Duration.hours(1).to_milliseconds(),
            minutes=1,
            meaning="A run took an hour or more: more files and more instances, or a larger type.",
        )
        alarms.watch(
            "UndeliveredStarts",
            undelivered.metric_approximate_number_of_messages_visible(
                period=minute, statistic="Maximum"
            ),
            at_least=1,
            minutes=1,
            meaning="The schedule could not start a run: the queue has the request.",
        )
