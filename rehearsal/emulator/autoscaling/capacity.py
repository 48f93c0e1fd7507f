"""How much capacity a policy asks for, and when it may have it.

Sources: https://docs.aws.amazon.com/autoscaling/application/userguide/
target-tracking-scaling-policy-overview.html and step-scaling-policy-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

DEFAULT_COOLDOWN = 300.0
COOLDOWNS = {"lambda:function:ProvisionedConcurrency": 0.0}
"""Of target tracking policies that name none, where it is not 300 s."""


def tracked(current: int, value: float, target: float) -> int:
    """Returns the capacity that brings a metric to its target, never too little.

    Without any capacity the metric is taken as that of one unit: a backlog per instance is
    published from none, too.
    """
    return ceil(round(max(current, 1) * value / target, 9))


def stepped(
    policy: Mapping[str, Any], current: int, *, value: float, threshold: float, above: bool
) -> int | None:
    """Returns the capacity that a step policy asks for, None if no step is for this breach.

    Args:
        policy: Its StepScalingPolicyConfiguration.
        current: Capacity that counts as the present one.
        value: Of the metric, aggregated.
        threshold: Of the alarm.
        above: Whether the alarm is one for values above its threshold.
    """
    for step in policy["StepAdjustments"]:
        if _covers(step, value - threshold, above=above):
            amount = step["ScalingAdjustment"]
            return _adjusted(policy, current, amount)
    return None


def _covers(step: Mapping[str, Any], breach: float, *, above: bool) -> bool:
    low = float(step.get("MetricIntervalLowerBound", -inf))
    high = float(step.get("MetricIntervalUpperBound", inf))
    return low <= breach < high if above else low < breach <= high


def _adjusted(policy: Mapping[str, Any], current: int, amount: int) -> int:
    kind = policy["AdjustmentType"]
    if kind == "ExactCapacity":
        return amount
    if kind == "ChangeInCapacity":
        return max(0, current + amount)
    share = current * amount / 100
    change = int(share) if abs(share) >= 1 else (share > 0) - (share < 0)
    least = policy.get("MinAdjustmentMagnitude", 0)
    if amount and abs(change) < least:
        change = least if amount > 0 else -least
    return max(0, current + change)


def aggregated(values: Sequence[float], kind: str) -> float:
    """Returns one value for the data points of an alarm's last evaluation."""
    if kind == "Minimum":
        return min(values)
    return max(values) if kind == "Maximum" else sum(values) / len(values)


@dataclass(frozen=True)
class Change:
    """A change of the capacity by a policy, which its cooldown follows.

    Attributes:
        at: Seconds since 1970.
        before: Capacity before it.
        after: Capacity that it set.
        cooldown: Seconds.
    """

    at: float
    before: int
    after: int
    cooldown: float

    @property
    def out(self) -> bool:
        """Whether it added capacity."""
        return self.after > self.before

    def cools(self, now: float) -> bool:
        """Returns whether its cooldown lasts."""
        return now < self.at + self.cooldown


def counted(current: int, last: Change | None, now: float) -> int:
    """Returns the capacity from which a policy reckons its way out.

    While the cooldown of a scale-out lasts, what it added is part of what the next one may add.
    """
    if last and last.out and last.cools(now) and last.after == current:
        return last.before
    return current


def allowed(wanted: int, current: int, last: Change | None, now: float) -> bool:
    """Returns whether a policy may change the capacity now: only the way in has to wait."""
    if wanted == current:
        return False
    return wanted > current or not (last and not last.out and last.cools(now))


def bounded(wanted: int, low: int, high: int) -> int:
    """Returns the capacity within a target's bounds."""
    return min(max(wanted, low), high)
