"""What a scenario works with: a deployed stack, the time, and a place for what it saw."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.account import EmulatedAccount
from rehearsal.errors import RehearsalError

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True)
class DeployedStack:
    """A stack in an account, rehearsed or real, as a client sees it.

    Attributes:
        name: Of the stack.
        outputs: Its outputs, by name.
        client: Service -> boto3 client.
    """

    name: str
    outputs: dict[str, str]
    client: Callable[[str], Any]


@dataclass
class Stage:
    """A rehearsal in progress, as a scenario sees it.

    Attributes:
        stack: The deployed stack.
        account: The emulated account.
        redeploy: Deploys the stack anew with options, such as {"model": "broken"}.
        seen: What was shown so far, for the report.
    """

    stack: DeployedStack
    account: EmulatedAccount
    redeploy: Callable[[dict[str, str]], None]
    tell: Callable[[str], None]
    seen: list[tuple[str, str]] = field(default_factory=list)

    def client(self, service: str) -> Any:
        """Returns a boto3 client of the account."""
        return self.stack.client(service)

    def show(self, what: str, value: object) -> None:
        """Keeps something that was seen for the report."""
        self.seen.append((what, str(value)))
        self.tell(f"{what}: {value}")

    def expect(self, what: str, holds: bool, otherwise: object) -> None:
        """Keeps that something holds.

        Raises:
            RehearsalError: It does not.
        """
        if not holds:
            raise RehearsalError(f"Expected: {what}. Seen: {otherwise}.")
        self.show(what, "yes")

    def advance(self, *, minutes: float) -> None:
        """Skips time in the account."""
        self.account.advance(minutes * 60)

    def until(self, what: str, holds: Callable[[], object], *, skipping_minutes: float = 0) -> Any:
        """Waits until something holds, skipping time between two looks, and returns it.

        Raises:
            RehearsalError: It does not within PATIENCE_SECONDS.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            value = holds()
            if value:
                self.show(what, "yes" if value is True else value)
                return value
            if time.monotonic() > deadline:
                raise RehearsalError(f"Expected within {PATIENCE_SECONDS:.0f} s: {what}.")
            if skipping_minutes:
                self.advance(minutes=skipping_minutes)
            else:
                time.sleep(0.1)


def read(file: Path) -> list[str]:
    """Returns a sample file's lines."""
    return file.read_text(encoding="utf-8").splitlines()


def patiently(what: str, look: Callable[[], Any], *, seconds: float = 1800.0) -> Any:
    """Looks until there is something and returns it: for what a client waits for.

    Raises:
        RehearsalError: There is nothing in time.
    """
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise RehearsalError(f"Nothing was seen of {what} within {seconds:.0f} s.")
        time.sleep(1)
    return found
