"""KMS keys: those that cost, and those that wait for their end."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.aws import Account
from sandbox.leftovers.listed import Listed
from sandbox.leftovers.model import Cost, Leftover
from sandbox.leftovers.survey import Survey, tags_of

WINDOW_DAYS = 7
"""The shortest time that KMS allows between a deletion and the end of a key."""


class Keys(Listed):
    """Customer-managed keys; one pending deletion goes by itself.

    That it is not billed until then is second-hand.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
    """

    kind = "key"
    covers = ("kms:key",)
    service = "kms"
    id = "KeyId"
    since = "CreationDate"
    cost = Cost.MONTH
    removal = f"in {WINDOW_DAYS} days"

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those whose tags name a stack that lives no more."""
        for listed in survey.list("kms", "list_keys", "Keys"):
            found = survey.look("kms", "describe_key", KeyId=listed["KeyId"])
            key = found.get("KeyMetadata", {})
            if key.get("KeyManager") != "CUSTOMER":
                continue
            tags = survey.look("kms", "list_resource_tags", KeyId=listed["KeyId"])
            owner = survey.owner(tags_of(tags))
            if owner and key["KeyState"] == "PendingDeletion":
                yield self.leftover(
                    key,
                    owner.stack,
                    owner.reason,
                    cost=Cost.NOTHING,
                    removal=f"on {key['DeletionDate']:%Y-%m-%d}",
                    ends=True,
                )
            elif owner:
                yield self.leftover(key, owner.stack, owner.reason)

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Schedules its deletion."""
        account.ask(
            "kms", "schedule_key_deletion", KeyId=leftover.id, PendingWindowInDays=WINDOW_DAYS
        )
