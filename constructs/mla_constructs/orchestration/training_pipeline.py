"""The training workflow as a SageMaker pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Aws, Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.events.undelivered import Undelivered
from mla_constructs.inference.execution_role import ExecutionRole
from mla_constructs.observability.topic import EncryptedTopic
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

JOB_NAMES = "pipelines-*"
"""How Pipelines names the jobs of a step:
https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html"""


@dataclass(frozen=True, kw_only=True)
class StepPolicy:
    """How often a step is tried, and how long its result is used again.

    Attributes:
        retries: Times a step is tried again after a fault that passes by itself, 0 to 20.
        retry_interval: Pause before the first retry, at most 12 h; each further one is twice as
            long.
        cache_for: How old a result may be to be used in place of running the step again.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-retry-policy.html
    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/pipelines-caching-enabling.html
    """

    retries: int
    retry_interval: Duration
    cache_for: Duration

    def check(self) -> None:
        """Raises InvalidArgument for what Pipelines would reject."""
        require_between("retries", self.retries, 0, 20)
        require_between("retry_interval", self.retry_interval.to_seconds(), 1, 43_200, unit="s")

    def retry(self) -> dict[str, Any]:
        """Returns what a step says of retries."""
        return {
            "RetryPolicies": [
                {
                    "ExceptionType": [
                        "Step.SERVICE_FAULT",
                        "Step.THROTTLING",
                        "SageMaker.JOB_INTERNAL_ERROR",
                        "SageMaker.CAPACITY_ERROR",
                        "SageMaker.RESOURCE_LIMIT",
                    ],
                    "IntervalSeconds": self.retry_interval.to_seconds(),
                    "BackoffRate": 2.0,
                    "MaxAttempts": self.retries,
                }
            ]
        }

    def cache(self) -> dict[str, Any]:
        """Returns what a step says of its cache."""
        return {"CacheConfig": {"Enabled": True, "ExpireAfter": self.cache_for.to_iso_string()}}


class TrainingPipeline(Construct):
    """A pipeline of process -> train -> evaluate -> condition -> register, and its role.

    It carries the stack's name. An execution that fails is published with its ARN; one that ends
    because the model is not good enough fails as well.

    Args:
        scope: Parent construct.
        id: Construct ID.
        definition: What training_pipeline_definition() returned.
        workspace: What the jobs read, write and act under.
        max_parallel_steps: Steps that may run at the same time.
        failure_topic: Told of executions that failed.

    Attributes:
        name: Name of the pipeline.
        role: What Pipelines may do; the jobs act under the workspace's role.
        undelivered: Events of failures that could not be published.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-access.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        definition: dict[str, Any],
        workspace: TrainingWorkspace,
        max_parallel_steps: int,
        failure_topic: EncryptedTopic,
    ) -> None:
        super().__init__(scope, id)
        self.role = ExecutionRole(self, "Role", description="What the pipeline may do")
        workspace.grant_orchestration(self.role, job_names=JOB_NAMES)
        workspace.models.grant_describing(self.role)
        self.name: str = Aws.STACK_NAME
        pipeline = sagemaker.CfnPipeline(
            self,
            "Resource",
            pipeline_name=self.name,
            pipeline_description="process -> train -> evaluate -> condition -> register",
            pipeline_definition={
                "PipelineDefinitionBody": Stack.of(self).to_json_string(definition)
            },
            parallelism_configuration={"MaxParallelExecutionSteps": max_parallel_steps},
            role_arn=self.role.role_arn,
        )
        pipeline.node.add_dependency(self.role.node.find_child("DefaultPolicy"))
        self.undelivered = self._publish_failures(failure_topic)

    def metric(self, name: str, *, statistic: str) -> cloudwatch.Metric:
        """Returns a metric of the pipeline's executions, by the minute.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
        """
        return cloudwatch.Metric(
            namespace="AWS/Sagemaker/ModelBuildingPipeline",
            metric_name=name,
            dimensions_map={"PipelineName": self.name},
            statistic=statistic,
            period=Duration.minutes(1),
        )

    def _publish_failures(self, topic: EncryptedTopic) -> Undelivered:
        """Publishes failed executions; returns the queue of what could not be published."""
        undelivered = Undelivered(self, "Undelivered")
        publisher = iam.Role(
            self,
            "Publisher",
            assumed_by=iam.ServicePrincipal(
                "events.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": self._arn("events", "rule", "*")},
                },
            ),
        )
        topic.grant_publishing(publisher)
        events.Rule(
            self,
            "Failed",
            event_pattern=events.EventPattern(
                source=["aws.sagemaker"],
                detail_type=["SageMaker Model Building Pipeline Execution Status Change"],
                detail={
                    "currentPipelineExecutionStatus": ["Failed"],
                    "pipelineArn": [self._arn("sagemaker", "pipeline", self.name)],
                },
            ),
            targets=[
                targets.SnsTopic(
                    topic,
                    # What it may do stands above: CDK would add every form of GenerateDataKey.
                    role=publisher.without_policy_updates(),
                    dead_letter_queue=undelivered,
                )
            ],
        )
        return undelivered

    def _arn(self, service: str, resource: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )


