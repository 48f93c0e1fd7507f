"""Scaling policies: what is accepted, and the alarms of those that track a target."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from math import inf
from typing import Any

from rehearsal.emulator.autoscaling import metrics
from rehearsal.emulator.autoscaling.records import (
    Alarms,
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
from rehearsal.emulator.autoscaling.targets import Targets
from rehearsal.emulator.errors import ServiceError
from rehearsal.emulator.metrics.expressions import ExpressionError, names

MAX_POLICIES = 50
MAX_STEPS = 20
"""https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-quotas.html"""

TRACKING = "TargetTrackingScalingPolicyConfiguration"
STEPS = "StepScalingPolicyConfiguration"
CONFIGURATIONS = {"TargetTrackingScaling": TRACKING, "StepScaling": STEPS}


class Policies:
    """PutScalingPolicy and its kin.

    Args:
        targets: The registered targets.
        alarms: The account's alarms.
        place: The account.

    Attributes:
        records: Policies by their ARN.
    """

    def __init__(self, targets: Targets, alarms: Alarms, place: Place) -> None:
        self.targets = targets
        self.alarms = alarms
        self.place = place
        self.records: dict[str, Record] = {}
        targets.forget.append(self.remove_all)

    def put_scaling_policy(self, request: Record) -> Record:
        """Creates a policy, or replaces what it does."""
        target, name = key(request), request["PolicyName"]
        self.targets.get(target)
        known = next((p for p in self.of(target) if p["PolicyName"] == name), None)
        kind = request.get("PolicyType") or (known["PolicyType"] if known else "StepScaling")
        settings = request.get(CONFIGURATIONS.get(kind, ""))
        if settings is None:
            raise invalid(f"The configuration of a policy of type {kind} is missing or unknown.")
        if known and known["PolicyType"] != kind:
            raise invalid(f"{name} is of type {known['PolicyType']}, which cannot change.")
        others = [p for p in self.of(target) if p is not known]
        if len(others) >= MAX_POLICIES:
            raise ServiceError(
                "LimitExceededException", f"{target[1]} has {MAX_POLICIES} scaling policies."
            )
        if kind == "TargetTrackingScaling":
            check_tracking(target, settings, others)
        else:
            check_steps(target, settings)
        policy = known or self._new(target, name, kind)
        policy[CONFIGURATIONS[kind]] = settings
        self.records[policy["PolicyARN"]] = policy
        if kind == "TargetTrackingScaling":
            self._make_alarms(target, policy)
        return {"PolicyARN": policy["PolicyARN"], "Alarms": self._alarms(policy)}

    def describe_scaling_policies(self, request: Record) -> Record:
        """Returns policies with their alarms, the oldest first."""
        found = listed(request, self.records.values(), "PolicyName")
        return {"ScalingPolicies": [{**p, "Alarms": self._alarms(p)} for p in found]}

    def delete_scaling_policy(self, request: Record) -> None:
        """Forgets a policy and the alarms that it made."""
        target = key(request)
        found = [p for p in self.of(target) if p["PolicyName"] == request["PolicyName"]]
        if not found:
            raise not_found("scaling policy", target)
        self._remove(found[0])

    def remove_all(self, target: Key) -> None:
        """Forgets a target's policies."""
        for policy in self.of(target):
            self._remove(policy)

    def of(self, target: Key) -> list[Record]:
        """Returns a target's policies."""
        return [policy for policy in self.records.values() if key(policy) == target]

    def calm(self, target: Key) -> bool:
        """Returns whether every policy that may scale in by tracking is ready to."""
        states = {alarm["AlarmName"]: alarm["StateValue"] for alarm in self.alarms.all()}
        low = [
            states.get(alarm["AlarmName"])
            for policy in self.of(target)
            for alarm in self._alarms(policy)
            if policy["PolicyType"] == "TargetTrackingScaling"
            and "-AlarmLow-" in alarm["AlarmName"]
        ]
        return all(state == "ALARM" for state in low)

    def _make_alarms(self, target: Key, policy: Record) -> None:
        self._remove_alarms(policy)
        for alarm in metrics.alarms(target, policy["PolicyARN"], policy[TRACKING]):
            self.alarms.put(alarm)

    def _remove(self, policy: Record) -> None:
        del self.records[policy["PolicyARN"]]
        if policy["PolicyType"] == "TargetTrackingScaling":
            self._remove_alarms(policy)

    def _remove_alarms(self, policy: Record) -> None:
        for alarm in self._alarms(policy):
            self.alarms.remove(alarm["AlarmName"])

    def _alarms(self, policy: Record) -> list[Record]:
        return [
            {"AlarmName": alarm["AlarmName"], "AlarmARN": alarm["AlarmArn"]}
            for alarm in self.alarms.all()
            if any(
                policy["PolicyARN"] in (alarm.get(actions) or [])
                for actions in ("AlarmActions", "OKActions", "InsufficientDataActions")
            )
        ]

    def _new(self, target: Key, name: str, kind: str) -> Record:
        return {
            **identity(target),
            "PolicyARN": self.place.arn(
                "autoscaling",
                f"scalingPolicy:{new_id()}:resource/{target[0]}/{target[1]}:policyName/{name}",
            ),
            "PolicyName": name,
            "PolicyType": kind,
            "CreationTime": self.place.now(),
        }


