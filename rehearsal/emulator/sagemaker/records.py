"""What SageMaker keeps of its resources, and what it says of those that it does not have."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rehearsal.emulator import clock, host
from rehearsal.emulator.api import ServiceError

Record = dict[str, Any]

PAGE = 10
"""Summaries in an answer unless MaxResults asks for others."""


def arn(kind: str, name: str) -> str:
    """Returns the ARN of a resource, such as kind "endpoint-config"."""
    return f"arn:aws:sagemaker:{host.REGION}:{host.ACCOUNT}:{kind}/{name.lower()}"


class Table:
    """Resources of one kind by name, in which case does not matter.

    Args:
        kind: As in their ARNs.
        label: As in messages, where that differs.
    """

    def __init__(self, kind: str, label: str = "") -> None:
        self.kind = kind
        self.label = label or kind
        self._records: dict[str, Record] = {}

    def add(self, name: str, record: Record) -> Record:
        """Keeps a new resource with its times.

        Raises:
            ServiceError: There is one of this name.
        """
        if name in self:
            raise ServiceError(
                "ValidationException",
                f'Cannot create already existing {self.label} "{arn(self.kind, name)}".',
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
                f'Could not find {self.label} "{arn(self.kind, name)}".',
            ) from None

    def listed(self, request: Record, keys: tuple[str, ...], status: str = "") -> Record:
        """Returns a page of what List operations answer, without the list's name.

        Args:
            request: Filters, order and page, named as in all of them.
            keys: What a summary has.
            status: Key of the status that StatusEquals asks for.

        Returns:
            The summaries under "", and NextToken where there is more.
        """
        found = [record for record in self if _asked_for(record, keys[0], request, status)]
        by = {"Name": keys[0], "Status": status}.get(request.get("SortBy", ""), "CreationTime")
        found.sort(key=lambda record: record[by], reverse=request.get("SortOrder") != "Ascending")
        start = int(request.get("NextToken") or 0)
        end = start + request.get("MaxResults", PAGE)
        page = [{key: record[key] for key in keys} for record in found[start:end]]
        return {"": page, "NextToken": str(end)} if end < len(found) else {"": page}

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


def _asked_for(record: Record, name: str, request: Record, status: str) -> bool:
    limits = [
        (record[f"{time}Time"], _moment(request[f"{time}Time{side}"]), side)
        for time in ("Creation", "LastModified")
        for side in ("Before", "After")
        if f"{time}Time{side}" in request
    ]
    return (
        request.get("NameContains", "").lower() in record[name].lower()
        and all(at < limit if side == "Before" else at > limit for at, limit, side in limits)
        and request.get("StatusEquals", record.get(status)) == record.get(status)
    )


def _moment(value: Any) -> datetime:
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
