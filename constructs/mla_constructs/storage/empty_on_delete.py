"""Buckets that can be deleted with their stack."""

from __future__ import annotations

from pathlib import Path

from aws_cdk import CustomResource, Duration, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from constructs import Construct

from mla_constructs.security.findings import acknowledge, acknowledge_wildcard

HANDLER = Path(__file__).resolve().parents[3] / "runtime" / "functions" / "empty_bucket"


class BucketEmptier(Construct):
    """One function per stack that empties its buckets just before CloudFormation deletes them.

    In place of `auto_delete_objects`, whose role has wildcard actions and whose log group outlives
    the stack: this role may list and delete the versions of these buckets and write to its own log
    group, nothing else. docs/decisions/0004-emptying-buckets.md has the comparison.
    """

    def __init__(self, scope: Construct, id: str) -> None:
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
            code=lambda_.Code.from_asset(str(HANDLER), exclude=["__pycache__"]),
            handler="index.handler",
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
            "a failed deletion; nobody would replay the event from a queue.",
        )
        acknowledge(
            self.function,
            "Serverless-LambdaTracing",
            "It runs once, at the end of the stack's life, and calls S3 only: its log has every "
            "step, and tracing would add a permission on all resources.",
        )

    @classmethod
    def of(cls, scope: Construct) -> BucketEmptier:
        """Returns the stack's emptier, created when first asked for."""
        stack = Stack.of(scope)
        found = stack.node.try_find_child("BucketEmptier")
        return found if isinstance(found, cls) else cls(stack, "BucketEmptier")

    def empty_on_delete(self, bucket: s3.Bucket) -> CustomResource:
        """Empties the bucket when it is deleted, after nobody can write to it any more.

        The bucket's policy is made to depend on the custom resource, so that it is deleted first:
        without it S3 no longer delivers access logs into a bucket that has just been emptied.

        Returns:
            The resource whose deletion empties the bucket. What lets others write has to depend on
            it in the same way.
        """
        policy = iam.Policy(
            bucket,
            "EmptyPolicy",
            roles=[self.role],
            statements=[
                iam.PolicyStatement(
                    actions=["s3:ListBucketVersions"], resources=[bucket.bucket_arn]
                ),
                iam.PolicyStatement(
                    actions=["s3:DeleteObject", "s3:DeleteObjectVersion"],
                    resources=[bucket.arn_for_objects("*")],
                ),
            ],
        )
        acknowledge_wildcard(
            policy,
            bucket.arn_for_objects("*"),
            "Emptying this bucket means deleting every object in it.",
        )
        resource = CustomResource(
            bucket,
            "Empty",
            resource_type="Custom::EmptyBucket",
            service_token=self.function.function_arn,
            properties={"BucketName": bucket.bucket_name},
            # A function that never answers is given up soon after it has timed out.
            service_timeout=Duration.minutes(16),
        )
        resource.node.add_dependency(policy)
        if bucket.policy:
            bucket.policy.node.add_dependency(resource)
        return resource
