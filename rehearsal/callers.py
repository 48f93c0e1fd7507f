"""Callers with the rights that a stack hands out, and what a refusal says."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rehearsal.account import ACCOUNT
from rehearsal.stage import Stage

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@contextmanager
def caller(stage: Stage, policy_arn: str, service: str) -> Iterator[Any]:
    """Gives a boto3 client of somebody who has one managed policy and no other right.

    Args:
        stage: The rehearsal.
        policy_arn: The policy.
        service: Such as "sagemaker-runtime".
    """
    iam, name = stage.client("iam"), f"caller-{uuid.uuid4().hex[:12]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    try:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy_arn)
        assumed = stage.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="rehearsal")
        yield stage.account.client(service, assumed["Credentials"])
    finally:
        iam.detach_role_policy(RoleName=name, PolicyArn=policy_arn)
        iam.delete_role(RoleName=name)


def refusal(client: Any, call: Callable[[], object]) -> tuple[str, str]:
    """Returns code and message of the error that a call ends with, empty if it does not."""
    try:
        call()
    except client.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return "", ""


def physical_id(stage: Stage, resource_type: str) -> str:
    """Returns the one resource of a type that the stack has."""
    (found,) = [
        each["PhysicalResourceId"]
        for each in stage.client("cloudformation").describe_stack_resources(
            StackName=stage.stack.name
        )["StackResources"]
        if each["ResourceType"] == resource_type
    ]
    return str(found)
