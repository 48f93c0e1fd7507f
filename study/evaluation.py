"""What AWS would decide of a request, by a template's policies.

Follows the evaluation logic for requests within one account: an explicit deny wins, then one allow
suffices, of the caller's policies or of the resource's own; a key's policy has to allow in any
case, where the account's root stands for "what its identity policies allow".

Not seen here: policies that AWS manages, service control policies, permissions boundaries, session
and endpoint policies, KMS grants, policies of resources outside the template. What the language
has and the catalogue does not use (NotAction, NotResource, NotPrincipal, policy variables, dates,
addresses) is refused, never ignored. So is a request that does not say what decides it: a condition
on a key that it leaves out, if the answer would be more generous for that. None says "not there".

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html,
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from catalogue.template import Template
from study.iam import Statement, as_list, resource_statements, statements, trust_statements
from study.sample import ACCOUNT, Sample

Context = Mapping[str, str | list[str] | None]

UNDERSTOOD = {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}


class UnstatedError(ValueError):
    """A request leaves out what a statement asks for, and would gain by that."""


class Decision(StrEnum):
    """What becomes of a request."""

    ALLOWED = "allowed"
    NOT_ALLOWED = "no statement allows it"
    DENIED = "a statement denies it"


@dataclass(frozen=True)
class Request:
    """What somebody asks for.

    Attributes:
        action: Such as "s3:GetObject".
        resource: ARN it acts on.
        context: Condition key -> value, values of a key that can have several, or None for a key
            that the request does not have.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)


def decide(policies: Iterable[Statement], request: Request) -> Decision:
    """Returns what statements, their principals aside, say to a request.

    Raises:
        UnstatedError: A statement asks for what the request leaves out, and none denies it anyway.
        ValueError: A statement uses what is not understood here.
    """
    effects, unstated = set(), None
    for each in policies:
        try:
            effects |= {each["Effect"]} if applies(each, request) else set()
        except UnstatedError as error:
            unstated = error
    if "Deny" in effects:
        return Decision.DENIED
    if unstated:
        raise unstated
    return Decision.ALLOWED if "Allow" in effects else Decision.NOT_ALLOWED


def applies(statement: Statement, request: Request) -> bool:
    """Whether a statement is about a request, whoever makes it.

    Raises:
        UnstatedError: It asks for what the request leaves out: an allowance that would hold for
            want of it, or a denial that would not.
        ValueError: The statement uses what is not understood here.
    """
    unknown = statement.keys() - UNDERSTOOD
    if unknown or "${" in str(statement):
        raise ValueError(f"{sorted(unknown) or 'policy variables'} in {statement}")
    actions = as_list(statement["Action"])
    resources = as_list(statement.get("Resource", "*"))
    held = {
        (operator, str(key)): _holds(operator, str(key), list(map(_text, as_list(values))), request)
        for operator, keys in statement.get("Condition", {}).items()
        for key, values in keys.items()
    }
    if not (
        any(like(action.lower(), request.action.lower()) for action in actions)
        and any(like(resource, request.resource) for resource in resources)
    ):
        return False
    stated = {key.lower() for key in request.context}
    silent = {key for _, key in held if key.lower() not in stated}
    # Whatever the keys left out would be: does one that is stated already rule it out?
    open_ = all(holds for (_, key), holds in held.items() if key not in silent)
    if silent and open_ and all(held.values()) is (statement["Effect"] == "Allow"):
        raise UnstatedError(
            f"{request} says nothing of {sorted(silent)}, on which depends {statement}"
        )
    return all(held.values())


def fulfilling(statement: Statement) -> dict[str, str]:
    """Returns what a request has to say for the conditions of a statement to hold.

    For conditions that ask for something to be there, not to be absent or otherwise.
    """
    return {
        key: _text(as_list(values)[0]).replace("*", "sample")
        for keys in statement.get("Condition", {}).values()
        for key, values in keys.items()
    }


