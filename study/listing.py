"""The catalogue as a table."""

from __future__ import annotations

from catalogue.discover import discover
from catalogue.errors import UsageError, unknown
from catalogue.exam import DOMAINS, TASKS
from study.compare import availability, tasks
from study.report import Report, Section


def listing(*, domain: str | None = None, task: str | None = None) -> Report:
    """Returns the architectures by exam domain, all or those of one domain or task.

    Raises:
        UsageError: There is no such domain or task, or nothing fits both.
    """
    if domain is not None and domain not in DOMAINS:
        raise unknown("exam domain", domain, DOMAINS)
    if task is not None and task not in TASKS:
        raise unknown("exam task", task, TASKS)
    chosen = [
        architecture
        for architecture in discover().values()
        if domain in (None, architecture.domain.slug)
        and (task is None or task in architecture.facts.tasks)
    ]
    if not chosen:
        raise UsageError(
            f"No architecture is in domain {domain or 'any'} and task {task or 'any'}: "
            "run `mla list` to see what there is."
        )
    return Report(
        title="MLA Reference Architectures",
        lead=f"{len(chosen)} architectures. `mla show SLUG` explains one, `mla compare` several.",
        sections=[
            Section(
                f"Domain {item.number}: {item.title} ({item.weight} %)",
                ["Slug", "Title", "Tasks", "Question", "New accounts"],
                [
                    [a.slug, a.facts.title, tasks(a), a.facts.question, availability(a).text]
                    for a in chosen
                    if a.domain == item
                ],
            )
            for item in DOMAINS.values()
        ],
    )
