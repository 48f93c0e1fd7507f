"""What happens when alarms call policies: one decision for each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

from rehearsal.emulator.autoscaling.capacity import (
    COOLDOWNS,
    DEFAULT_COOLDOWN,
    Change,
    aggregated,
    allowed,
    bounded,
    counted,
    stepped,
    tracked,
)
from rehearsal.emulator.autoscaling.policies import STEPS, TRACKING, Policies
from rehearsal.emulator.autoscaling.records import Call, Key, Record, key
from rehearsal.emulator.autoscaling.targets import Targets
from rehearsal.emulator.errors import ServiceError


@dataclass(frozen=True)
class Wish:
    """What a policy asks for.

    Attributes:
        capacity: Within the target's bounds.
        beyond: What it asked for without them.
        cooldown: Seconds that follow.
        cause: For the history.
    """

    capacity: int
    beyond: int
    cooldown: float
    cause: str


class Scaler:
    """Changes capacity when policies are called.

    Args:
        targets: The registered targets.
        policies: Their policies.
    """

    def __init__(self, targets: Targets, policies: Policies) -> None:
        self.targets = targets
        self.policies = policies
        self._changes: dict[Key, Change] = {}
        self._lock = RLock()

    def act(self, calls: Sequence[Call]) -> None:
        """Does what policies ask for that alarms call at the same time."""
        with self._lock:
            by_target: dict[Key, list[tuple[Record, Call]]] = {}
            for call in calls:
                policy = self.policies.records.get(call.policy_arn)
                if policy is not None and call.values:
                    by_target.setdefault(key(policy), []).append((policy, call))
            for target, called in by_target.items():
                self._decide(target, called)

    def _decide(self, target: Key, called: list[tuple[Record, Call]]) -> None:
        try:
            current = self.targets.find(target).current()
        except ServiceError as error:
            cause = _cause(*called[0])
            activity = self.targets.activities.begin(target, "Reading the capacity.", cause)
            self.targets.activities.end(activity, "Failed", str(error))
            return
        now = self._now()
        last = self._changes.get(target)
        found = [
            wish
            for policy, call in called
            if (wish := self._wish(target, policy, call, current)) is not None
        ]
        ready = [
            wish
            for wish in found
            if allowed(wish.capacity, current, last, now)
            and not self._suspended(target, out=wish.capacity > current)
        ]
        # What would keep the capacity where it is counts as well: the largest wins.
        kept = any(wish.capacity == current and wish.beyond >= current for wish in found)
        if not ready or (kept and all(wish.capacity < current for wish in ready)):
            self._explain(target, found, current)
            return
        best = max(ready, key=lambda wish: wish.capacity)
        base = counted(current, last, now) if best.capacity > current else current
        if self.targets.change(target, best.capacity, best.cause):
            self._changes[target] = Change(now, base, best.capacity, best.cooldown)

    def _wish(self, target: Key, policy: Record, call: Call, current: int) -> Wish | None:
        record = self.targets.records[target]
        wanted = (
            self._tracked(target, policy, call, current)
            if policy["PolicyType"] == "TargetTrackingScaling"
            else self._stepped(target, policy[STEPS], call, current)
        )
        if wanted is None:
            return None
        low, high = record["MinCapacity"], record["MaxCapacity"]
        return Wish(
            bounded(wanted, low, high),
            wanted,
            _cooldown(target, policy, out=wanted > current),
            _cause(policy, call),
        )

    def _tracked(self, target: Key, policy: Record, call: Call, current: int) -> int | None:
        goal, value = policy[TRACKING]["TargetValue"], call.values[-1]
        if "-AlarmHigh-" in call.alarm["AlarmName"]:
            base = counted(current, self._changes.get(target), self._now())
            return max(current, tracked(base, value, goal)) if value > goal else None
        if not self.policies.calm(target) or not current:
            return None
        return min(current, tracked(current, value, goal))

    def _stepped(
        self, target: Key, policy: Mapping[str, Any], call: Call, current: int
    ) -> int | None:
        breach = {
            "value": aggregated(call.values, policy.get("MetricAggregationType", "Average")),
            "threshold": call.alarm["Threshold"],
        }
        above = call.alarm["ComparisonOperator"].startswith("Greater")
        wanted = stepped(policy, current, **breach, above=above)
        if wanted is None or wanted <= current:
            return wanted
        base = counted(current, self._changes.get(target), self._now())
        return max(current, stepped(policy, base, **breach, above=above) or 0)

    def _explain(self, target: Key, wishes: Sequence[Wish], current: int) -> None:
        record = self.targets.records[target]
        for wish in wishes[:1]:
            if wish.capacity != current:
                continue  # it cools, or is suspended
            reason: Record = {"Code": "AlreadyAtDesiredCapacity", "CurrentCapacity": current}
            if wish.beyond > current:
                high = record["MaxCapacity"]
                reason = {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": high}
            elif wish.beyond < current:
                low = record["MinCapacity"]
                reason = {"Code": "AlreadyAtMinCapacity", "MinCapacity": low}
            self.targets.activities.not_scaled(target, wish.cause, reason)

    def _suspended(self, target: Key, *, out: bool) -> bool:
        state = self.targets.records[target]["SuspendedState"]
        return bool(state["DynamicScalingOutSuspended" if out else "DynamicScalingInSuspended"])

    def _now(self) -> float:
        return self.targets.place.now().timestamp()


def _cause(policy: Record, call: Call) -> str:
    return (
        f"monitor alarm {call.alarm['AlarmName']} in state {call.alarm['StateValue']} triggered "
        f"policy {policy['PolicyName']}"
    )


def _cooldown(target: Key, policy: Record, *, out: bool) -> float:
    if policy["PolicyType"] == "StepScaling":
        return float(policy[STEPS].get("Cooldown", DEFAULT_COOLDOWN))
    default = COOLDOWNS.get(target[2], DEFAULT_COOLDOWN)
    return float(policy[TRACKING].get("ScaleOutCooldown" if out else "ScaleInCooldown", default))
