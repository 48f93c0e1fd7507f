"""What Application Auto Scaling keeps, and what it needs of others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from rehearsal.emulator.errors import ServiceError

Record = dict[str, Any]
Key = tuple[str, str, str]
"""Namespace, resource ID and dimension: what a scalable target is known by."""

IDENTITY = ("ServiceNamespace", "ResourceId", "ScalableDimension")


class Resource(Protocol):
    """The capacity of something that scales."""

    @property
    def noun(self) -> str:
        """What the capacity is called, such as "desired instance count"."""

    def current(self) -> int:
        """Returns its capacity.

        Raises:
            ServiceError: It is not there.
        """

    def change(self, capacity: int) -> None:
        """Sets its capacity and returns when that is done.

        Raises:
            ServiceError: Its service refuses, or fails to.
        """


Find = Callable[[Key], Resource]
"""Returns a resource; raises ServiceError if the dimension is none that scales here."""


class Alarms(Protocol):
    """The account's alarms."""

    def put(self, alarm: Record) -> None:
        """Creates or updates an alarm."""

    def remove(self, name: str) -> None:
        """Deletes an alarm."""

    def all(self) -> list[Record]:
        """Returns every alarm."""


@dataclass(frozen=True)
class Call:
    """An alarm that calls a policy.

    Attributes:
        policy_arn: The policy.
        alarm: The alarm.
        values: What it judged, the oldest first.
    """

    policy_arn: str
    alarm: Mapping[str, Any]
    values: tuple[float, ...]


@dataclass(frozen=True)
class Place:
    """Where the account is.

    Attributes:
        region: Such as "us-east-1".
        account: Its number.
        now: Its time.
    """

    region: str
    account: str
    now: Callable[[], datetime]

    def arn(self, service: str, resource: str) -> str:
        """Returns the ARN of a resource."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"


def key(request: Mapping[str, Any]) -> Key:
    """Returns the target that a request is about."""
    namespace, resource, dimension = (request[name] for name in IDENTITY)
    return namespace, resource, dimension


def identity(target: Key) -> Record:
    """Returns a target as requests and answers name it."""
    return dict(zip(IDENTITY, target, strict=True))


def selected(request: Mapping[str, Any], record: Mapping[str, Any]) -> bool:
    """Returns whether a Describe request asks for a record."""
    return all(record[name] == request[name] for name in IDENTITY if name in request)


def listed(
    request: Mapping[str, Any], records: Iterable[dict[str, Any]], name: str
) -> list[dict[str, Any]]:
    """Returns the records that a Describe request asks for, in their order.

    Args:
        request: Names a target, or some records by a list such as "PolicyNames", or neither.
        records: All there are.
        name: Member of a record that the list is of, such as "PolicyName".
    """
    wanted = request.get(f"{name}s")
    return [
        record
        for record in records
        if selected(request, record) and (not wanted or record[name] in wanted)
    ]


def new_id() -> str:
    """Returns an ID such as the service makes up."""
    return str(uuid.uuid4())


def invalid(message: str) -> ServiceError:
    """Returns the error for what the service does not accept."""
    return ServiceError("ValidationException", message)


def not_found(what: str, target: Key) -> ServiceError:
    """Returns the error for what is not there."""
    return ServiceError(
        "ObjectNotFoundException",
        f"No {what} found for service namespace: {target[0]}, resource ID: {target[1]}, "
        f"scalable dimension: {target[2]}",
    )
