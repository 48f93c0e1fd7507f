"""`mla rehearse`: runs rehearsals with progress on the terminal, and reports what they showed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from catalogue.discover import Architecture, discover, select
from catalogue.errors import UsageError
from rehearsal.run import Guest, Outcome, Rehearsal, nobody, used
from study.assembly import load, synthesize
from study.report import Report, Section

if TYPE_CHECKING:
    from rehearsal.account import EmulatedAccount

Tell = Callable[[str, str], None]


def chosen(slugs: Sequence[str], every: bool) -> list[Architecture]:
    """Returns the named architectures, or all.

    Raises:
        UsageError: There is no such architecture, or none is named.
    """
    if every:
        return list(discover().values())
    if not slugs:
        raise UsageError("No architecture is named: name one or more, or say --all.")
    return select(slugs)


def look_round(account: EmulatedAccount) -> None:
    """Prints how to reach an account, and waits until whoever looks round presses Enter."""
    import sys

    lines = [f"export {name}={value}" for name, value in account.environment.items()]
    sys.stderr.write("\n".join([*lines, "", "Press Enter to destroy the stack. "]))
    sys.stdin.readline()


def rehearse_all(
    architectures: Sequence[Architecture],
    *,
    after: Guest = nobody,
    quiet: bool = False,
) -> list[Outcome]:
    """Rehearses architectures, one after the other, each in an account of its own.

    Args:
        architectures: Which ones.
        after: Called with each account before its stack is destroyed.
        quiet: Without progress.
    """
    templates = load(architectures)
    outcomes = []
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder, _progress(quiet) as tell:
        for architecture, template in zip(architectures, templates, strict=True):

            def prepare(options: Mapping[str, str], slug: str = architecture.slug) -> Path:
                name = "-".join([slug, *(f"{key}-{value}" for key, value in options.items())])
                assembly = Path(folder) / name
                if not assembly.exists():
                    synthesize([slug], assembly, context=options)
                return assembly

            def told(step: str, text: str, slug: str = architecture.slug) -> None:
                tell(f"{slug}: {step}", text)

            rehearsal = Rehearsal(architecture, template, prepare, told)
            outcomes.append(rehearsal.run(after=after))
    return outcomes


@contextmanager
def _progress(quiet: bool) -> Iterator[Tell]:
    """Gives what tells on stderr what is going on; nothing if that is no terminal."""
    from rich.console import Console
    from rich.markup import escape

    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda _step, _text: None
        return
    with console.status("") as status:
        yield lambda step, text: status.update(f"[bold]{escape(step)}[/] {escape(text)}")


def report(outcomes: Sequence[Outcome]) -> Report:
    """Returns what rehearsals showed: in detail for one, as a table for several."""
    return _one(outcomes[0]) if len(outcomes) == 1 else _several(outcomes)


def _one(outcome: Outcome) -> Report:
    behaving, recorded = used(outcome)
    only = [
        (kind, str(number))
        for kind, number in sorted(outcome.resources.items())
        if kind in outcome.recorded
    ]
    return Report(
        f"Rehearsal of {outcome.slug}",
        outcome.problem or "Deployed, used and destroyed: nothing is left.",
        [
            Section(
                "Steps",
                ("step", "seconds", "result"),
                [(s.name, f"{s.seconds:.1f}", s.problem or "ok") for s in outcome.steps],
            ),
            Section("Seen", ("what", "value"), outcome.seen),
            Section(
                "Recorded only",
                ("type", "resources"),
                only,
                note=f"{recorded} of {behaving + recorded} resources were checked against their "
                "schema and have no behaviour here.",
            ),
            Section("Left behind", ("resource",), [(name,) for name in outcome.left]),
        ],
    )


def _several(outcomes: Sequence[Outcome]) -> Report:
    rows = []
    for outcome in outcomes:
        behaving, recorded = used(outcome)
        rows.append(
            (
                outcome.slug,
                _result(outcome, "deploy"),
                _result(outcome, "scenario"),
                _result(outcome, "destroy"),
                "nothing" if not outcome.left else str(len(outcome.left)),
                f"{behaving}",
                f"{recorded}",
            )
        )
    failed = [outcome for outcome in outcomes if outcome.problem]
    return Report(
        "Rehearsals",
        f"{len(outcomes) - len(failed)} of {len(outcomes)} architectures without a problem.",
        [
            Section(
                "Architectures",
                ("architecture", "deployed", "scenario", "destroyed", "left", "behave", "recorded"),
                rows,
            ),
            Section("Problems", ("architecture", "why"), [(o.slug, o.problem) for o in failed]),
        ],
    )


def _result(outcome: Outcome, name: str) -> str:
    for step in outcome.steps:
        if step.name == name:
            return "failed" if step.problem else f"{step.seconds:.1f} s"
    return "-"
