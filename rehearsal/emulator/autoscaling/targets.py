"""Scalable targets, and the history of what was done to them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from rehearsal.emulator.autoscaling.capacity import bounded
from rehearsal.emulator.autoscaling.records import (
    Find,
    Key,
    Place,
    Record,
    identity,
    invalid,
    key,
    listed,
    new_id,
    not_found,
    selected,
)
from rehearsal.emulator.errors import ServiceError

SUSPENDED = (
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
)
ROLES = {
    "sagemaker": ("sagemaker", "SageMakerEndpoint"),
    "lambda": ("lambda", "LambdaConcurrency"),
    "ecs": ("ecs", "ECSService"),
}
"""Namespace -> service principal and suffix of the service-linked role."""


class Activities:
    """DescribeScalingActivities: what was scaled, what was not, and why.

    Args:
        place: The account.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._records: list[Record] = []

    def begin(self, target: Key, description: str, cause: str) -> Record:
        """Notes that something is going on; the status follows in the record."""
        record = {
            **identity(target),
            "ActivityId": new_id(),
            "Description": description,
            "Cause": cause,
            "StartTime": self.place.now(),
            "StatusCode": "InProgress",
        }
        self._records.append(record)
        return record

    def end(self, record: Record, status: str, message: str) -> None:
        """Notes how an activity ended."""
        record.update(StatusCode=status, StatusMessage=message, EndTime=self.place.now())

    def not_scaled(self, target: Key, cause: str, reason: Record) -> None:
        """Notes why nothing was scaled, unless that is what was noted last."""
        last = next((r for r in reversed(self._records) if key(r) == target), {})
        if last.get("NotScaledReasons") == [reason] and last["Cause"] == cause:
            return
        record = self.begin(target, "Attempting to scale due to alarm triggered", cause)
        record.update(StatusCode="Failed", NotScaledReasons=[reason])

    def describe_scaling_activities(self, request: Record) -> Record:
        """Returns activities, the newest first."""
        every = request.get("IncludeNotScaledActivities", False)
        found = [
            record
            for record in reversed(self._records)
            if selected(request, record) and (every or "NotScaledReasons" not in record)
        ]
        return {"ScalingActivities": found}


class Targets:
    """RegisterScalableTarget and its kin.

    Args:
        find: Gives the resource of a target.
        activities: The history.
        place: The account.

    Attributes:
        records: Targets by what they are known by.
        forget: Called with a target that is deregistered.
    """

    def __init__(self, find: Find, activities: Activities, place: Place) -> None:
        self.find = find
        self.activities = activities
        self.place = place
        self.records: dict[Key, Record] = {}
        self.forget: list[Callable[[Key], None]] = []

    def get(self, target: Key) -> Record:
        """Returns a target.

        Raises:
            ServiceError: It is not registered.
        """
        try:
            return self.records[target]
        except KeyError:
            raise not_found("scalable target", target) from None

    def register_scalable_target(self, request: Record) -> Record:
        """Registers a target, or changes what the request names of it."""
        target = key(request)
        known = self.records.get(target)
        bounds: Record = {n: request[n] for n in ("MinCapacity", "MaxCapacity") if n in request}
        if known is None and len(bounds) < 2:  # noqa: PLR2004
            raise invalid("MinCapacity and MaxCapacity are required to register a scalable target.")
        low, high = self.check_bounds({**(known or {}), **bounds})
        resource = self.find(target)
        try:
            current = resource.current()
        except ServiceError as error:
            if known is None:
                raise invalid(f"{target[1]} is not there to be scaled: {error}") from None
            current = low
        record = known or self._new(target)
        suspended = {**record["SuspendedState"], **request.get("SuspendedState", {})}
        record.update(bounds, SuspendedState=suspended)
        self.records[target] = record
        self.adjust(target, current, f"minimum capacity was set to {low}", high)
        return {"ScalableTargetARN": record["ScalableTargetARN"]}

    def describe_scalable_targets(self, request: Record) -> Record:
        """Returns targets, the oldest first."""
        return {"ScalableTargets": listed(request, self.records.values(), "ResourceId")}

    def deregister_scalable_target(self, request: Record) -> None:
        """Forgets a target with its policies and scheduled actions; its capacity stays."""
        target = key(request)
        self.get(target)
        for forget in self.forget:
            forget(target)
        del self.records[target]

    def bound(self, target: Key, bounds: Record, cause: str) -> None:
        """Sets bounds at a scheduled time and brings the capacity between them.

        Raises:
            ServiceError: They are out of order, or the resource is not there.
        """
        record = self.get(target)
        _, high = self.check_bounds({**record, **bounds})
        record.update(bounds)
        self.adjust(target, self.find(target).current(), cause, high)

    def adjust(self, target: Key, current: int, cause: str, high: int) -> None:
        """Brings a capacity that is outside its target's bounds to the nearer one."""
        record = self.records[target]
        wanted = bounded(current, record["MinCapacity"], record["MaxCapacity"])
        if wanted < current and cause.startswith("minimum"):
            cause = f"maximum capacity was set to {high}"
        if wanted != current:
            self.change(target, wanted, cause)

    def change(self, target: Key, capacity: int, cause: str) -> bool:
        """Sets a capacity, notes it in the history, and returns whether it was done."""
        resource = self.find(target)
        activity = self.activities.begin(target, f"Setting {resource.noun} to {capacity}.", cause)
        try:
            resource.change(capacity)
        except ServiceError as error:
            self.activities.end(
                activity, "Failed", f"Failed to set {resource.noun} to {capacity}. Reason: {error}"
            )
            return False
        self.activities.end(
            activity,
            "Successful",
            f"Successfully set {resource.noun} to {capacity}. "
            f"Change successfully fulfilled by {target[0]}.",
        )
        return True

    def check_bounds(self, bounds: Record) -> tuple[int, int]:
        """Returns minimum and maximum.

        Raises:
            ServiceError: They are negative or out of order.
        """
        low, high = bounds["MinCapacity"], bounds["MaxCapacity"]
        if low < 0 or high < 0:
            raise invalid(f"Capacity cannot be negative: {low} to {high}.")
        if high < low:
            raise invalid(
                f"Maximum capacity ({high}) cannot be less than minimum capacity ({low})."
            )
        return low, high

    def _new(self, target: Key) -> Record:
        service, suffix = ROLES.get(target[0], (target[0], target[0]))
        short = hashlib.sha256("|".join(target).encode()).hexdigest()[:34]
        return {
            **identity(target),
            "RoleARN": f"arn:aws:iam::{self.place.account}:role/aws-service-role/{service}."
            "application-autoscaling.amazonaws.com/"
            f"AWSServiceRoleForApplicationAutoScaling_{suffix}",
            "CreationTime": self.place.now(),
            "SuspendedState": dict.fromkeys(SUSPENDED, False),
            "ScalableTargetARN": self.place.arn(
                "application-autoscaling", f"scalable-target/{short}"
            ),
        }
