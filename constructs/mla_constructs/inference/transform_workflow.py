"""Batch transform as a workflow: one run at a time, only with input, retried, and heard of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aws_cdk import ArnFormat, Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.hosted_model import HostedModel
from mla_constructs.inference.instance_variant import require_instance_type
from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.observability.topic import EncryptedTopic
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


class TransformWorkflow(Construct):
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
        super().__init__(scope, id)
        job.check()
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            # Under this prefix log delivery needs no entry of its own in the resource policy.
            name=f"/aws/vendedlogs/states/{Aws.STACK_NAME}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self.role = iam.Role(
            self,
            "Role",
            assumed_by=iam.ServicePrincipal(
                "states.amazonaws.com", conditions=self._this_state_machine_only()
            ),
        )
        self._allow_what_the_states_do(key, failure_topic)
        request = transform_request(job, model.name, output_uri, key.key_arn)
        definition = workflow_definition(
            request, default_input_uri, failure_topic.topic_arn, timeout
        )
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            # Known beforehand: the role may list the runs of this state machine and no other.
            state_machine_name=Aws.STACK_NAME,
            definition_body=sfn.DefinitionBody.from_string(
                Stack.of(self).to_json_string(definition)
            ),
            role=self.role,
            logs=sfn.LogOptions(
                destination=log_group, level=sfn.LogLevel.ALL, include_execution_data=True
            ),
            tracing_enabled=True,
            removal_policy=removal_policy,
        )

    def _arn(self, service: str, resource: str, name: str, arn_format: ArnFormat) -> str:
        return Stack.of(self).format_arn(
            service=service, resource=resource, resource_name=name, arn_format=arn_format
        )

    def _state_machine_arn(self) -> str:
        return self._arn("states", "stateMachine", Aws.STACK_NAME, ArnFormat.COLON_RESOURCE_NAME)

    def _this_state_machine_only(self) -> dict[str, dict[str, str]]:
        return {
            "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
            "ArnLike": {"aws:SourceArn": self._state_machine_arn()},
        }

    def _allow_what_the_states_do(self, key: DataKey, failure_topic: EncryptedTopic) -> None:
        jobs = self._arn(
            "sagemaker", "transform-job", f"{JOB_PREFIX}-*", ArnFormat.SLASH_RESOURCE_NAME
        )
        # The rule through which `.sync` hears that a job has ended.
        rule = self._arn(
            "events",
            "rule",
            "StepFunctionsGetEventsForSageMakerTransformJobsRule",
            ArnFormat.SLASH_RESOURCE_NAME,
        )
        for actions, resource in (
            (["states:ListExecutions"], self._state_machine_arn()),
            (
                [
                    "sagemaker:CreateTransformJob",
                    "sagemaker:DescribeTransformJob",
                    "sagemaker:StopTransformJob",
                    "sagemaker:AddTags",
                ],
                jobs,
            ),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
        ):
            self.role.add_to_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        acknowledge_wildcard(
            self.role,
            jobs,
            "Every attempt needs a job name that was never used; the prefix is fixed.",
        )
        acknowledge_wildcard(
            self.role,
            "*",
            "CDK grants log delivery (logs:*LogDelivery, resource policies) and X-Ray segments: "
            "these actions know no resource types.",
        )
        failure_topic.grant_publishing(self.role)
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
            **_report_failure(failure_topic_arn),
        },
    }


ON_FAILURE = {
    "ErrorEquals": ["States.ALL"],
    "Output": "{% $states.errorOutput %}",
    "Next": "ReportFailure",
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
            "Retry": [
                {
                    "ErrorEquals": [
                        # Throttling arrives under the service's general name.
                        "SageMaker.AmazonSageMakerException",
                        "SageMaker.ResourceLimitExceededException",
                    ],
                    "IntervalSeconds": 60,
                    "BackoffRate": 2,
                    "MaxAttempts": 3,
                    "JitterStrategy": "FULL",
                }
            ],
            "Catch": [ON_FAILURE],
            "End": True,
        }
    }


def _report_failure(topic_arn: str) -> dict[str, Any]:
    """States that publish why a run failed, and fail it."""
    return {
        "ReportFailure": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Arguments": {
                "TopicArn": topic_arn,
                "Subject": "Batch transform failed",
                "Message": {
                    "Execution": "{% $states.context.Execution.Id %}",
                    "Error": "{% $states.input.Error %}",
                    "Cause": "{% $states.input.Cause %}",
                },
            },
            "Output": "{% $states.input %}",
            "Next": "Failed",
        },
        "Failed": {
            "Type": "Fail",
            "Error": "{% $states.input.Error %}",
            "Cause": "{% $states.input.Cause %}",
        },
    }
