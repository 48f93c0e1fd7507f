"""When a scheduled action is due: at, rate and cron expressions, to the minute.

Sources: https://docs.aws.amazon.com/autoscaling/application/userguide/
scheduled-scaling-using-cron-expressions.html and scheduled-scaling-policy-overview.html
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MINUTE = timedelta(minutes=1)
UNITS = {"minute": 60, "hour": 3600, "day": 86400}
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (  # name, smallest, largest, names
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, DAYS),
    ("year", 1970, 2199, ()),
)

Due = Callable[[datetime], bool]
"""Whether something is due in a minute."""


class ScheduleError(ValueError):
    """An expression that is wrong, or that is not understood here."""


@dataclass(frozen=True)
class Schedule:
    """When something happens.

    Attributes:
        due: Whether it does in a minute.
        once: Whether that is only once.
    """

    due: Due
    once: bool

    def last_due(self, after: datetime, until: datetime) -> datetime | None:
        """Returns the last minute in which it is due after a time and until another."""
        minute = until.replace(second=0, microsecond=0)
        while minute > after:
            if self.due(minute):
                return minute
            minute -= MINUTE
        return None


def parse(expression: str, zone: str, start: datetime) -> Schedule:
    """Returns what an expression says.

    Args:
        expression: Such as "cron(45 7 ? * MON-FRI *)".
        zone: IANA name, for at and cron.
        start: From when a rate counts.

    Raises:
        ScheduleError: It is wrong, or not understood here.
    """
    match = re.fullmatch(r"(at|rate|cron)\((.*)\)", expression.strip())
    if match is None:
        raise ScheduleError(f"{expression} is none of at(...), rate(...) and cron(...)")
    try:
        local = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ScheduleError(f"{zone} is no time zone") from None
    kind, inner = match.groups()
    if kind == "at":
        return Schedule(_at(inner, local), once=True)
    return Schedule(_rate(inner, start) if kind == "rate" else _cron(inner, local), once=False)


def _at(text: str, zone: ZoneInfo) -> Due:
    try:
        moment = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S").replace(tzinfo=zone)
    except ValueError:
        raise ScheduleError(f"at({text}) is not of the form at(yyyy-mm-ddThh:mm:ss)") from None
    minute = moment.astimezone(UTC).replace(second=0)
    return lambda now: now == minute


def _rate(text: str, start: datetime) -> Due:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", text)
    if match is None or (match[1] == "1") == bool(match[3]):
        raise ScheduleError(f"rate({text}) is not of the form rate(1 hour) or rate(5 minutes)")
    seconds = int(match[1]) * UNITS[match[2]]
    first = start.replace(second=0, microsecond=0)

    def due(now: datetime) -> bool:
        passed = (now - first).total_seconds()
        return passed > 0 and passed % seconds == 0

    return due


def _cron(text: str, zone: ZoneInfo) -> Due:
    fields = text.split()
    if len(fields) != len(FIELDS):
        raise ScheduleError(f"cron({text}) has {len(fields)} fields, not six")
    if (fields[2] == "?") == (fields[4] == "?"):
        raise ScheduleError(f"cron({text}): either day of month or day of week is ?")
    allowed = [_values(field, *each) for field, each in zip(fields, FIELDS, strict=True)]

    def due(now: datetime) -> bool:
        local = now.astimezone(zone)
        day = local.isoweekday() % 7 + 1  # Sunday is 1
        have = (local.minute, local.hour, local.day, local.month, day, local.year)
        return all(value in field for value, field in zip(have, allowed, strict=True))

    return due


def _values(field: str, name: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if match is None:
            raise ScheduleError(
                f"The rehearsal does not understand {part!r} as {name} of a cron expression"
            )
        first, last, step = match.groups()
        if first in "*?":
            start, end = low, high
        else:
            start = _number(first, name, low, high, names)
            end = _number(last, name, low, high, names) if last else high if step else start
        found |= set(range(start, end + 1, int(step or 1)))
        if end < start:  # such as FRI-MON
            found |= set(range(start, high + 1)) | set(range(low, end + 1))
    return frozenset(found)


def _number(text: str, name: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + 1
    if not text.isdigit() or not low <= int(text) <= high:
        raise ScheduleError(
            f"The rehearsal does not understand {text!r} as {name} of a cron expression: "
            f"{low} to {high}"
        )
    return int(text)
