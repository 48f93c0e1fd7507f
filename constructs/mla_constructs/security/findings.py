"""Acknowledges a finding of cdk-nag where it is caused: one rule, one construct, one reason."""

from __future__ import annotations

from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def acknowledge(construct: IConstruct, rule: str, reason: str) -> None:
    """Acknowledges one finding on a construct and what it contains.

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