def check_tracking(target: Key, settings: Mapping[str, Any], others: list[Record]) -> None:
    """Raises ServiceError for a target tracking configuration that is not accepted."""
    specifications = ("PredefinedMetricSpecification", "CustomizedMetricSpecification")
    if sum(name in settings for name in specifications) != 1:
        raise invalid("Give either a predefined or a customized metric to track.")
    if not 0 < settings["TargetValue"] < 2.0**360:
        raise invalid(f"The target value {settings['TargetValue']} is out of range.")
    _check_cooldowns(settings, "ScaleOutCooldown", "ScaleInCooldown")
    watched = metrics.watched(target, settings)
    if any(TRACKING in o and metrics.watched(target, o[TRACKING]) == watched for o in others):
        raise invalid(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed."
        )
    queries = watched.get("Metrics", [])
    returned = [query for query in queries if query.get("ReturnData", True)]
    if queries and len(returned) != 1:
        raise invalid("Exactly one of Metrics may have ReturnData true.")
    try:
        for query in queries:
            names(query.get("Expression", "0"))
    except ExpressionError as error:
        raise invalid(str(error)) from None


def check_steps(target: Key, settings: Mapping[str, Any]) -> None:
    """Raises ServiceError for a step configuration that is not accepted."""
    if target[0] == "lambda":
        raise invalid("StepScaling is not supported for Lambda.")
    steps = settings.get("StepAdjustments", [])
    kind = settings.get("AdjustmentType")
    if kind is None or not steps:
        raise invalid("AdjustmentType and at least one StepAdjustment are required.")
    if len(steps) > MAX_STEPS:
        raise ServiceError("LimitExceededException", f"More than {MAX_STEPS} step adjustments.")
    if "MinAdjustmentMagnitude" in settings and kind != "PercentChangeInCapacity":
        raise invalid("MinAdjustmentMagnitude is for PercentChangeInCapacity alone.")
    if kind == "ExactCapacity" and any(step["ScalingAdjustment"] < 0 for step in steps):
        raise invalid("ScalingAdjustment of ExactCapacity cannot be negative.")
    _check_cooldowns(settings, "Cooldown")
    bands = sorted(
        (step.get("MetricIntervalLowerBound", -inf), step.get("MetricIntervalUpperBound", inf))
        for step in steps
    )
    if any(low >= high or (low, high) == (-inf, inf) for low, high in bands):
        raise invalid("A step's lower bound must be below its upper bound, and one be given.")
    if any(below[1] != above[0] for below, above in pairwise(bands)):
        raise invalid("Step adjustments must neither overlap nor leave a gap.")
    if bands[0][0] < 0 and bands[0][0] != -inf:
        raise invalid("With a negative lower bound, one step must have no lower bound.")
    if bands[-1][1] > 0 and bands[-1][1] != inf:
        raise invalid("With a positive upper bound, one step must have no upper bound.")


def _check_cooldowns(settings: Mapping[str, Any], *names_: str) -> None:
    for name in names_:
        if settings.get(name, 0) < 0:
            raise invalid(f"{name} cannot be negative.")