def like(pattern: str, text: str) -> bool:
    """Whether a text matches a pattern with * and ?."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None


def _arn_like(pattern: str, arn: str) -> bool:
    """Compares the six parts of an ARN one by one: no wildcard reaches over a colon."""
    wanted, found = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(found) and all(map(like, wanted, found))


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
    "Bool": lambda wanted, found: wanted.lower() == found.lower(),
    "NumericEquals": lambda wanted, found: float(found) == float(wanted),
    "NumericGreaterThan": lambda wanted, found: float(found) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, found: float(found) >= float(wanted),
    "NumericLessThan": lambda wanted, found: float(found) < float(wanted),
    "NumericLessThanEquals": lambda wanted, found: float(found) <= float(wanted),
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.lower() == found.lower(),
    "StringLike": like,
}
"""Operator -> comparison of a statement's value with the request's."""

NEGATED = {
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
}


def _holds(operator: str, key: str, wanted: list[str], request: Request) -> bool:
    quantifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if_exists = name != rest
    found = next((v for each, v in request.context.items() if each.lower() == key.lower()), None)
    if name == "Null":
        return (found is None) == (wanted == ["true"])
    negated = name in NEGATED
    compare = OPERATORS.get(NEGATED.get(name, name))
    if compare is None or quantifier not in {"", "ForAllValues", "ForAnyValue"}:
        raise ValueError(f"Condition operator {operator} is not understood.")
    values = [found] if isinstance(found, str) else (found or [])
    each = [any(compare(want, value) for want in wanted) != negated for value in values]
    if quantifier == "ForAllValues":
        return all(each)
    if quantifier == "ForAnyValue":
        return any(each)
    if isinstance(found, list):
        raise ValueError(f"{key} has several values: {operator} needs ForAllValues or ForAnyValue.")
    return each[0] if each else negated or if_exists


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


class Policies:
    """A template's policies, as a sample account would hold them.

    Args:
        template: The template.
    """

    def __init__(self, template: Template) -> None:
        self.sample = Sample(template)
        self._identity = self._by_holder(statements(template))
        self._trust = self._by_holder(trust_statements(template))
        self._on_resources = self._by_holder(resource_statements(template))
        self._guards = {
            arn: holder for holder in self._on_resources for arn in self._guarded(template, holder)
        }

    @property
    def roles(self) -> list[str]:
        """Logical IDs of the roles."""
        return list(self._trust)

    def of_role(self, role: str) -> list[Statement]:
        """Returns the statements of a role's own policies, everything in them resolved."""
        return self._identity.get(role, [])

    def with_role(self, role: str, statements: list[Statement]) -> Policies:
        """Returns the same policies, but for those of one role."""
        changed = copy(self)
        changed._identity = {**self._identity, role: statements}
        return changed

    def role_may(
        self, role: str, action: str, resource: str, context: Context | None = None
    ) -> Decision:
        """Decides of a request by a role, or by whoever has a managed policy.

        Args:
            role: Its logical ID.
            action: Such as "s3:GetObject".
            resource: ARN, or a text of the readable template, such as "<Rows2606D84C.Arn>/a".
            context: Condition key -> value.
        """
        request = Request(action, self.sample.value(resource), context or {})
        own = decide(self._identity.get(role, []), request)
        caller = self.sample.arn(role) if role in self._trust else ""
        direct = decide(self._of_principal(request.resource, "AWS", caller), request)
        if Decision.DENIED in {own, direct}:
            return Decision.DENIED
        if action.startswith("kms:"):
            root = f"arn:aws:iam::{ACCOUNT}:root"
            account = decide(self._of_principal(request.resource, "AWS", root), request)
            own = own if account is Decision.ALLOWED else account
        return Decision.ALLOWED if Decision.ALLOWED in {own, direct} else Decision.NOT_ALLOWED

    def service_may(self, service: str, action: str, resource: str, context: Context) -> Decision:
        """Decides of a request by an AWS service in its own name, by the resource's policy."""
        request = Request(action, self.sample.value(resource), context)
        return decide(self._of_principal(request.resource, "Service", service), request)

    def may_assume(self, role: str, principal: Mapping[str, str], context: Context) -> Decision:
        """Decides whether somebody, such as {"Service": "sagemaker.amazonaws.com"}, gets a role."""
        arn = self.sample.arn(role)
        ((kind, name),) = principal.items()
        named = [each for each in self._trust[role] if _names(each["Principal"], kind, name)]
        return decide(named, Request("sts:AssumeRole", arn, context))

    def _of_principal(self, resource: str, kind: str, name: str) -> list[Statement]:
        """Returns what the policy on a resource says of a principal."""
        guard = next((holder for arn, holder in self._guards.items() if like(arn, resource)), "")
        found = self._on_resources.get(guard, [])
        return [each for each in found if _names(each["Principal"], kind, name)]

    def _by_holder(self, found: Iterable[tuple[str, Statement]]) -> dict[str, list[Statement]]:
        holders: dict[str, list[Statement]] = {}
        for names, statement in found:
            for name in names.split(", "):
                holders.setdefault(name, []).append(self.sample.value(statement))
        return holders

    def _guarded(self, template: Template, holder: str) -> list[str]:
        """Returns patterns of the ARNs that a policy on a resource is about."""
        if template.resources[holder]["Type"] in {"AWS::KMS::Key", "AWS::ECR::Repository"}:
            return [self.sample.arn(holder)]
        named = {arn for each in self._on_resources[holder] for arn in as_list(each["Resource"])}
        return sorted(named)


def _names(principal: Any, kind: str, name: str) -> bool:
    if principal == "*":
        return True
    named = as_list(principal.get(kind, []))
    return name in named or (kind == "AWS" and "*" in named) or principal.get("AWS") == "*"
