"""What a preflight found, as a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from catalogue.discover import Architecture
from catalogue.model import Sourced
from catalogue.prices import HOURS, Unit
from sandbox.aws import connect
from sandbox.preflight.checks import STEPS, Result, preflight
from sandbox.preflight.cost import Estimate, Line
from sandbox.preflight.findings import State
from sandbox.preflight.subject import Subject
from study.assembly import folder_with, read
from study.report import Cell, Report, Section

PATIENCE = 60.0
"""Seconds after which no further call is begun."""

PER = {Unit.HOUR: "an hour", Unit.MONTH: "a month"}


def preflight_result(
    architecture: Architecture,
    *,
    region: str | None = None,
    options: Mapping[str, str] | None = None,
    assembly: Path | None = None,
) -> tuple[Subject, Result]:
    """Returns what an account says to a deployment.

    Args:
        architecture: What is to be deployed.
        region: Where; None means where the environment says.
        options: The architecture's options, by name.
        assembly: A cloud assembly to read as it is; None synthesizes what is missing or stale.

    Raises:
        UsageError: There are no usable credentials, no such Region, or no template.
    """
    account = connect(region, patience=PATIENCE)
    folder = folder_with(architecture, assembly, options or {})
    subject = Subject(
        account=account,
        number="",
        architecture=architecture,
        template=read(folder, architecture),
        minimum_cli=_minimum_cli(folder),
    )
    with progress() as done:
        return subject, preflight(subject, done)


def preflight_report(subject: Subject, result: Result) -> Report:
    """Returns the findings, what to do, and what is paid for."""
    estimate = result.estimate
    costs = [_cost(line, subject.region) for line in estimate.lines]
    total: list[Cell] = ["in all", "", f"{estimate.hourly:.4f}", f"{estimate.monthly:.2f}", ""]
    return Report(
        title=f"Preflight of {subject.architecture.slug} in {subject.region}",
        lead=f"{_counts(result)}. {_forgotten(estimate)}",
        sections=[
            Section(
                "Checks",
                ["Check", "State", "Found"],
                [[f.about, str(f.state), f.text] for f in result.findings],
            ),
            Section(
                "What to do", ["Check", "Fix"], [[f.about, f.fix] for f in result.findings if f.fix]
            ),
            Section(
                "Paid for while nobody uses it",
                ["Item", "Quantity", "USD an hour", "USD a month", "One costs"],
                [*costs, total] if costs else [],
                note="At minimum capacity; no free tier, discount or tax is reckoned with.",
            ),
            Section(
                "Paid by use",
                ["Resource", "What is counted"],
                estimate.by_use,
            ),
            Section("Not estimated", ["Item", "What it is"], estimate.unpriced),
        ],
    )


def _counts(result: Result) -> str:
    problems = result.count(State.PROBLEM)
    found = f"{problems} problem{'' if problems == 1 else 's'}"
    return f"{found}, {result.count(State.UNSEEN)} not seen, {result.count(State.OK)} ok"


def _forgotten(estimate: Estimate) -> str:
    more = ", and what is not estimated" if estimate.unpriced else ""
    sums = f"{estimate.hourly:.2f} USD an hour, {estimate.monthly:.0f} in {HOURS} h"
    return f"Forgotten, it costs {sums}{more}."


def _cost(line: Line, region: str) -> list[Cell]:
    charge, price = line.charge, line.price
    where = "" if price.region == region else f" in {price.region}"
    return [
        charge.item,
        f"{charge.quantity:g}" if charge.quantity else "0 when idle",
        f"{line.hourly:.4f}",
        f"{line.monthly:.2f}",
        Sourced(f"{price.usd:g} {PER[charge.usage.unit]}{where}", price.source),
    ]


def _minimum_cli(folder: Path) -> str:
    """Returns the oldest CDK command line that reads an assembly, empty if it does not say."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(manifest.get("minimumCliVersion", ""))


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Shows on a terminal what has been asked; elsewhere nothing."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("Asking the account"), BarColumn(), TextColumn("{task.description}"))
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("", total=STEPS)
        yield lambda check: bar.update(task, advance=1, description=check)
