"""What destroyed stacks have left behind, and what became of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from catalogue.discover import discover, select
from catalogue.errors import UsageError
from sandbox.aws import Account, Rejected, Unseen, connect
from sandbox.leftovers.finders import FINDERS
from sandbox.leftovers.model import Leftover
from sandbox.leftovers.owners import Owners
from sandbox.leftovers.removal import removable, remove
from sandbox.leftovers.survey import Found, Survey, search
from study.report import Report, Section

COLUMNS = ("What", "Name", "Since", "Costs", "Known by", "Removed by")

Say = Callable[[str], None]


@dataclass(frozen=True)
class Leftovers:
    """What was found.

    Attributes:
        account: Where.
        owners: Whose.
        found: What each finder has found.
        survey: What it was found in.
    """

    account: Account
    owners: Owners
    found: Found
    survey: Survey

    @property
    def all(self) -> list[Leftover]:
        """What is left."""
        return [leftover for _, leftovers in self.found for leftover in leftovers]

    @property
    def removable(self) -> list[Leftover]:
        """What of it can be deleted."""
        return removable(self.found)

    @property
    def clean(self) -> bool:
        """Whether nothing is left but what goes by itself, and everything was seen."""
        return not self.survey.unseen and all(leftover.ends for leftover in self.all)


def look(slugs: Sequence[str], region: str | None, say: Say = lambda _: None) -> Leftovers:
    """Looks for what is left of architectures, of all without a slug.

    Raises:
        UsageError: There is no such architecture or Region, or there are no valid credentials.
    """
    owners = Owners(select(slugs) if slugs else discover().values(), every=not slugs)
    account = connect(region)
    survey = Survey(account, owners)
    try:
        found = search(survey, FINDERS, say)
    except Rejected as rejected:
        raise UsageError(f"{str(rejected).capitalize()}.") from None
    return Leftovers(account, owners, found, survey)


def leftovers_report(left: Leftovers) -> Report:
    """Returns a table a stack; none where nothing is left."""
    stacks = sorted({leftover.stack for leftover in left.all})
    sections = [
        Section(
            f"{stack or 'of no known stack'}, {left.account.region}",
            COLUMNS,
            [_row(each) for each in left.all if each.stack == stack],
        )
        for stack in stacks
    ]
    unseen = [[sentence] for sentence in left.survey.unseen]
    return Report(
        title="Left over",
        lead=_lead(left),
        sections=[*sections, Section("Could not be seen", ("Why",), unseen)],
    )


def _row(leftover: Leftover) -> list[str]:
    return [
        leftover.kind,
        leftover.name,
        f"{leftover.since:%Y-%m-%d}" if leftover.since else "",
        leftover.cost.value,
        leftover.reason,
        leftover.removal,
    ]


def _lead(left: Leftovers) -> str:
    here = left.account.region
    ending = sum(leftover.ends for leftover in left.all)
    count = len(left.all) - ending
    so_far = ", as far as it could be seen" if left.survey.unseen else ""
    what = f"{_counted(count, 'resource')} left over" if count else "Nothing is left over"
    said = [f"{what} in {here}{so_far}."]
    if ending:
        said.append(f"{_counted(ending, 'key')} pending deletion: nothing to do.")
    if living := left.survey.living:
        said.append(
            f"Not counted: {_counted(living.total(), 'resource')} of stacks that exist "
            f"({', '.join(sorted(living))})."
        )
    return " ".join(said)


def confirm(left: Leftovers, ask: Say) -> None:
    """Has the deletion confirmed by the number of resources or the account's ID.

    Raises:
        UsageError: It was not confirmed, or the stacks could not be seen.
    """
    if left.survey.stacks is None:
        raise UsageError(
            "Nothing was deleted: without cloudformation:DescribeStacks nobody knows which stacks "
            "are in use."
        )
    count = str(len(left.removable))
    try:
        account = str(left.account.ask("sts", "get_caller_identity")["Account"])
    except Unseen:
        account = ""
    ask(
        f"Deletes {_counted(int(count), 'resource')} for good, in account {account or 'unknown'}, "
        f"{left.account.region}. Type {count}{f' or {account}' if account else ''} to go on:"
    )
    typed = sys.stdin.readline().strip()
    if typed not in {count, account} - {""}:
        raise UsageError(f"Nothing was deleted: {typed!r} is neither {count} nor the account's ID.")


def delete(left: Leftovers, say: Say) -> Report:
    """Deletes what is left, as confirmed, and says of each what became of it."""
    rows = []
    for step in remove(left.found, lambda: Survey(left.account, left.owners)):
        say(f"{step.leftover.kind} {step.leftover.name}: {step.outcome}")
        rows.append([step.leftover.kind, step.leftover.name, step.leftover.stack, step.outcome])
    return Report(
        title="Deleted",
        lead="What was confirmed, in the order of deletion.",
        sections=[Section("Steps", ("What", "Name", "Stack", "Outcome"), rows)],
    )


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
