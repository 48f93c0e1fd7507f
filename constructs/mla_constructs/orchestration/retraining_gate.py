"""One training run for all the reasons that gather in a while."""

from __future__ import annotations

from typing import Any

from aws_cdk import Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.orchestration.workflow_machine import (
    ON_FAILURE,
    WorkflowMachine,
    report_failure,
)
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge

GIVE_UP_AFTER = Duration.days(1)
MARGIN_SECONDS = 300
NEWEST_RUNS = 100
"""As many as ListPipelineExecutions returns in one answer."""


class RetrainingGate(Construct):
    """A state machine that starts a SageMaker pipeline once for all events of a window.

    The first event claims the gate with a conditional write, which one execution alone can win, and
    waits; whatever else happens meanwhile finds the gate claimed and ends. After the window, and
    once no older run goes on, the gate is released and the pipeline started: the run sees all that
    the events were about, and an event that comes later claims the gate anew.

    A claim ends by itself some minutes after its window, should its execution be aborted.

    An execution's input says why: {"Reason": "..."}.

    Args:
        scope: Parent construct.
        id: Construct ID.
        pipeline_name: What is started.
        parameters: Names and values for the pipeline's parameters.
        window: Time to gather events, 1 minute to 12 hours.
        failure_topic: Told of the cause of a failed start.
        key: Encrypts claims and logs.
        log_retention: How long logs are kept.
        removal_policy: What becomes of claims and logs when the stack is deleted.

    Attributes:
        machine: The state machine.
        table: Holds the claim.

    Raises:
        InvalidArgument: The window is out of range.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
    Expressions.ConditionExpressions.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        pipeline_name: str,
        parameters: dict[str, str],
        window: Duration,
        failure_topic: EncryptedTopic,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        require_between("window", window.to_seconds(), 60, 43_200, unit="s")
        self.table = dynamodb.Table(
            self,
            "Claims",
            partition_key=dynamodb.Attribute(name="Gate", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="ExpiresAt",
            encryption=dynamodb.TableEncryption.CUSTOMER_MANAGED,
            encryption_key=key,
            removal_policy=removal_policy,
        )
        for rule in (
            "AwsSolutions-DDB3",
            "HIPAA.Security-DynamoDBInBackupPlan",
            "HIPAA.Security-DynamoDBPITREnabled",
            "NIST.800.53.R5-DynamoDBInBackupPlan",
            "NIST.800.53.R5-DynamoDBPITREnabled",
        ):
            acknowledge(
                self.table, rule, "It holds one claim for some minutes: nothing to be restored."
            )
        self.machine = WorkflowMachine(
            self,
            "Machine",
            definition=gate_definition(
                table_name=self.table.table_name,
                pipeline_name=pipeline_name,
                parameters=parameters,
                window=window,
                failure_topic_arn=failure_topic.topic_arn,
            ),
            failure_topic=failure_topic,
            key=key,
            log_retention=log_retention,
            removal_policy=removal_policy,
        )
        for actions, resource in (
            (["dynamodb:PutItem", "dynamodb:DeleteItem"], self.table.table_arn),
            (
                ["sagemaker:ListPipelineExecutions", "sagemaker:StartPipelineExecution"],
                Stack.of(self).format_arn(
                    service="sagemaker", resource="pipeline", resource_name=pipeline_name
                ),
            ),
        ):
            self.machine.role.add_to_policy(
                iam.PolicyStatement(actions=actions, resources=[resource])
            )
        key.grant_via(self.machine.role, "dynamodb", "kms:Decrypt", "kms:DescribeKey")


def gate_definition(
    *,
    table_name: str,
    pipeline_name: str,
    parameters: dict[str, str],
    window: Duration,
    failure_topic_arn: str,
) -> dict[str, Any]:
    """Returns the gate's Amazon States Language.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
    """
    return {
        "Comment": "Starts one run for all events of a window, and never beside another run.",
        "QueryLanguage": "JSONata",
        "StartAt": "Claim",
        "TimeoutSeconds": GIVE_UP_AFTER.to_seconds(),
        "States": {
            **_claim(table_name, window),
            **_wait_for_run(pipeline_name),
            **_release(table_name),
            **_start(pipeline_name, parameters),
            **report_failure(failure_topic_arn, subject="Retraining did not start"),
        },
    }


ME = "{% $states.context.Execution.Id %}"

CLAIMED = {
    "ErrorEquals": ["DynamoDB.ConditionalCheckFailedException"],
    "Next": "Gathered",
}
"""Another execution has the gate: it will start the run.

