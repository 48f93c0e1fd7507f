"""A CodeBuild project that may do what it is granted and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_codebuild as codebuild
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct, Node

from mla_constructs.errors import require_between
from mla_constructs.observability.log_group import STREAM_ACTIONS, EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge, acknowledge_wildcard

Architecture = Literal["x86_64", "arm64"]

_ENVIRONMENTS = {
    "x86_64": ("LINUX_CONTAINER", "aws/codebuild/amazonlinux-x86_64-standard:6.0"),
    "arm64": ("ARM_CONTAINER", "aws/codebuild/amazonlinux-aarch64-standard:4.0"),
}


class BuildProject(Construct):
    """A build under a role of its own, logging into an encrypted group of its own.

    CDK's own Project grants kms:ReEncrypt*, s3:GetObject* and a log group by pattern.

    Args:
        scope: Parent construct.
        id: Construct ID; the project is named after the stack and the construct's path.
        description: What is built.
        buildspec: The file with the commands; it stands in the template.
        source: Folder the build starts in; None takes what a pipeline hands over.
        environment: Variables of the build; no secrets, they are readable in the project.
        architecture: Processor of the build and of the images it makes.
        privileged: True lets the build start a Docker daemon.
        timeout: After which the build is stopped, 5 minutes to 36 hours.
        key: Encrypts logs and artifacts.
        log_retention: How long logs are kept.
        removal_policy: What becomes of the logs when the stack is deleted.

    Attributes:
        role: What the build acts under.
        name: Name of the project, a token that makes its user depend on the project.
        arn: ARN of the project.

    Raises:
        InvalidArgument: The time-out is out of range.

    Source: https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        buildspec: Path,
        source: Asset | None,
        environment: Mapping[str, str],
        architecture: Architecture,
        privileged: bool,
        timeout: Duration,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        require_between("timeout", timeout.to_minutes(), 5, 2160, unit="min")
        stack = Stack.of(self)
        name = "-".join([Aws.STACK_NAME, *self.node.path.split(Node.PATH_SEP)[1:]])
        log_group = EncryptedLogGroup(
            self,
            "Logs",
            name=f"/aws/codebuild/{name}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self.arn = stack.format_arn(service="codebuild", resource="project", resource_name=name)
        self.role = iam.Role(
            self,
            "Role",
            description=description,
            assumed_by=iam.ServicePrincipal(
                "codebuild.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnEquals": {"aws:SourceArn": self.arn},
                },
            ),
        )
        log_group.grant_writing(self.role, actions=["logs:CreateLogGroup", *STREAM_ACTIONS])
        acknowledge_wildcard(
            self.role,
            log_group.log_group_arn,
            "CodeBuild names a log stream after the build; the group is the project's own.",
        )
        if source:
            self.role.add_to_policy(
                iam.PolicyStatement(
                    actions=["s3:GetObject", "s3:GetObjectVersion"],
                    resources=[source.bucket.arn_for_objects(source.s3_object_key)],
                )
            )
        kind, image = _ENVIRONMENTS[architecture]
        project = codebuild.CfnProject(
            self,
            "Resource",
            name=name,
            description=description,
            service_role=self.role.role_arn,
            encryption_key=key.key_arn,
            source=_source(source, buildspec),
            artifacts=codebuild.CfnProject.ArtifactsProperty(
                type="NO_ARTIFACTS" if source else "CODEPIPELINE"
            ),
            environment=codebuild.CfnProject.EnvironmentProperty(
                type=kind,
                image=image,
                compute_type="BUILD_GENERAL1_SMALL",
                privileged_mode=privileged,
                environment_variables=[
                    codebuild.CfnProject.EnvironmentVariableProperty(name=key_, value=value)
                    for key_, value in environment.items()
                ],
            ),
            timeout_in_minutes=int(timeout.to_minutes()),
            logs_config=codebuild.CfnProject.LogsConfigProperty(
                cloud_watch_logs=codebuild.CfnProject.CloudWatchLogsConfigProperty(
                    status="ENABLED", group_name=log_group.log_group_name
                )
            ),
        )
        project.node.add_dependency(self.role)
        if privileged:
            acknowledge(
                project,
                "AwsSolutions-CB3",
                "Building an image takes a Docker daemon, which CodeBuild starts in privileged "
                "mode only; source and commands come from this stack, not from pull requests.",
            )
        self.name = project.ref


def _source(source: Asset | None, buildspec: Path) -> codebuild.CfnProject.SourceProperty:
    commands = buildspec.read_text(encoding="utf-8")
    if source is None:
        return codebuild.CfnProject.SourceProperty(type="CODEPIPELINE", build_spec=commands)
    return codebuild.CfnProject.SourceProperty(
        type="S3",
        location=f"{source.s3_bucket_name}/{source.s3_object_key}",
        build_spec=commands,
    )
