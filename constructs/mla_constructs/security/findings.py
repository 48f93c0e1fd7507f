"""Acknowledges findings where they are caused: one rule, one construct, one reason."""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, CfnResource, Stack, Validations
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges one finding of cdk-nag on a construct and what it contains.

    Args:
        construct: What the rule finds fault with.
        rule: The rule as the validation report names it, such as "AwsSolutions-SQS3".
        reason: Why an auditor should accept it.
    """
    Validations.of(construct).acknowledge(Acknowledgment(id=rule, reason=reason))


def acknowledge_wildcard(construct: IConstruct, resource: str, reason: str) -> None:
    """Acknowledges one resource with a wildcard in the policies of a role.

    Args:
        construct: The role or policy.
        resource: The statement's resource, "*" or an ARN that may contain tokens.
        reason: Why the wildcard cannot be narrowed.
    """
    name = _as_reported(Stack.of(construct).resolve(resource))
    acknowledge(construct, f"AwsSolutions-IAM5[Resource::{name}]", reason)


def add_managed_policy(role: iam.Role, name: str, reason: str) -> None:
    """Adds a policy that AWS manages to a role of a service that asks for it.

    Args:
        role: The role.
        name: The policy's name, with its path if it has one.
        reason: Why no policy of one's own would do.
    """
    role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(name))
    acknowledge_managed_policy(role, name, reason)


def acknowledge_managed_policy(construct: IConstruct, name: str, reason: str) -> None:
    """Acknowledges a policy that AWS manages, on a role that somebody else made.

    Args:
        construct: The role.
        name: The policy's name, with its path if it has one.
        reason: Why no policy of one's own would do.
    """
    rule = f"AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/{name}]"
    acknowledge(construct, rule, reason)


def silence(resource: CfnResource, rule: str, reason: str) -> None:
    """Silences one rule of the ML rule pack on a resource; the template says why, beside it.

    Args:
        resource: What the rule finds fault with.
        rule: Its number, such as "I9527".
        reason: Why it does not apply.
    """
    said = {"config": {"ignore_checks": [rule]}, "reason": reason}
    resource.add_metadata("cfn-lint", said)


def _as_reported(value: Any) -> str:
    """Returns a resolved value as cdk-nag writes it: references in angle brackets."""
    match value:
        case str():
            return value
        case {"Ref": name}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(map(_as_reported, parts))
    raise TypeError(f"cannot name {value!r} as cdk-nag does")
