"""State machines that log, are traced and report why a run failed."""

from __future__ import annotations

from typing import Any

from aws_cdk import ArnFormat, Aws, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard

ON_FAILURE = {
    "ErrorEquals": ["States.ALL"],
    "Output": "{% $states.errorOutput %}",
    "Next": "ReportFailure",
}
"""Catches whatever fails a task."""

RETRY_JOB = {
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
"""Tries a job again after what passes by itself, with growing pauses."""


def report_failure(topic_arn: str, *, subject: str) -> dict[str, Any]:
    """Returns the states that publish why a run failed, and fail it."""
    return {
        "ReportFailure": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sns:publish",
            "Arguments": {
                "TopicArn": topic_arn,
                "Subject": subject,
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


class WorkflowMachine(Construct):
    """A Standard state machine named after the stack, its log group, and its role.

    The role may publish to the failure topic; what the other states do is granted by who writes
    them.

    Args:
        scope: Parent construct.
        id: Construct ID.
        definition: Amazon States Language in JSONata, with the states of report_failure().
        failure_topic: Told of the cause of a failed run.
        key: Encrypts the logs.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Attributes:
        state_machine: The workflow.
        role: What the workflow may do.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        definition: dict[str, Any],
        failure_topic: EncryptedTopic,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
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
                "states.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": Stack.of(self).account},
                    "ArnLike": {"aws:SourceArn": self.arn},
                },
            ),
        )
        failure_topic.grant_publishing(self.role)
        self.state_machine = sfn.StateMachine(
            self,
            "StateMachine",
            # Known beforehand: only this state machine may assume the role.
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
        acknowledge_wildcard(
            self.role,
            "*",
            "CDK grants log delivery (logs:*LogDelivery, resource policies) and X-Ray segments: "
            "these actions know no resource types.",
        )

    @property
    def arn(self) -> str:
        """ARN of the state machine, known before it exists."""
        return self.format_arn(
            "states", "stateMachine", Aws.STACK_NAME, ArnFormat.COLON_RESOURCE_NAME
        )

    def format_arn(
        self,
        service: str,
        resource: str,
        name: str,
        arn_format: ArnFormat = ArnFormat.SLASH_RESOURCE_NAME,
    ) -> str:
        """Returns an ARN in the stack's account and region."""
        return Stack.of(self).format_arn(
            service=service, resource=resource, resource_name=name, arn_format=arn_format
        )

    def grant_hearing_of(self, jobs: str) -> None:
        """Lets `.sync` make the rule through which it hears that a job has ended.

        The page names the rules of training and transform jobs; that of processing jobs is called
        like them in published policies.

        Args:
            jobs: As the rule's name has them, such as "TransformJobs".

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
        """
        rule = self.format_arn("events", "rule", f"StepFunctionsGetEventsForSageMaker{jobs}Rule")
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["events:PutTargets", "events:PutRule", "events:DescribeRule"],
                resources=[rule],
            )
        )
