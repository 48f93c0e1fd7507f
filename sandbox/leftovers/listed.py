"""The common case: a service lists them, tags tell whose they are, one call deletes one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from sandbox.aws import Account, Unseen
from sandbox.leftovers.model import Cost, Leftover, StillThere
from sandbox.leftovers.survey import Survey, missing

POLL_SECONDS = 5.0
PATIENCE_SECONDS = 900.0


class Listed:
    """Finds what one call lists and another deletes; to be subclassed.

    Attributes:
        kind: What it is.
        covers: Service and resource type in its ARNs.
        service: Its service, as boto3 names it.
        listing: Client method that lists, and key of the list in its answer.
        arguments: What the method is called with.
        id: Field by which the service deletes one.
        name: Field of its name; the same unless said.
        arn: Field of its ARN, by which the tag index knows it.
        since: Field of the day it was made.
        cost: What it is billed for.
        deletion: Client method that deletes, and its argument.
        removal: What that is called for people.
    """

    kind: ClassVar[str]
    covers: ClassVar[Sequence[str]] = ()
    service: ClassVar[str]
    listing: ClassVar[tuple[str, str]]
    arguments: ClassVar[Mapping[str, Any]] = {}
    id: ClassVar[str]
    name: ClassVar[str] = ""
    arn: ClassVar[str] = ""
    since: ClassVar[str] = "CreationTime"
    cost: ClassVar[Cost] = Cost.NOTHING
    deletion: ClassVar[tuple[str, str]]
    removal: ClassVar[str] = "delete"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those whose tags name a stack that lives no more."""
        for item in survey.list(self.service, *self.listing, **self.arguments):
            if self.counts(item) and (owner := survey.owner(self.tags(survey, item))):
                yield self.leftover(item, owner.stack, owner.reason)

    def counts(self, item: Mapping[str, Any]) -> bool:  # noqa: ARG002 - for subclasses
        """Returns whether it exists still, and is of the kind."""
        return True

    def tags(self, survey: Survey, item: Mapping[str, Any]) -> Mapping[str, str]:
        """Returns its tags."""
        return survey.tagged.get(item[self.arn], {})

    def leftover(self, item: Mapping[str, Any], stack: str, reason: str, **more: Any) -> Leftover:
        """Returns one of them as what is left of a stack."""
        facts: dict[str, Any] = {
            "kind": self.kind,
            "name": item[self.name or self.id],
            "id": item[self.id],
            "stack": stack,
            "reason": reason,
            "cost": self.cost,
            "removal": self.removal,
            "since": item.get(self.since),
        }
        return Leftover(**facts | more)

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it."""
        operation, argument = self.deletion
        account.ask(self.service, operation, **{argument: leftover.id})


def wait_until_gone(exists: Callable[[], Any], what: str) -> None:
    """Waits until it is not there any more.

    Args:
        exists: Returns something false, or raises that it is missing.
        what: For the message.

    Raises:
        StillThere: It is, after a quarter of an hour.
        Unseen: It cannot be seen.
    """
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            if not exists():
                return
        except Unseen as unseen:
            if missing(unseen):
                return
            raise
        time.sleep(POLL_SECONDS)
    raise StillThere(f"{what} is still being deleted: run the command again later")
