"""Statistics of metric data over periods.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

BASIC = ("SampleCount", "Sum", "Average", "Minimum", "Maximum")
PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")

Values = list[float | None]
"""One value a period, the oldest first; None where there are no data."""


class UnknownStatisticError(ValueError):
    """A statistic that is not computed here."""


@dataclass(frozen=True, slots=True)
class Datum:
    """What was published at one time: a value, a value seen several times, or a statistic set.

    Attributes:
        at: Seconds since 1970.
        count: Samples.
        total: Their sum.
        low: The smallest.
        high: The largest.
        unit: Such as "Microseconds".
    """

    at: float
    count: float
    total: float
    low: float
    high: float
    unit: str = "None"

    @classmethod
    def of(cls, at: float, value: float, count: float = 1, unit: str = "None") -> Datum:
        """Returns a value that was seen so many times."""
        return cls(at, count, value * count, value, value, unit)


def known(name: str) -> bool:
    """Returns whether a statistic is computed here."""
    return name in BASIC or PERCENTILE.fullmatch(name) is not None


def statistic(data: Sequence[Datum], name: str) -> float | None:
    """Returns a statistic, None if there are no data for it.

    Args:
        data: Of one period.
        name: One of BASIC, or a percentile such as "p99".

    Raises:
        UnknownStatisticError: It is something else, such as a trimmed mean.
    """
    if not known(name):
        raise UnknownStatisticError(
            f"The rehearsal does not compute the statistic {name}: it knows "
            f"{', '.join(BASIC)} and percentiles such as p99."
        )
    count = sum(datum.count for datum in data)
    if not count:
        return None
    total = sum(datum.total for datum in data)
    basic = {
        "SampleCount": count,
        "Sum": total,
        "Average": total / count,
        "Minimum": min(datum.low for datum in data),
        "Maximum": max(datum.high for datum in data),
    }
    return basic[name] if name in basic else percentile(data, float(name[1:]))


def percentile(data: Iterable[Datum], share: float) -> float | None:
    """Returns a percentile, between two values by linear interpolation.

    There is none if a value is negative or a statistic set hides different values.
    """
    ordered = sorted(data, key=lambda datum: datum.low)
    if not ordered or any(datum.low < 0 or datum.low != datum.high for datum in ordered):
        return None
    reached = list(accumulate(datum.count for datum in ordered))
    rank = share / 100 * max(0.0, reached[-1] - 1)

    def at(place: int) -> float:
        return next(
            (datum.low for datum, end in zip(ordered, reached, strict=True) if place < end),
            ordered[-1].low,
        )

    below = int(rank)
    return at(below) + (rank - below) * (at(below + 1) - at(below))


def windows(data: Iterable[Datum], name: str, *, period: float, end: float, count: int) -> Values:
    """Returns a statistic of each of the last periods before a time.

    Args:
        data: In any order.
        name: The statistic.
        period: Seconds.
        end: When the last period ends; what came at that very time belongs to the next one.
        count: Number of periods.
    """
    periods: list[list[Datum]] = [[] for _ in range(count)]
    start = end - period * count
    for datum in data:
        if start <= datum.at < end:
            periods[int((datum.at - start) // period)].append(datum)
    return [statistic(each, name) for each in periods]


def of_unit(data: Iterable[Datum], unit: str | None) -> list[Datum]:
    """Returns the data of a unit, all of them if none is asked for."""
    return [datum for datum in data if unit is None or datum.unit == unit]