The prefix is DynamoDB for this integration, and DynamoDb for `aws-sdk:dynamodb`.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-ddb.html
"""


def _claim(table_name: str, window: Duration) -> dict[str, Any]:
    """States that claim the gate, or keep the claim, and let events gather."""
    seconds = int(window.to_seconds())
    # Time enough to come back and claim it again before it ends.
    until = seconds + MARGIN_SECONDS
    return {
        "Claim": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:putItem",
            "Arguments": {
                "TableName": table_name,
                "Item": {
                    "Gate": {"S": "retraining"},
                    "Holder": {"S": ME},
                    "ExpiresAt": {
                        "N": f"{{% $string($floor($millis() / 1000) + {until}) %}}",
                    },
                },
                "ConditionExpression": (
                    "attribute_not_exists(Gate) OR ExpiresAt < :now OR Holder = :me"
                ),
                "ExpressionAttributeValues": {
                    ":now": {"N": "{% $string($floor($millis() / 1000)) %}"},
                    ":me": {"S": ME},
                },
            },
            "Output": "{% $states.input %}",
            "Catch": [{**CLAIMED, "Output": "{% $states.input %}"}, ON_FAILURE],
            "Next": "Gather",
        },
        "Gather": {"Type": "Wait", "Seconds": seconds, "Next": "FindRun"},
        "Gathered": {
            "Type": "Succeed",
            "Output": {"Skipped": "another execution starts the run for this event as well"},
        },
    }


def _wait_for_run(pipeline_name: str) -> dict[str, Any]:
    """States that keep the claim for another window while a run goes on."""
    return {
        "FindRun": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:listPipelineExecutions",
            "Arguments": {
                "PipelineName": pipeline_name,
                "SortBy": "CreationTime",
                "SortOrder": "Descending",
                "MaxResults": NEWEST_RUNS,
            },
            "Assign": {
                "running": (
                    "{% $count($states.result.PipelineExecutionSummaries"
                    "[PipelineExecutionStatus in ['Executing', 'Stopping']]) %}"
                )
            },
            "Output": "{% $states.input %}",
            "Catch": [ON_FAILURE],
            "Next": "DoesOneRun",
        },
        "DoesOneRun": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $running > 0 %}", "Next": "Claim"}],
            "Default": "Release",
        },
    }


def _release(table_name: str) -> dict[str, Any]:
    """The state that gives the gate back, before the run: what comes now is not in it."""
    return {
        "Release": {
            "Type": "Task",
            "Resource": "arn:aws:states:::dynamodb:deleteItem",
            "Arguments": {
                "TableName": table_name,
                "Key": {"Gate": {"S": "retraining"}},
                "ConditionExpression": "Holder = :me",
                "ExpressionAttributeValues": {":me": {"S": ME}},
            },
            "Output": "{% $states.input %}",
            "Catch": [{**CLAIMED, "Output": "{% $states.input %}"}, ON_FAILURE],
            "Next": "Start",
        }
    }


def _start(pipeline_name: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The state that starts the run; tried again, it starts no second one."""
    return {
        "Start": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:startPipelineExecution",
            "Arguments": {
                "PipelineName": pipeline_name,
                "PipelineExecutionDescription": (
                    "{% $exists($states.input.Reason) ? $states.input.Reason : 'by hand' %}"
                ),
                "PipelineParameters": [
                    {"Name": name, "Value": value} for name, value in parameters.items()
                ],
                "ClientRequestToken": "{% $hash($states.context.Execution.Id, 'SHA-256') %}",
            },
            "Output": {"PipelineExecutionArn": "{% $states.result.PipelineExecutionArn %}"},
            "Retry": [
                {
                    "ErrorEquals": ["States.ALL"],
                    "IntervalSeconds": 30,
                    "BackoffRate": 2,
                    "MaxAttempts": 4,
                    "JitterStrategy": "FULL",
                }
            ],
            "Catch": [ON_FAILURE],
            "End": True,
        }
    }