def training_pipeline_definition(
    job: WorkflowJob,
    *,
    parameters: WorkflowParameters,
    runs_uri: str,
    model_package_group_name: str,
    approval_status: str,
    policy: StepPolicy,
) -> dict[str, Any]:
    """Returns the pipeline as the JSON document that Pipelines reads.

    Args:
        job: What all jobs have in common.
        parameters: Become parameters of the pipeline.
        runs_uri: Prefix under which every execution writes, in a folder of its ID.
        model_package_group_name: Group that a good model is added to.
        approval_status: Of the registered version.
        policy: Of every step that runs a job.

    Raises:
        InvalidArgument: A value that Pipelines does not accept, or a gate without effect.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-steps-types.html
    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-propertyfile.html
    """
    policy.check()
    parameters.check()
    asked = _requests(job, parameters, runs_uri, model_package_group_name, approval_status)
    return {
        "Version": "2020-12-01",
        "Parameters": [
            {
                "Name": name,
                "Type": "Float" if isinstance(value, float) else "String",
                "DefaultValue": value,
            }
            for name, value in parameters.defaults().items()
        ],
        "Steps": _steps(asked, policy),
    }


def _steps(asked: Mapping[str, dict[str, Any]], policy: StepPolicy) -> list[dict[str, Any]]:
    return [
        _job_step("Preprocess", "Processing", asked["Preprocess"], policy),
        _job_step("Train", "Training", asked["Train"], policy),
        {
            **_job_step("Evaluate", "Processing", asked["Evaluate"], policy),
            "PropertyFiles": [
                {
                    "PropertyFileName": "Evaluation",
                    "OutputName": "evaluation",
                    "FilePath": EVALUATION_FILE,
                }
            ],
        },
        _gate({"Type": "RegisterModel", "Arguments": asked["Register"], **policy.retry()}),
    ]


def _requests(
    job: WorkflowJob,
    parameters: WorkflowParameters,
    runs_uri: str,
    model_package_group_name: str,
    approval_status: str,
) -> dict[str, dict[str, Any]]:
    """Returns step -> arguments; their references are what makes a step wait for another."""
    model_uri = _get("Steps.Train.ModelArtifacts.S3ModelArtifacts")
    preprocess = preprocess_request(
        job,
        raw_uri=_parameter("InputDataUri"),
        outputs={name: _run(runs_uri, name) for name in ("train", "validation", "test")},
    )
    train = train_request(
        job,
        train_uri=_output("Preprocess", "train"),
        validation_uri=_output("Preprocess", "validation"),
        output_uri=_run(runs_uri, "model"),
        hyperparameters={
            name: _parameter(parameter_of(name)) for name in parameters.hyperparameters
        },
    )
    evaluate = evaluate_request(
        job,
        model_uri=model_uri,
        approved_model_uri=_parameter("ApprovedModelUri"),
        test_uri=_output("Preprocess", "test"),
        output_uri=_run(runs_uri, "evaluation"),
    )
    register = register_request(
        job,
        model_package_group_name=model_package_group_name,
        model_uri=model_uri,
        evaluation_uri=_join("/", _output("Evaluate", "evaluation"), EVALUATION_FILE),
        approval_status=approval_status,
        instance_types=[job.instance_type],
    )
    return {"Preprocess": preprocess, "Train": train, "Evaluate": evaluate, "Register": register}


def _job_step(
    name: str, type_: str, arguments: dict[str, Any], policy: StepPolicy
) -> dict[str, Any]:
    """Returns a step; it waits for those whose properties its arguments name."""
    return {
        "Name": name,
        "Type": type_,
        "Arguments": arguments,
        **policy.cache(),
        **policy.retry(),
    }


def _gate(register: dict[str, Any]) -> dict[str, Any]:
    """Returns the step that decides by the evaluation whether the model is registered."""
    return {
        "Name": "IsGoodEnough",
        "Type": "Condition",
        "Arguments": {
            "Conditions": [
                {
                    "Type": "GreaterThanOrEqualTo",
                    "LeftValue": {
                        "Std:JsonGet": {
                            "PropertyFile": _get("Steps.Evaluate.PropertyFiles.Evaluation"),
                            "Path": path,
                        }
                    },
                    "RightValue": _parameter(parameter),
                }
                for path, parameter in (
                    ("gate.roc_auc", "MinimumRocAuc"),
                    ("gate.lead", "MinimumLead"),
                )
            ],
            "IfSteps": [{"Name": "Register", **register}],
            "ElseSteps": [
                {
                    "Name": "Reject",
                    "Type": "Fail",
                    "Arguments": {
                        "ErrorMessage": _join(
                            " ",
                            "The model is not registered: ROC AUC below",
                            _parameter("MinimumRocAuc"),
                            "or lead below",
                            _parameter("MinimumLead"),
                            "in",
                            _output("Evaluate", "evaluation"),
                        )
                    },
                }
            ],
        },
    }


def _get(path: str) -> dict[str, str]:
    return {"Get": path}


def _parameter(name: str) -> dict[str, str]:
    return _get(f"Parameters.{name}")


def _output(step: str, name: str) -> dict[str, str]:
    return _get(f"Steps.{step}.ProcessingOutputConfig.Outputs['{name}'].S3Output.S3Uri")


def _join(on: str, *values: Any) -> dict[str, Any]:
    return {"Std:Join": {"On": on, "Values": list(values)}}


def _run(runs_uri: str, name: str) -> dict[str, Any]:
    """Returns an address of this execution's own."""
    return _join("/", runs_uri, _get("Execution.PipelineExecutionId"), name)
