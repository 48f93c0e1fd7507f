"""The function behind a custom resource of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.security.findings import acknowledge

CODE = Path(__file__).resolve().parents[3] / "runtime" / "functions" / "custom_resources"

Task = Literal[
    "build_image",
    "certificate",
    "delete_stack",
    "empty_bucket",
    "empty_model_group",
    "expiry",
    "place_objects",
    "write_object",
]


class ResourceFunction(Construct):
    """One Lambda function per stack and task, which at first may do nothing but log.

    Args:
        scope: Parent construct.
        id: Construct ID.
        task: Module of runtime/functions/custom_resources/handlers that does the work.

    Attributes:
        role: What the function acts under; its user grants it what the task needs.
        function: The function.

    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
    template-custom-resources.html
    """

    def __init__(self, scope: Construct, id: str, *, task: Task) -> None:
        super().__init__(scope, id)
        log_group = logs.LogGroup(
            self,
            "Logs",
            retention=logs.RetentionDays.ONE_WEEK,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        log_group.grant_write(self.role)
        self.function = lambda_.Function(
            self,
            "Function",
            code=lambda_.Code.from_asset(str(CODE), exclude=["**/__pycache__"]),
            handler=f"handlers.{task}.handler",
            runtime=lambda_.Runtime.PYTHON_3_14,
            architecture=lambda_.Architecture.ARM_64,
            memory_size=256,
            timeout=Duration.minutes(15),
            log_group=log_group,
            role=self.role,
        )
        acknowledge(
            self.function,
            "Serverless-LambdaDLQ",
            "CloudFormation waits for the function's answer and reports a failed or missing one as "
            "a failed deployment; nobody would replay the event from a queue.",
        )
        acknowledge(
            self.function,
            "Serverless-LambdaTracing",
            "It runs only while the stack is deployed or deleted: its log has every step, and "
            "tracing would add a permission on all resources.",
        )

    @classmethod
    def of(cls, scope: Construct, id: str, *, task: Task) -> ResourceFunction:
        """Returns the stack's function for a task, created when first asked for."""
        stack = Stack.of(scope)
        found = stack.node.try_find_child(id)
        return found if isinstance(found, cls) else cls(stack, id, task=task)

    def resource(
        self, scope: Construct, id: str, resource_type: str, properties: dict[str, object]
    ) -> CustomResource:
        """Returns a custom resource that the function creates, updates and deletes.

        Args:
            scope: Parent construct.
            id: Construct ID.
            resource_type: Such as "Custom::EmptyBucket".
            properties: What the handler reads from the request.
        """
        return CustomResource(
            scope,
            id,
            resource_type=resource_type,
            service_token=self.function.function_arn,
            properties=properties,
            # A function that never answers is given up soon after it has timed out.
            service_timeout=Duration.minutes(16),
        )
