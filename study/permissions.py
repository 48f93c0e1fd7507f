"""Who may do what in an architecture: its policies as tables, and what they decide."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from catalogue.discover import Architecture
from catalogue.template import Template
from study.evaluation import Decision, Policies, fulfilling, like
from study.iam import (
    Statement,
    as_list,
    condition_text,
    device_statements,
    resource_statements,
    statements,
    trust_statements,
)
from study.report import Cell, Report, Section
from study.sample import ACCOUNT, OTHER_ACCOUNT

ON_OBJECTS = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"]


def permissions(architecture: Architecture, template: Template) -> Report:
    """Returns the roles of an architecture, what they may do, and who may use its resources."""
    policies = Policies(template)
    return Report(
        title=f"Permissions of {architecture.slug}",
        lead="What no statement allows is denied.",
        sections=[
            Section("Who may assume a role", ["Role", "Who", "Only if"], list(_trusted(template))),
            Section(
                "Would a service get the role",
                ["Role", "Service", "For this account", "For another account"],
                list(_deputies(policies, template)),
                note=f"Decided for account {ACCOUNT} against {OTHER_ACCOUNT}. A role without "
                "conditions is for a service that does not say on whose behalf it calls: there, "
                "iam:PassRole, which is for roles of the own account alone, keeps others out.",
            ),
            Section(
                "Policies that AWS manages", ["Role", "Policy"], list(_managed_by_aws(template))
            ),
            *_may(template),
            Section(
                "Which role may touch which objects",
                ["Role", "Objects", "Get", "Put", "Delete"],
                list(_objects(policies, template)),
                note="Decided by policies of role and bucket, over TLS 1.2 or newer. A path "
                "below another is named where it differs.",
            ),
            *_key_policies(template),
            Section(
                "Policies of other resources",
                ["Resource", "Effect", "Who", "Actions", "On", "Only if"],
                list(_other_policies(template)),
            ),
            Section(
                "Policies of device certificates",
                ["Policy", "Actions", "On"],
                [
                    [_name(holder), _lines(statement["Action"]), _lines(statement["Resource"])]
                    for holder, statement in device_statements(template)
                ],
            ),
        ],
    )


def _trusted(template: Template) -> Iterator[list[Cell]]:
    for role, statement in trust_statements(template):
        yield [_name(role), _who(statement), _conditions(statement)]


def service_requests(
    policies: Policies, template: Template
) -> Iterator[tuple[str, str, Decision, Decision]]:
    """Yields role, service, and whether it gets the role for this account and for another one.

    The source that the service names is one that the role's conditions ask for, but for its
    account.
    """
    for role, statement in trust_statements(template):
        for service in as_list(statement["Principal"].get("Service", [])):
            context = fulfilling(policies.sample.value(statement))
            foreign = {k: v.replace(ACCOUNT, OTHER_ACCOUNT) for k, v in context.items()}
            yield (
                role,
                service,
                policies.may_assume(role, {"Service": service}, context),
                policies.may_assume(role, {"Service": service}, foreign),
            )


def _deputies(policies: Policies, template: Template) -> Iterator[list[Cell]]:
    for role, service, here, elsewhere in service_requests(policies, template):
        yield [_name(role), service, _yes(here), _yes(elsewhere)]


def _managed_by_aws(template: Template) -> Iterator[list[Cell]]:
    for role, properties in template.of_type("AWS::IAM::Role"):
        for arn in properties.get("ManagedPolicyArns", []):
            yield [_name(role), arn.split(":policy/")[-1]]


def _may(template: Template) -> Iterator[Section]:
    holders: dict[str, list[list[Cell]]] = {}
    for names, statement in statements(template):
        for holder in names.split(", "):
            row: list[Cell] = [
                _lines(statement["Action"]),
                _lines(statement["Resource"]),
                _conditions(statement),
            ]
            if statement["Effect"] == "Deny":
                row[0] = f"not:\n{row[0]}"
            holders.setdefault(holder, []).append(row)
    for holder, rows in holders.items():
        yield Section(f"What {_name(holder)} may do", ["Actions", "On", "Only if"], rows)


def object_paths(template: Template) -> list[str]:
    """Returns the paths of objects that policies of roles name, such as "<Rows.Arn>/input/*"."""
    buckets = {name for name, _ in template.of_type("AWS::S3::Bucket")}
    return sorted(
        {
            resource
            for _, statement in statements(template)
            for resource in as_list(statement["Resource"])
            if resource.split(".Arn>/")[0].removeprefix("<") in buckets and "/" in resource
        }
    )


def _objects(policies: Policies, template: Template) -> Iterator[list[Cell]]:
    context = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}
    for role in policies.roles:
        shown: dict[str, list[Decision]] = {}
        for path in object_paths(template):
            decisions = [
                policies.role_may(role, action, path.replace("*", "sample"), context)
                for action in ON_OBJECTS
            ]
            if Decision.ALLOWED in decisions and not any(
                like(wider, path) and found == decisions for wider, found in shown.items()
            ):
                shown[path] = decisions
                yield [_name(role), _short(path), *map(_yes, decisions)]


def _key_policies(template: Template) -> Iterator[Section]:
    keys: dict[str, list[list[Cell]]] = {}
    for holder, statement in resource_statements(template):
        if template.resources[holder]["Type"] == "AWS::KMS::Key":
            row: list[Cell] = [
                _who(statement),
                _lines(statement["Action"]),
                _conditions(statement),
            ]
            keys.setdefault(holder, []).append(row)
    for key, rows in keys.items():
        yield Section(
            f"Who may use {_name(key)}",
            ["Who", "Actions", "Only if"],
            rows,
            note="The account's root stands for whoever its own policies allow it to.",
        )


def _other_policies(template: Template) -> Iterator[list[Cell]]:
    for holder, statement in resource_statements(template):
        if template.resources[holder]["Type"] != "AWS::KMS::Key":
            yield [
                _name(holder),
                statement["Effect"],
                _who(statement),
                _lines(statement["Action"]),
                _lines(statement.get("Resource", "")),
                _conditions(statement),
            ]


def _who(statement: Statement) -> str:
    principal = statement["Principal"]
    if principal in ("*", {"AWS": "*"}):
        return "everybody"
    return "\n".join(_lines(names) for names in principal.values())


def _lines(value: Any) -> str:
    return "\n".join(dict.fromkeys(_short(str(item)) for item in as_list(value)))


def _conditions(statement: Statement) -> str:
    return _short(condition_text(statement))


def _yes(decision: Decision) -> str:
    return "yes" if decision is Decision.ALLOWED else "no"


def _name(logical_id: str) -> str:
    """Returns a logical ID without the digits that CDK puts behind it."""
    return re.sub("[0-9A-F]{8}$", "", logical_id)


def _short(text: str) -> str:
    """Returns a text with the logical IDs in it without their digits."""
    return re.sub(r"<(\w+?)[0-9A-F]{8}(\.\w+)?>", r"<\1\2>", text)
