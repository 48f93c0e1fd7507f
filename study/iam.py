"""What a template's roles may do, and who may use what guards itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from catalogue.template import Template

Statement = dict[str, Any]

RESOURCE_POLICIES = {
    "AWS::ECR::Repository": "RepositoryPolicyText",
    "AWS::KMS::Key": "KeyPolicy",
    "AWS::S3::BucketPolicy": "PolicyDocument",
    "AWS::SNS::TopicPolicy": "PolicyDocument",
    "AWS::SQS::QueuePolicy": "PolicyDocument",
}
"""Resource type -> property that says who may use the resource."""


def as_list(value: Any) -> list[Any]:
    """Returns IAM's "one or a list of them" as a list."""
    return value if isinstance(value, list) else [value]


def statements(template: Template) -> Iterator[tuple[str, Statement]]:
    """Yields role, or managed policy, and statement of all identity policies."""
    for _, properties in template.of_type("AWS::IAM::Policy"):
        roles = ", ".join(role.strip("<>") for role in properties.get("Roles", []))
        for statement in properties["PolicyDocument"]["Statement"]:
            yield roles, statement
    for logical_id, properties in template.of_type("AWS::IAM::Role"):
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield logical_id, statement
    for logical_id, properties in template.of_type("AWS::IAM::ManagedPolicy"):
        for statement in properties["PolicyDocument"]["Statement"]:
            yield logical_id, statement


def resource_statements(template: Template) -> Iterator[tuple[str, Statement]]:
    """Yields logical ID and statement of every policy that stands on a resource itself."""
    for resource_type, name in RESOURCE_POLICIES.items():
        for logical_id, properties in template.of_type(resource_type):
            for statement in properties.get(name, {}).get("Statement", []):
                yield logical_id, statement


def device_statements(template: Template) -> Iterator[tuple[str, Statement]]:
    """Yields logical ID and statement of the policies of IoT certificates."""
    for logical_id, properties in template.of_type("AWS::IoT::Policy"):
        for statement in properties["PolicyDocument"]["Statement"]:
            yield logical_id, statement


def trust_statements(template: Template) -> Iterator[tuple[str, Statement]]:
    """Yields role and statement on who may assume it."""
    for logical_id, properties in template.of_type("AWS::IAM::Role"):
        for statement in properties["AssumeRolePolicyDocument"]["Statement"]:
            yield logical_id, statement


def allowed_actions(template: Template) -> set[str]:
    """Returns every action that the template's roles are allowed."""
    return {
        action
        for _, statement in statements(template)
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
    }


def condition_text(statement: Statement) -> str:
    """Returns a statement's conditions on one line each, such as "StringEquals key = value"."""
    return "\n".join(
        f"{operator} {key} = {value if isinstance(value, str) else json.dumps(value)}"
        for operator, keys in statement.get("Condition", {}).items()
        for key, value in keys.items()
    )
