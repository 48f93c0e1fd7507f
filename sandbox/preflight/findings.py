"""How a check ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sandbox.aws import DENIED, Unseen, permission


class State(StrEnum):
    """What a check found."""

    OK = "ok"
    PROBLEM = "problem"
    UNSEEN = "could not see"


@dataclass(frozen=True)
class Finding:
    """What a check found of one thing.

    Attributes:
        about: The thing, such as "bootstrap".
        state: Whether it is in order.
        text: What was found, or why nothing was.
        fix: What to do, a command where there is one.
    """

    about: str
    state: State
    text: str
    fix: str = ""


def ok(about: str, text: str) -> Finding:
    """Returns that something is in order."""
    return Finding(about, State.OK, text)


def problem(about: str, text: str, fix: str) -> Finding:
    """Returns that something would fail."""
    return Finding(about, State.PROBLEM, text, fix)


def unseen(about: str, why: Unseen, *, known: str = "") -> Finding:
    """Returns that the account did not show something.

    Args:
        about: The thing.
        why: What the account said instead.
        known: What is known without it, said first.
    """
    fix = "Run the same command again."
    if why.code in DENIED:
        fix = f"Allow {permission(why.call)}; docs/sandbox.md has the whole policy."
    text = f"{known}; {why}" if known else str(why)
    return Finding(about, State.UNSEEN, text, fix)
