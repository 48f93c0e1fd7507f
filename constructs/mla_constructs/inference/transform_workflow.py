"""Batch transform as a workflow: one run at a time, only with input, retried, and heard of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.instance_variant import require_instance_type
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.orchestration.workflow_machine import (
    ON_FAILURE,
    RETRY_JOB,
    WorkflowMachine,
    report_failure,
)
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard

JOB_PREFIX = "batch-transform"


@dataclass(frozen=True, kw_only=True)
class TransformJob:
    """What every run asks of SageMaker.

    Attributes:
        instance_type: Such as "ml.m5.large".
        instance_count: Instances; files are spread over them, one file stays on one instance.
        max_concurrent_transforms: Requests in flight per instance, 0 to 100; 0 asks the container.
        max_payload_mb: Size of a mini-batch, 0 to 100 MB; times the transforms in flight at most
            100 MB.
        invocation_timeout: Time for one mini-batch, 1 to 3600 s.
        invocation_retries: Times a mini-batch is tried again, 0 to 3.
        input_filter: JSONPath of the columns the model gets.
        join_source: "Input" puts the answer behind its input row, "None" returns answers alone.
        output_filter: JSONPath of the columns that are written.

    Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """

    instance_type: str
    instance_count: int
    max_concurrent_transforms: int
    max_payload_mb: int
    invocation_timeout: Duration
    invocation_retries: int
    input_filter: str
    join_source: str
    output_filter: str

    def check(self) -> None:
        """Raises InvalidArgument for what CreateTransformJob would reject."""
        require_instance_type(self.instance_type)
        if self.join_source not in ("Input", "None"):
            raise InvalidArgument(f"join_source is {self.join_source!r}: choose 'Input' or 'None'.")
        require_between("instance_count", self.instance_count, 1, 100)
        require_between("max_concurrent_transforms", self.max_concurrent_transforms, 0, 100)
        require_between("max_payload_mb", self.max_payload_mb, 0, 100, unit="MB")
        in_flight = self.max_concurrent_transforms * self.max_payload_mb
        if in_flight > 100:  # noqa: PLR2004 - the documented limit
            raise InvalidArgument(
                f"max_concurrent_transforms x max_payload_mb is {in_flight} MB: keep it at or "
                "below 100 MB."
            )
        require_between(
            "invocation_timeout", self.invocation_timeout.to_seconds(), 1, 3600, unit="s"
        )
        require_between("invocation_retries", self.invocation_retries, 0, 3)


class TransformWorkflow(WorkflowMachine):
    """A state machine that runs a transform job over a prefix in S3.

    It does nothing while an older run goes on, and nothing without input. Throttling and a reached
    instance limit are retried with growing pauses; whatever else fails is published with its cause
    before the run fails.

    The execution's input may name another prefix: {"InputS3Uri": "s3://bucket/prefix"}.

    Args:
        scope: Parent construct.
        id: Construct ID.
        model: Transforms; its role needs to read the input and write the output.
        job: What every run asks of SageMaker.
        default_input_uri: The prefix that is transformed unless the execution names another.
        output_uri: Prefix under which every run writes, in a folder of its day.
        failure_topic: Told of the cause of a failed run.
        timeout: After which a job is stopped and its run fails.
        key: Encrypts the logs, the output and the instances' volumes.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Attributes:
        state_machine: The workflow.
        role: What the workflow may do.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        model: HostedModel,
        job: TransformJob,
        default_input_uri: str,
        output_uri: str,
        failure_topic: EncryptedTopic,
        timeout: Duration,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        job.check()
        request = transform_request(job, model.name, output_uri, key.key_arn)
        super().__init__(
            scope,
            id,
            definition=workflow_definition(
                request, default_input_uri, failure_topic.topic_arn, timeout
            ),
            failure_topic=failure_topic,
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        self._allow_what_the_states_do(key)

    def _allow_what_the_states_do(self, key: DataKey) -> None:
        jobs = self.format_arn("sagemaker", "transform-job", f"{JOB_PREFIX}-*")
        for actions, resource in (
            (["states:ListExecutions"], self.arn),
            (
                [
                    "sagemaker:CreateTransformJob",
                    "sagemaker:DescribeTransformJob",
                    "sagemaker:StopTransformJob",
                    "sagemaker:AddTags",
                    "sagemaker:ListTags",
                ],
                jobs,
            ),
        ):
            self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        acknowledge_wildcard(
            self.role,
            jobs,
            "Every attempt needs a job name that was never used; the prefix is fixed.",
        )
        self.grant_hearing_of("TransformJobs")
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:CreateGrant"],
                resources=[key.key_arn],
                conditions={"Bool": {"kms:GrantIsForAWSResource": "true"}},
            )
        )


