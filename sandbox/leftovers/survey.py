"""What an account shows: its stacks, what is tagged, and what could not be seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from sandbox.aws import Account, Rejected, Unseen
from sandbox.leftovers.model import Finder, Leftover
from sandbox.leftovers.owners import PROJECT, STACK_NAME, Owner, Owners

DEAD = {"DELETE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
"""States of a stack that works no more and still exists.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

FINDERS_AT_ONCE = 8


class Survey:
    """One look at an account. Threads may share it.

    Args:
        account: Where.
        owners: Whose leftovers are asked for.

    Attributes:
        unseen: Sentences on what could not be seen.
        living: Stack -> how many of its resources were left out, because it still exists.
    """

    def __init__(self, account: Account, owners: Owners) -> None:
        self.account = account
        self.owners = owners
        self.unseen: list[str] = []
        self.living: Counter[str] = Counter()

    @cached_property
    def stacks(self) -> list[dict[str, Any]] | None:
        """The account's stacks; None if they could not be seen."""
        try:
            return self.account.pages("cloudformation", "describe_stacks", "Stacks")
        except Unseen as unseen:
            self.note(unseen)
            return None

    @cached_property
    def tagged(self) -> dict[str, dict[str, str]]:
        """ARN -> tags of what the tag index knows to be ours; it forgets the deleted late."""
        filters = [{"Key": "project", "Values": [PROJECT]}]
        if self.owners.delivered:
            filters.append({"Key": STACK_NAME, "Values": self.owners.delivered})
        return {
            found["ResourceARN"]: tags_of(found)
            for each in filters
            for found in self.list(
                "resourcegroupstaggingapi",
                "get_resources",
                "ResourceTagMappingList",
                TagFilters=[each],
            )
        }

    def list(self, service: str, operation: str, key: str, **arguments: Any) -> list[Any]:
        """Returns all pages of what a service lists; nothing, and a note, if it cannot be seen."""
        try:
            return self.account.pages(service, operation, key, **arguments)
        except Unseen as unseen:
            self.note(unseen)
            return []

    def look(self, service: str, operation: str, **arguments: Any) -> dict[str, Any]:
        """Returns a service's answer; nothing if there is none, with a note if it was refused."""
        try:
            return self.account.ask(service, operation, **arguments)
        except Unseen as unseen:
            if not missing(unseen):
                self.note(unseen)
            return {}

    def left(self, owner: Owner | None) -> Owner | None:
        """Returns the owner if its stack lives no more; counts what belongs to one that does."""
        if owner and self._lives(owner):
            self.living[owner.stack] += 1
            return None
        return owner

    def owner(self, tags: Mapping[str, str]) -> Owner | None:
        """Returns the owner by tags, if its stack lives no more."""
        return self.left(self.owners.of_tags(tags))

    def _lives(self, owner: Owner) -> bool:
        """By its ID, if that is known: a namesake may have been deployed since."""
        return any(
            owner.stack_id in ("", stack["StackId"]) and stack["StackName"] == owner.stack
            for stack in self.stacks or ()
            if stack["StackStatus"] not in DEAD
        )

    def note(self, unseen: Unseen) -> None:
        """Remembers that something could not be seen.

        Raises:
            Rejected: The credentials are of no use: nothing can be seen.
        """
        if isinstance(unseen, Rejected):
            raise unseen
        if str(unseen) not in self.unseen:
            self.unseen.append(str(unseen))


Found = list[tuple[Finder, list[Leftover]]]
"""What each finder has found, in the finders' order."""


def search(
    survey: Survey, finders: Iterable[Finder], say: Callable[[str], None] = lambda _: None
) -> Found:
    """Returns what the finders find.

    Raises:
        Rejected: The credentials are of no use.
    """
    _ = survey.stacks, survey.tagged  # once, before threads ask for them

    def find(finder: Finder) -> tuple[Finder, list[Leftover]]:
        say(f"looking for: {finder.kind}")
        return finder, [*finder.find(survey)]

    with ThreadPoolExecutor(FINDERS_AT_ONCE) as threads:
        return [*threads.map(find, finders)]


def tags_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Returns the tags in an answer, whichever way the service writes them."""
    tags = item.get("Tags") or item.get("TagSet") or item.get("tags") or {}
    if isinstance(tags, Mapping):
        return dict(tags)
    plain = [{name.lower().removeprefix("tag"): text for name, text in tag.items()} for tag in tags]
    return {tag["key"]: tag.get("value", "") for tag in plain}


def missing(unseen: Unseen) -> bool:
    """Whether a call failed because what it asked for does not exist."""
    return (
        unseen.code.startswith("NoSuch")
        or unseen.code.endswith(("NotFound", "NotFoundException", "NotFoundFault", "DoesNotExist"))
        or "Could not find" in str(unseen)
        or "does not exist" in str(unseen)
    )
