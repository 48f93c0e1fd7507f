"""Lays architectures side by side: their facts first, then what their templates differ in."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from catalogue.discover import Architecture
from catalogue.model import Fact, Sourced
from catalogue.template import Template
from study.iam import allowed_actions
from study.report import Cell, Report, Section

NONE = "-"
"""Stands where an architecture has no such thing."""

UNSET = "(unset)"
"""Stands where the resource is there and the property is not."""

IAM_TYPES = {"AWS::IAM::Policy", "AWS::IAM::Role"}
"""Compared action by action instead of property by property."""


def compare(architectures: Sequence[Architecture], templates: Sequence[Template]) -> Report:
    """Returns the comparison of architectures with their templates in the same order."""
    slugs = [architecture.slug for architecture in architectures]
    return Report(
        title=" / ".join(slugs),
        lead=f"Question: {', '.join(dict.fromkeys(a.facts.question for a in architectures))}",
        sections=[
            Section(
                "Facts",
                ["Fact", *slugs],
                [*_general(architectures), *_facts(architectures, templates)],
                note="A number names the source; what has none is read from the template.",
            ),
            Section("Chosen over the others when", ["Over", *slugs], list(_choices(architectures))),
            Section("Resources", ["Type", *slugs], list(_resources(templates))),
            Section(
                "Properties that differ between resources of the same role",
                ["Property", *slugs],
                list(_properties(templates)),
                note="References are left out.",
            ),
            Section(
                "IAM actions that not all of them allow",
                ["Action", *slugs],
                list(_actions(templates)),
            ),
        ],
    )


def availability(architecture: Architecture) -> Sourced:
    """Returns whether new accounts can use an architecture."""
    state = architecture.facts.availability
    if state.closed_since is None:
        missing = f", not in {', '.join(state.not_in)}" if state.not_in else ""
        return Sourced(f"open{missing}", state.source)
    instead = f", use {state.replaced_by}" if state.replaced_by else ""
    return Sourced(f"closed since {state.closed_since.isoformat()}{instead}", state.source)


def tasks(architecture: Architecture) -> str:
    """Returns the exam tasks of an architecture, such as "3.1, 3.2 +C02"."""
    facts = architecture.facts
    return ", ".join(facts.tasks) + (" +C02" if facts.c02 else "")


def stated(fact: Fact, template: Template) -> Cell:
    """Returns a fact as a cell: the source's statement, or the template's value."""
    return fact if isinstance(fact, Sourced) else template.text(fact)


def _general(architectures: Sequence[Architecture]) -> Iterator[list[Cell]]:
    yield ["Exam tasks", *map(tasks, architectures)]
    yield ["New accounts", *map(availability, architectures)]


def _facts(
    architectures: Sequence[Architecture], templates: Sequence[Template]
) -> Iterator[list[Cell]]:
    for name in dict.fromkeys(name for a in architectures for name in a.facts.comparison):
        facts = [architecture.facts.comparison.get(name) for architecture in architectures]
        yield [
            name,
            *(
                stated(fact, template) if fact else NONE
                for fact, template in zip(facts, templates, strict=True)
            ),
        ]


def _choices(architectures: Sequence[Architecture]) -> Iterator[list[Cell]]:
    for other in architectures:
        yield [
            other.slug,
            *(
                architecture.facts.rather_than.get(other.slug, NONE)
                for architecture in architectures
            ),
        ]


def _resources(templates: Sequence[Template]) -> Iterator[list[Cell]]:
    counts = [template.type_counts() for template in templates]
    for name in sorted(set().union(*counts)):
        yield [name, *(str(count[name] or NONE) for count in counts)]


def _properties(templates: Sequence[Template]) -> Iterator[list[Cell]]:
    """Pairs resources by their role, which is their logical ID: it names the path in the stack."""
    roles: dict[str, list[dict[str, str] | None]] = defaultdict(lambda: [None] * len(templates))
    for index, template in enumerate(templates):
        for logical_id, resource in template.resources.items():
            if resource["Type"] not in IAM_TYPES:
                literals = dict(_literals(resource["Properties"]))
                roles[f"{logical_id}/{resource['Type']}"][index] = literals
    for role, variants in sorted(roles.items()):
        present = [variant for variant in variants if variant is not None]
        for name in sorted({name for variant in present for name in variant}):
            if len({variant.get(name) for variant in present}) > 1:
                path = re.sub(r"[0-9A-F]{8}/.*", "", role)
                values = [NONE if v is None else v.get(name, UNSET) for v in variants]
                yield [f"{path} {'.'.join(name.split('.')[-2:])}", *values]


def _literals(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the leaves of a property tree that are no references, with their paths."""
    match value:
        case dict():
            for name, item in value.items():
                if name != "Tags":
                    yield from _literals(item, f"{path}.{name}" if path else name)
        case list():
            for index, item in enumerate(value):
                yield from _literals(item, f"{path}[{index}]")
        case str() if "<" in value:
            pass
        case _:
            yield path, str(value).lower() if isinstance(value, bool) else str(value)


def _actions(templates: Sequence[Template]) -> Iterator[list[Cell]]:
    allowed = [allowed_actions(template) for template in templates]
    for action in sorted(set().union(*allowed)):
        if not all(action in own for own in allowed):
            yield [action, *("yes" if action in own else NONE for own in allowed)]
