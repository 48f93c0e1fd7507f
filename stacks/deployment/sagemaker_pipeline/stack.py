"""SageMaker Pipelines: process -> train -> evaluate -> condition -> register."""

from __future__ import annotations

from aws_cdk import Duration
from constructs import Construct

from mla_constructs.observability.alarms import AlarmTopic
from mla_constructs.orchestration.training_pipeline import (
    StepPolicy,
    TrainingPipeline,
    training_pipeline_definition,
)
from mla_constructs.security.data_key import DataKey
from stacks.deployment.sagemaker_pipeline.facts import FACTS
from stacks.deployment.training_workflow import APPROVAL_STATUS, parameters, training_workspace
from stacks.reference_stack import ReferenceStack


class SagemakerPipelineStack(ReferenceStack):
    """Trains a model in steps that SageMaker itself keeps track of, and registers a good one."""

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(scope, id, facts=FACTS)

        key = DataKey(self, "Key", removal_policy=self.data_removal)
        alarms = AlarmTopic(self, "Alarms", key=key)

        workspace = training_workspace(self, key)
        pipeline = TrainingPipeline(
            self,
            "Pipeline",
            definition=training_pipeline_definition(
                workspace.job,
                parameters=parameters(workspace),
                runs_uri=workspace.bucket.s3_url_for_object("runs"),
                model_package_group_name=workspace.models.name,
                approval_status=APPROVAL_STATUS,
                policy=StepPolicy(
                    # After faults of the service, throttling, lacking capacity or quota.
                    retries=3,
                    retry_interval=Duration.minutes(1),
                    # Code and data lie under content hashes: a changed one is never a cache hit.
                    # New data at an old address would be: give it an address of its own.
                    cache_for=Duration.days(30),
                ),
            ),
            workspace=workspace,
            # These steps wait for one another; in a pipeline with branches it limits instances.
            max_parallel_steps=2,
            failure_topic=alarms.topic,
        )

        self._watch(pipeline, alarms)

        self.output("PipelineName", pipeline.name, "Pass it to StartPipelineExecution")
        self.output(
            "StartCommand",
            f"aws sagemaker start-pipeline-execution --pipeline-name {pipeline.name}",
            "Runs the pipeline; --pipeline-parameters Name=InputDataUri,Value=s3://... names data",
        )
        self.output(
            "RawDataUri", workspace.bucket.s3_url_for_object("raw/"), "Put new raw data below it"
        )
        self.output("ModelPackageGroupName", workspace.models.name, "Versions to approve")
        self.output("AlarmTopicArn", alarms.topic.topic_arn, "Subscribe to hear of alarms")

    def _watch(self, pipeline: TrainingPipeline, alarms: AlarmTopic) -> None:
        alarms.watch(
            "FailedExecutions",
            pipeline.metric("ExecutionFailed", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="An execution failed or its model was not good enough: its steps say which.",
        )
        alarms.watch(
            "StoppedExecutions",
            pipeline.metric("ExecutionStopped", statistic="Sum"),
            at_least=1,
            minutes=1,
            meaning="An execution was stopped by hand: nothing is registered until it is retried.",
        )
        alarms.watch(
            "LongExecution",
            pipeline.metric("ExecutionDuration", statistic="Maximum"),
            at_least=Duration.hours(1).to_milliseconds(),
            minutes=1,
            meaning="An execution took an hour or more: more data, or a step was retried.",
        )
        alarms.watch(
            "UndeliveredFailures",
            pipeline.undelivered.metric_approximate_number_of_messages_visible(
                period=Duration.minutes(1), statistic="Maximum"
            ),
            at_least=1,
            minutes=1,
            meaning="A failure could not be published: the queue has the event.",
        )
