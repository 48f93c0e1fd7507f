"""What is left over, and what a finder does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sandbox.aws import Account
    from sandbox.leftovers.survey import Survey


class Cost(StrEnum):
    """What a leftover is billed for."""

    HOUR = "per hour"
    MONTH = "per month"
    STORED = "per GB"
    NOTHING = "nothing"
    UNKNOWN = "look it up"


@dataclass(frozen=True)
class Leftover:
    """A resource that has outlived its stack.

    Attributes:
        kind: What it is, such as "endpoint".
        name: What people know it by.
        id: What its service deletes it by.
        stack: The stack that it is left of.
        reason: What it was recognised by.
        cost: What it is billed for.
        removal: How it is removed.
        since: When it was made, if that is known.
        by_hand: No finder removes it.
        ends: It goes by itself: there is nothing to do.
    """

    kind: str
    name: str
    id: str
    stack: str
    reason: str
    cost: Cost
    removal: str
    since: datetime | None = None
    by_hand: bool = False
    ends: bool = False

    @property
    def identity(self) -> tuple[str, str, str]:
        """What it is and was recognised by: what must still hold when it is deleted."""
        return self.kind, self.id, self.reason


class StillThere(Exception):  # noqa: N818 - an outcome, not a fault
    """What was to be removed is not gone; the text says why."""


class Finder(Protocol):
    """Knows one kind of resource."""

    @property
    def kind(self) -> str:
        """What it is, such as "endpoint"."""

    @property
    def covers(self) -> Sequence[str]:
        """Service and resource type in the ARNs that it answers for: "sagemaker:endpoint"."""

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields what is left; what could not be seen is noted in the survey."""

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Removes it, and waits until it is gone if others depend on that.

        Raises:
            Unseen: A call was refused.
            StillThere: It did not go.
        """
