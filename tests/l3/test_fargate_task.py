"""What runs on Fargate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from mla_constructs.containers.fargate_task import FargateTask
from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def task(parts: Parts, **changes: Any) -> FargateTask:
    arguments: dict[str, Any] = {
        "image": parts.image,
        "port": 8080,
        "cpu": 1024,
        "memory_mib": 2048,
        "architecture": "x86_64",
        "environment": {},
        "stop_timeout": Duration.seconds(30),
        **parts.kept,
    }
    return FargateTask(parts.stack, "Task", **(arguments | changes))


def actions_of(parts: Parts, role: str) -> set[str]:
    return {
        action
        for policy in parts.template.find_resources("AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        for action in (
            statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        )
    }


def test_execution_role_pulls_and_logs_and_the_task_role_does_nothing(parts: Parts) -> None:
    task(parts)
    found = parts.properties("AWS::ECS::TaskDefinition")
    assert actions_of(parts, found["TaskRoleArn"]["Fn::GetAtt"][0]) == set()
    assert actions_of(parts, found["ExecutionRoleArn"]["Fn::GetAtt"][0]) == {
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
    }


def test_both_roles_are_for_tasks_of_this_account(parts: Parts) -> None:
    task(parts)
    found = parts.properties("AWS::ECS::TaskDefinition")
    roles = parts.template.find_resources("AWS::IAM::Role")
    for name in ("TaskRoleArn", "ExecutionRoleArn"):
        role = roles[found[name]["Fn::GetAtt"][0]]["Properties"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "ecs-tasks.amazonaws.com"}
        assert set(statement["Condition"]) == {"StringEquals", "ArnLike"}


def test_container_runs_the_image_by_its_digest(parts: Parts) -> None:
    task(parts)
    (container,) = parts.properties("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    assert container["Image"] == parts.resolve(parts.image.uri)


def test_processor_is_the_one_of_the_image(parts: Parts) -> None:
    task(parts, architecture="arm64")
    platform = parts.properties("AWS::ECS::TaskDefinition")["RuntimePlatform"]
    assert platform == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cpu": 1000}, "cpu is 1000: choose from 256, 512, 1024"),
        ({"memory_mib": 1024}, "memory_mib is 1024: with 1024 CPU units choose from 2, 3, 4"),
        ({"cpu": 8192, "memory_mib": 17 * 1024}, "with 8192 CPU units choose from 16, 20"),
        ({"stop_timeout": Duration.seconds(121)}, "stop_timeout is 121 s"),
    ],
)
def test_refuses(parts: Parts, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        task(parts, **changes)
