"""Granted against needed: what is refused, and what nobody needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from study.evaluation import Decision, Policies, Request, applies
from study.iam import Statement, as_list, condition_text
from tests.support.authorization import arn_formats, fits_any
from tests.support.needs.deployed import Need


@dataclass(frozen=True)
class Grant:
    """One action on one resource, of a statement that may have several of both."""

    action: str
    resource: str
    condition: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.action} on {self.resource} {self.condition}".rstrip()


def grants(statements: Iterable[Statement]) -> list[Grant]:
    """Returns what statements allow, one by one.

    A statement may name a resource that one of its actions does not know: that allows nothing.
    """
    return [
        Grant(action, resource, condition_text(statement), single)
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if resource == "*" or fits_any(resource, arn_formats(action))
        for single in [{**statement, "Action": action, "Resource": resource}]
    ]


def refused(policies: Policies, needs: Iterable[Need]) -> list[Need]:
    """Returns the needs that the policies do not allow."""
    return [
        need
        for need in needs
        if policies.role_may(
            need.role, need.ask.action, need.ask.resource, need.ask.request.context
        )
        is not Decision.ALLOWED
    ]


def unused(statements: Iterable[Statement], needs: Iterable[Need]) -> list[Grant]:
    """Returns the grants of one role for which there is no need."""
    asked: dict[str, list[Request]] = {}
    for need in needs:
        asked.setdefault(need.ask.action, []).append(need.ask.request)
    return [
        grant
        for grant in grants(statements)
        if not any(applies(grant.statement, request) for request in asked.get(grant.action, []))
    ]
