"""What SageMaker keeps of its resources, and what it says of those that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.emulator import clock, host
from rehearsal.emulator.api import ServiceError

Record = dict[str, Any]


def arn(kind: str, name: str) -> str:
    """Returns the ARN of a resource, such as kind "endpoint-config"."""
    return f"arn:aws:sagemaker:{host.REGION}:{host.ACCOUNT}:{kind}/{name.lower()}"


class Table:
    """Resources of one kind by name, in which case does not matter.

    Args:
        kind: As in their ARNs.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._records: dict[str, Record] = {}

    def add(self, name: str, record: Record) -> Record:
        """Keeps a new resource with its times.

        Raises:
            ServiceError: There is one of this name.
        """
        if name in self:
            raise ServiceError(
                "ValidationException",
                f'Cannot create already existing {self.kind} "{arn(self.kind, name)}".',
            )
        now = clock.now()
        kept = {**record, "CreationTime": now, "LastModifiedTime": now}
        self._records[name.lower()] = kept
        return kept

    def get(self, name: str) -> Record:
        """Returns a resource.

        Raises:
            ServiceError: There is none of this name.
        """
        try:
            return self._records[name.lower()]
        except KeyError:
            raise ServiceError(
                "ValidationException",
                f'Could not find {self.kind} "{arn(self.kind, name)}".',
            ) from None

    def remove(self, name: str) -> Record:
        """Forgets a resource and returns what it was.

        Raises:
            ServiceError: There is none of this name.
        """
        self.get(name)
        return self._records.pop(name.lower())

    def by_name(self) -> dict[str, Record]:
        """Returns the resources by their names."""
        return dict(self._records)

    def __iter__(self) -> Iterator[Record]:
        """The resources, oldest first."""
        return iter(list(self._records.values()))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._records