def transform_request(
    job: TransformJob, model_name: str, output_uri: str, key_arn: str
) -> dict[str, Any]:
    """Returns the arguments of CreateTransformJob, JSONata where a value is known only in the run.

    Every attempt gets a name of its own: a job's name can never be used again.
    """
    return {
        "TransformJobName": f"{{% '{JOB_PREFIX}-' & $uuid() %}}",
        "ModelName": model_name,
        "BatchStrategy": "MultiRecord",
        "MaxConcurrentTransforms": job.max_concurrent_transforms,
        "MaxPayloadInMB": job.max_payload_mb,
        "ModelClientConfig": {
            "InvocationsTimeoutInSeconds": job.invocation_timeout.to_seconds(),
            "InvocationsMaxRetries": job.invocation_retries,
        },
        "TransformInput": {
            "ContentType": "text/csv",
            "SplitType": "Line",
            "DataSource": {
                "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "{% $inputS3Uri %}"}
            },
        },
        "DataProcessing": {
            "InputFilter": job.input_filter,
            "JoinSource": job.join_source,
            "OutputFilter": job.output_filter,
        },
        "TransformOutput": {
            "S3OutputPath": (
                f"{{% '{output_uri}/' & $substring($states.context.Execution.StartTime, 0, 10) %}}"
            ),
            "Accept": "text/csv",
            "AssembleWith": "Line",
            "KmsKeyId": key_arn,
        },
        "TransformResources": {
            "InstanceType": job.instance_type,
            "InstanceCount": job.instance_count,
            "VolumeKmsKeyId": key_arn,
        },
        "Tags": [{"Key": "workflow", "Value": "{% $states.context.StateMachine.Name %}"}],
    }


def workflow_definition(
    request: dict[str, Any], default_input_uri: str, failure_topic_arn: str, timeout: Duration
) -> dict[str, Any]:
    """Returns the Amazon States Language of the workflow.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    return {
        "Comment": "Transforms what lies below a prefix, one run at a time.",
        "QueryLanguage": "JSONata",
        "StartAt": "FindOlderRun",
        "States": {
            **_only_one_run(default_input_uri),
            **_only_with_input(),
            **_transform(request, timeout),
            **report_failure(failure_topic_arn, subject="Batch transform failed"),
        },
    }


def _only_one_run(default_input_uri: str) -> dict[str, Any]:
    """States that end a run while an older one goes on.

    Runs are listed newest first: of two that start together, the older one goes on. The list may
    lag behind and not yet have the run itself.
    """
    given = "$states.context.Execution.Input.InputS3Uri"
    running = "$states.result.Executions"
    return {
        "FindOlderRun": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sfn:listExecutions",
            "Arguments": {
                "StateMachineArn": "{% $states.context.StateMachine.Id %}",
                "StatusFilter": "RUNNING",
                "MaxResults": 1000,
            },
            "Assign": {
                "inputS3Uri": f"{{% $exists({given}) ? {given} : '{default_input_uri}' %}}",
                "oldestRun": (
                    f"{{% $count({running}) = 0 ? $states.context.Execution.Id "
                    f": {running}[-1].ExecutionArn %}}"
                ),
            },
            "Catch": [ON_FAILURE],
            "Next": "IsThisTheOldestRun",
        },
        "IsThisTheOldestRun": {
            "Type": "Choice",
            "Choices": [
                {
                    "Condition": "{% $oldestRun = $states.context.Execution.Id %}",
                    "Next": "FindInput",
                }
            ],
            "Default": "OlderRunGoesOn",
        },
        "OlderRunGoesOn": {"Type": "Succeed", "Output": {"Skipped": "an older run goes on"}},
    }


def _only_with_input() -> dict[str, Any]:
    """States that end a run without input: a transform job would fail on an empty prefix."""
    path = "$substringAfter($inputS3Uri, 's3://')"
    return {
        "FindInput": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2",
            "Arguments": {
                "Bucket": f"{{% $substringBefore({path}, '/') %}}",
                # Without a slash $substringAfter would return the bucket's name.
                "Prefix": (f"{{% $contains({path}, '/') ? $substringAfter({path}, '/') : '' %}}"),
                "MaxKeys": 1,
            },
            "Output": {"KeyCount": "{% $states.result.KeyCount %}"},
            "Catch": [ON_FAILURE],
            "Next": "IsThereInput",
        },
        "IsThereInput": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $states.input.KeyCount > 0 %}", "Next": "Transform"}],
            "Default": "NoInput",
        },
        "NoInput": {
            "Type": "Succeed",
            "Output": {"Skipped": "{% 'no input below ' & $inputS3Uri %}"},
        },
    }


def _transform(request: dict[str, Any], timeout: Duration) -> dict[str, Any]:
    """The state that runs the job and waits for its end."""
    return {
        "Transform": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTransformJob.sync",
            "Arguments": request,
            "TimeoutSeconds": timeout.to_seconds(),
            "Output": {
                "TransformJobName": "{% $states.result.TransformJobName %}",
                "S3OutputPath": "{% $states.result.TransformOutput.S3OutputPath %}",
            },
            "Retry": [RETRY_JOB],
            "Catch": [ON_FAILURE],
            "End": True,
        }
    }
