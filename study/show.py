"""One architecture: its facts with their sources, and what its template holds."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.discover import Architecture
from catalogue.exam import TASKS
from catalogue.model import Sourced
from catalogue.template import Template
from study.compare import availability, stated, tasks
from study.iam import as_list, condition_text, statements
from study.report import Cell, Report, Section


def show(architecture: Architecture, template: Template) -> Report:
    """Returns everything there is to say of an architecture."""
    facts = architecture.facts
    return Report(
        title=f"{facts.title} ({architecture.slug})",
        lead=facts.summary,
        sections=[
            Section("In short", ["Fact", "Here"], list(_short(architecture))),
            Section("Choose it when", ["Requirement"], [[reason] for reason in facts.choose_when]),
            *_options(architecture),
            Section("Rather than", ["Other", "When"], list(facts.rather_than.items())),
            Section(
                f"As an answer to: {facts.question}",
                ["Fact", "Here"],
                [[name, stated(fact, template)] for name, fact in facts.comparison.items()],
                note="A number names the source; what has none is read from the template.",
            ),
            Section("Limits", ["Limit", "Value", "Here"], list(_limits(architecture, template))),
            Section("Billing", ["What is paid for"], [[item] for item in facts.billing]),
            Section(
                "Resources",
                ["Logical ID", "Type"],
                [[name, resource["Type"]] for name, resource in template.resources.items()],
            ),
            Section(
                "IAM statements",
                ["Role", "Actions", "Resources", "Conditions"],
                list(_statements(template)),
            ),
            Section("Outputs", ["Output", "Use"], list(_outputs(template))),
        ],
    )


def _short(architecture: Architecture) -> Iterator[list[Cell]]:
    facts = architecture.facts
    yield ["Exam domain", f"{architecture.domain.number} {architecture.domain.title}"]
    yield ["Exam tasks", tasks(architecture)]
    for task in facts.tasks:
        yield [f"Task {task}", TASKS[task]]
    yield ["New accounts", availability(architecture)]
    yield ["Related", ", ".join(facts.related)]
    yield ["Deploy", f"npx cdk deploy {architecture.stack_id}"]


def _options(architecture: Architecture) -> list[Section]:
    options = architecture.facts.options
    if not options:
        return []
    rows: list[list[Cell]] = [
        [f"-c {option.name}=", ", ".join(option.values) or "any text", option.meaning]
        for option in options
    ]
    return [Section("Options", ["Option", "Values, the default first", "Changes"], rows)]


def _limits(architecture: Architecture, template: Template) -> Iterator[list[Cell]]:
    for limit in architecture.facts.limits:
        here = template.text(limit.setting) if limit.setting else ""
        yield [limit.name, Sourced(limit.value, limit.source), here]


def _statements(template: Template) -> Iterator[list[Cell]]:
    for role, statement in statements(template):
        yield [
            role[:-8],
            "\n".join(as_list(statement["Action"])),
            "\n".join(as_list(statement["Resource"])),
            condition_text(statement),
        ]


def _outputs(template: Template) -> Iterator[list[Cell]]:
    for name, output in template.document.get("Outputs", {}).items():
        yield [name, output.get("Description", "")]
