"""Scheduled actions: bounds that change by the clock."""

from __future__ import annotations

from datetime import UTC, datetime

from rehearsal.emulator.autoscaling.records import (
    Key,
    Place,
    Record,
    identity,
    invalid,
    key,
    listed,
    new_id,
    not_found,
)
from rehearsal.emulator.autoscaling.schedules import Schedule, ScheduleError, parse
from rehearsal.emulator.autoscaling.targets import Targets
from rehearsal.emulator.errors import ServiceError

MAX_ACTIONS = 200
OPTIONAL = ("Schedule", "Timezone", "ScalableTargetAction")


class ScheduledActions:
    """PutScheduledAction and its kin.

    Args:
        targets: The registered targets.
        place: The account.
    """

    def __init__(self, targets: Targets, place: Place) -> None:
        self.targets = targets
        self.place = place
        self._records: dict[tuple[Key, str], Record] = {}
        self._seen = place.now()
        targets.forget.append(self.remove_all)

    def put_scheduled_action(self, request: Record) -> None:
        """Creates an action, or changes what the request names of it and its times."""
        target, name = key(request), request["ScheduledActionName"]
        registered = self.targets.get(target)
        known = self._records.get((target, name))
        if known is None and sum(each == target for each, _ in self._records) >= MAX_ACTIONS:
            raise ServiceError(
                "LimitExceededException", f"{target[1]} has {MAX_ACTIONS} scheduled actions."
            )
        record = dict(known or self._new(target, name))
        for time in ("StartTime", "EndTime"):
            record.pop(time, None)
            if time in request:
                record[time] = moment(request[time])
        record.update({each: request[each] for each in OPTIONAL if each in request})
        if "Schedule" not in record or not record.get("ScalableTargetAction"):
            raise invalid("Schedule and ScalableTargetAction with a capacity are required.")
        self.targets.check_bounds({**registered, **record["ScalableTargetAction"]})
        if record.get("StartTime", self.place.now()) >= record.get("EndTime", LATER):
            raise invalid("StartTime must be before EndTime.")
        self._schedule(record)
        self._records[target, name] = record

    def describe_scheduled_actions(self, request: Record) -> Record:
        """Returns actions, the oldest first."""
        found = listed(request, self._records.values(), "ScheduledActionName")
        return {"ScheduledActions": found}

    def delete_scheduled_action(self, request: Record) -> None:
        """Forgets an action."""
        target = key(request)
        if self._records.pop((target, request["ScheduledActionName"]), None) is None:
            raise not_found("scheduled action", target)

    def remove_all(self, target: Key) -> None:
        """Forgets a target's actions."""
        self._records = {k: record for k, record in self._records.items() if k[0] != target}

    def by_arn(self) -> dict[str, Record]:
        """Returns all actions by their ARN."""
        return {record["ScheduledActionARN"]: record for record in self._records.values()}

    def each_minute(self) -> None:
        """Does what has become due since it was asked last."""
        after, now = self._seen, self.place.now()
        self._seen = now
        for (target, name), record in list(self._records.items()):
            if not self._due(record, after, now):
                continue
            if self.targets.get(target)["SuspendedState"]["ScheduledScalingSuspended"]:
                continue
            cause = f"scheduled action name {name} was triggered"
            try:
                self.targets.bound(target, record["ScalableTargetAction"], cause)
            except ServiceError as error:
                activity = self.targets.activities.begin(target, f"Running {name}.", cause)
                self.targets.activities.end(activity, "Failed", str(error))

    def _due(self, record: Record, after: datetime, now: datetime) -> bool:
        start, end = record.get("StartTime"), record.get("EndTime", LATER)
        if start and after < start <= now:
            return True
        minute = self._schedule(record).last_due(after, now)
        return minute is not None and (start or minute) <= minute < end

    def _schedule(self, record: Record) -> Schedule:
        start: datetime = record.get("StartTime") or record["CreationTime"]
        try:
            return parse(record["Schedule"], record.get("Timezone", "UTC"), start)
        except ScheduleError as error:
            raise invalid(str(error)) from None

    def _new(self, target: Key, name: str) -> Record:
        return {
            **identity(target),
            "ScheduledActionName": name,
            "ScheduledActionARN": self.place.arn(
                "autoscaling",
                f"scheduledAction:{new_id()}:resource/{target[0]}/{target[1]}:"
                f"scheduledActionName/{name}",
            ),
            "CreationTime": self.place.now(),
        }


LATER = datetime.max.replace(tzinfo=UTC)


def moment(value: object) -> datetime:
    """Returns a time of a request, which are seconds since 1970 or ISO 8601."""
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    if isinstance(value, datetime):
        return value
    found = datetime.fromisoformat(str(value))
    return found if found.tzinfo else found.replace(tzinfo=UTC)
