"""What the policies of a template allow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rules._world import Resource, World


@dataclass(frozen=True)
class Allowed:
    """A statement that allows.

    Attributes:
        resource: The role or policy in which it stands.
        path: Its place in it.
        actions: What it allows.
        resources: On what.
    """

    resource: Resource
    path: tuple[str | int, ...]
    actions: list[str]
    resources: list[str]


def allowed(world: World) -> Iterator[Allowed]:
    """Yields the statements that allow, of roles and of the policies attached to them."""
    for resource in world.of_type("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
        yield from _statements(resource, ("PolicyDocument", "Statement"))
    for role in world.of_type("AWS::IAM::Role"):
        for index, _ in role.items("Policies"):
            yield from _statements(role, ("Policies", index, "PolicyDocument", "Statement"))
    for resource in world.of_type("AWS::Serverless::Function", "AWS::Serverless::StateMachine"):
        for index, _ in resource.items("Policies"):
            yield from _statements(resource, ("Policies", index, "Statement"))


def _statements(resource: Resource, path: tuple[str | int, ...]) -> Iterator[Allowed]:
    found = resource.get(*path)
    for index, statement in enumerate(_listed(found)):
        if isinstance(statement, dict) and statement.get("Effect") == "Allow":
            place = (*path, index) if isinstance(found, list) else path
            actions = [str(action) for action in _listed(statement.get("Action"))]
            on = [str(item) for item in _listed(statement.get("Resource"))]
            yield Allowed(resource, place, actions, on)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
