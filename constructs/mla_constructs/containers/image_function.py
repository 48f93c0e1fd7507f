"""A Lambda function that is a container image."""

from __future__ import annotations

from collections.abc import Sequence

import jsii
from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.delivery.build_project import Architecture
from mla_constructs.errors import require_between
from mla_constructs.observability.log_group import STREAM_ACTIONS, EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge, acknowledge_wildcard

_ARCHITECTURES = {
    "x86_64": lambda_.Architecture.X86_64,
    "arm64": lambda_.Architecture.ARM_64,
}


class ImageFunction(lambda_.Function):
    """A function from an image built in the account, traced, logging JSON, and able to do no more.

    Publishing `current_version` makes a version of every image and of every changed setting.

    Args:
        scope: Parent construct.
        id: Construct ID.
        description: What it does.
        image: The image; Lambda pulls it by the repository's policy, not by the function's role.
        entry_point: Program that is started in place of the image's own.
        command: Its arguments.
        architecture: Processor that the image is built for.
        memory_size: 128 to 10,240 MB, which decides the share of CPU as well: 1,769 are one vCPU.
        timeout: Of one invocation, 1 to 900 s.
        key: Encrypts the log.
        log_retention: How long the log is kept.
        removal_policy: What becomes of it when the stack is deleted.

    Attributes:
        logs: Where it logs.

    Raises:
        InvalidArgument: Memory or time-out is out of range.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        image: BuiltImage,
        entry_point: Sequence[str],
        command: Sequence[str],
        architecture: Architecture,
        memory_size: int,
        timeout: Duration,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        require_between("memory_size", memory_size, 128, 10_240, unit="MB")
        require_between("timeout", timeout.to_seconds(), 1, 900, unit="s")
        self.logs = EncryptedLogGroup(
            scope,
            f"{id}Logs",
            name=f"/aws/lambda/{Aws.STACK_NAME}/{id}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        role = iam.Role(
            scope,
            f"{id}Role",
            description="What the model's code may do",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self.logs.grant_writing(role, actions=STREAM_ACTIONS)
        super().__init__(
            scope,
            id,
            description=description,
            code=_Image(image.uri, entry_point, command),
            handler=lambda_.Handler.FROM_IMAGE,
            runtime=lambda_.Runtime.FROM_IMAGE,
            architecture=_ARCHITECTURES[architecture],
            memory_size=memory_size,
            timeout=timeout,
            role=role,
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            # In the description, for a version is replaced when its description changes and not
            # when the image does: CDK sees the same reference to its digest every time.
            current_version_options=lambda_.VersionOptions(description=image.uri),
        )
        image.repository.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("lambda.amazonaws.com")],
                actions=["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                conditions={
                    "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
                    "ArnLike": {
                        "aws:SourceArn": f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:"
                        f"{Aws.ACCOUNT_ID}:function:*"
                    },
                },
            )
        )
        acknowledge_wildcard(role, "*", "The X-Ray actions know no resource types.")
        acknowledge(
            self,
            "Serverless-LambdaDLQ",
            "Callers invoke it synchronously and get a failure themselves: a dead-letter queue is "
            "for asynchronous events.",
        )


class _Image(lambda_.Code):
    """An image by its URI: CDK's own takes a tag or a digest that is known at synthesis."""

    def __init__(self, uri: str, entry_point: Sequence[str], command: Sequence[str]) -> None:
        super().__init__()
        self._image = lambda_.CodeImageConfig(
            image_uri=uri, entrypoint=list(entry_point), cmd=list(command)
        )

    @jsii.member(jsii_name="bind")
    def bind(self, _scope: Construct) -> lambda_.CodeConfig:
        return lambda_.CodeConfig(image=self._image)

    @property
    @jsii.member(jsii_name="isInline")
    def is_inline(self) -> bool:
        return False
