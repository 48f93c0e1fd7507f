"""`mla rehearse`: runs rehearsals with progress on the terminal, and reports what they showed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from catalogue.discover import Architecture, discover, select
from catalogue.errors import UsageError
from rehearsal.run import ENDED, Guest, Outcome, Rehearsal, nobody, used
from study.assembly import CDK_OUT, fresh, load, synthesize
from study.report import Report, Section

if TYPE_CHECKING:
    from rehearsal.account import EmulatedAccount


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
    architectures: Sequence[Architecture], *, after: Guest = nobody, jobs: int = 1
) -> list[Outcome]:
    """Rehearses architectures, each in an account of its own, and tells on stderr how it goes.

    Args:
        architectures: Which ones.
        after: Called with each account before its stack is destroyed.
        jobs: How many at once; with 1 everything happens on the thread that calls.

    Raises:
        UsageError: They cannot be synthesized, or there is no emulator.
    """
    templates = load(architectures)
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as folder, progress() as tell:
        assemblies = Assemblies(architectures, Path(folder))
        rehearsals = [
            Rehearsal(
                architecture,
                template,
                partial(assemblies.of, architecture),
                partial(tell, architecture.slug),
            )
            for architecture, template in zip(architectures, templates, strict=True)
        ]
        if jobs == 1:
            return [rehearsal.run(after=after) for rehearsal in rehearsals]
        return _at_once(rehearsals, after, jobs)


def _at_once(rehearsals: Sequence[Rehearsal], after: Guest, jobs: int) -> list[Outcome]:
    with ThreadPoolExecutor(jobs) as pool:
        try:
            return list(pool.map(lambda rehearsal: rehearsal.run(after=after), rehearsals))
        except BaseException:  # Ctrl-C above all: nothing goes on behind the user's back
            pool.shutdown(wait=False, cancel_futures=True)
            for rehearsal in rehearsals:
                rehearsal.stop()
            raise


class Assemblies:
    """Cloud assemblies to deploy from: one for all, and one for each choice of options.

    Args:
        architectures: What the first one holds.
        folder: Where they are synthesized, unless cdk.out is fresh.
    """

    def __init__(self, architectures: Sequence[Architecture], folder: Path) -> None:
        self.folder = folder
        self.all = CDK_OUT
        if not all(fresh(CDK_OUT, a) and listed(CDK_OUT, a) for a in architectures):
            self.all = folder / "all"
            synthesize([architecture.slug for architecture in architectures], self.all)

    def of(self, architecture: Architecture, options: Mapping[str, str]) -> Path:
        """Returns the assembly that has an architecture under some options."""
        if not options:
            return self.all
        choice = "-".join(f"{name}-{value}" for name, value in options.items())
        assembly = self.folder / f"{architecture.slug}-{choice}"
        if not assembly.exists():
            synthesize([architecture.slug], assembly, context=options)
        return assembly


def listed(assembly: Path, architecture: Architecture) -> bool:
    """Returns whether an assembly's manifest has an architecture, besides its template."""
    manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    return architecture.stack_id in manifest["artifacts"]


@contextmanager
def progress() -> Iterator[Callable[[str, str, str], None]]:
    """Gives what tells on stderr where each architecture is; nothing if that is no terminal."""
    from rich.console import Console, Group
    from rich.live import Live
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _slug, _step, _text: None
        return
    lines: dict[str, Text] = {}
    with Live(console=console, transient=True) as live:

        def tell(slug: str, step: str, text: str) -> None:
            line = Text.assemble((slug, "bold"), f" {step} ", (text, "dim"))
            line.truncate(console.width, overflow="ellipsis")
            lines[slug] = line
            if step == ENDED:
                lines.pop(slug, None)
            live.update(Group(*lines.values()))

        yield tell


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
        outcome.problem or _well(outcome),
        [
            Section(
                "Steps",
                ("step", "seconds", "result"),
                [(s.name, f"{s.seconds:.1f}", s.problem or "ok") for s in outcome.steps],
            ),
            Section("Seen", ("what", "value"), outcome.seen),
            Section("Stood in", ("in AWS", "here"), outcome.stand_ins),
            Section(
                "Recorded only",
                ("type", "resources"),
                only,
                note=f"{recorded} of {behaving + recorded} resources exist without a behaviour: "
                "what they would do in AWS was not rehearsed.",
            ),
            Section("Left behind", ("resource",), [(name,) for name in outcome.left]),
        ],
    )


def _well(outcome: Outcome) -> str:
    """Returns what a rehearsal without a problem has shown, and no more than that."""
    if any(step.name == "scenario" for step in outcome.steps):
        return "Deployed, used and destroyed: nothing is left."
    return "Deployed and destroyed: nothing is left. It was not used: there is no scenario."


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
