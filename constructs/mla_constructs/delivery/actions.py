"""What the stages of a pipeline do: each action with the permissions that it takes.

Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aws_cdk import Duration
from aws_cdk import aws_iam as iam

from mla_constructs.delivery.build_project import BuildProject
from mla_constructs.delivery.environment import DeliveryEnvironment
from mla_constructs.errors import require_between
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.storage.buckets import DataBucket

MODELS = "models"
"""Prefix of the artifacts in a bucket of models."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action of a stage.

    Attributes:
        name: Its name in the stage.
        category: Kind of action.
        provider: Which of CodePipeline's action types.
        grant: Gives the stage's role what the action takes, beyond its artifacts.
        configuration: Settings of the action type.
        inputs: Artifacts that it reads.
        outputs: Artifacts that it writes.
        namespace: Under which later actions find its variables.
        timeout: After which it fails; None is the service's own.
    """

    name: str
    category: Literal["Source", "Build", "Test", "Deploy", "Approval"]
    provider: str
    grant: Callable[[iam.Role], None]
    configuration: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    namespace: str | None = None
    timeout: Duration | None = None


def build(
    name: str,
    project: BuildProject,
    *,
    inputs: tuple[str, ...] = ("Source",),
    outputs: tuple[str, ...] = (),
    environment: Mapping[str, str] | None = None,
) -> Action:
    """Runs a build project; without outputs it is a test.

    Args:
        name: Name of the action.
        project: Its role reads the inputs and writes the outputs.
        inputs: Artifacts; the build starts in the first one.
        outputs: Artifacts, named as in the buildspec.
        environment: Variables for this run; no secrets.
    """
    variables = [
        {"name": key, "value": value, "type": "PLAINTEXT"}
        for key, value in (environment or {}).items()
    ]

    def grant(role: iam.Role) -> None:
        role.add_to_policy(
            iam.PolicyStatement(
                actions=[
                    "codebuild:BatchGetBuilds",
                    "codebuild:StartBuild",
                    "codebuild:StopBuild",
                ],
                resources=[project.arn],
            )
        )

    return Action(
        name=name,
        category="Build" if outputs else "Test",
        provider="CodeBuild",
        grant=grant,
        configuration={
            "ProjectName": project.name,
            **({"EnvironmentVariables": json.dumps(variables)} if variables else {}),
        },
        inputs=inputs,
        outputs=outputs,
    )


def publish(name: str, artifact: str, bucket: DataBucket, *, key_arn: str) -> Action:
    """Unpacks an artifact into a bucket; what it holds lies below models/ already.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3Deploy.html
    """

    def grant(role: iam.Role) -> None:
        bucket.grant_write_below(role, MODELS)
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["s3:GetBucketAcl", "s3:GetBucketLocation", "s3:GetBucketVersioning"],
                resources=[bucket.bucket_arn],
            )
        )

    return Action(
        name=name,
        category="Deploy",
        provider="S3",
        grant=grant,
        configuration={
            "BucketName": bucket.bucket_name,
            "Extract": "true",
            "KMSEncryptionKeyARN": key_arn,
        },
        inputs=(artifact,),
    )


def deploy(
    name: str,
    environment: DeliveryEnvironment,
    *,
    template: str,
    parameters: Mapping[str, str] | None = None,
    replace_failed: bool = False,
) -> Action:
    """Creates or updates an environment's stack.

    One action and not a change set in one stage that another executes: a stage that is rolled back
    runs again by itself, with the artifacts of the execution that it goes back to.

    Args:
        name: Name of the action.
        environment: Whose stack.
        template: Artifact and file, such as "Build::staging.template.json".
        parameters: Beyond those that the environment gives.
        replace_failed: True deletes a stack whose creation failed, and creates it anew: for
            environments that hold nothing.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/
    action-reference-CloudFormation.html
    """
    return Action(
        name=name,
        category="Deploy",
        provider="CloudFormation",
        grant=environment.grant_removal if replace_failed else environment.grant_deployment,
        configuration={
            "ActionMode": "REPLACE_ON_FAILURE" if replace_failed else "CREATE_UPDATE",
            "StackName": environment.stack_name,
            "RoleArn": environment.deployment_role.role_arn,
            "TemplatePath": template,
            "ParameterOverrides": environment.stack.to_json_string(
                {**environment.parameters, **(parameters or {})}
            ),
        },
        inputs=(template.split("::", maxsplit=1)[0],),
    )


def remove(name: str, environment: DeliveryEnvironment) -> Action:
    """Deletes an environment's stack, if there is one."""
    return Action(
        name=name,
        category="Deploy",
        provider="CloudFormation",
        grant=environment.grant_removal,
        configuration={
            "ActionMode": "DELETE_ONLY",
            "StackName": environment.stack_name,
            "RoleArn": environment.deployment_role.role_arn,
        },
    )


def approve(name: str, topic: EncryptedTopic, *, question: str, timeout: Duration) -> Action:
    """Waits until somebody approves or rejects.

    Args:
        name: Name of the action.
        topic: Told that somebody has to decide.
        question: What there is to decide; may hold variables of earlier actions.
        timeout: Time to decide, 5 minutes to 60 days; afterwards it counts as rejected.

    Raises:
        InvalidArgument: The time-out is out of range.

    Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/approvals.html
    """
    require_between("timeout", timeout.to_minutes(), 5, 86_400, unit="min")
    return Action(
        name=name,
        category="Approval",
        provider="Manual",
        grant=topic.grant_publishing,
        configuration={"NotificationArn": topic.topic_arn, "CustomData": question},
        timeout=timeout,
    )
