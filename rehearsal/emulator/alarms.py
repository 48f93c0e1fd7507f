"""CloudWatch's alarms on the rehearsal's clock: evaluated each minute, heard by those they name."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from rehearsal.emulator import clock, host, host_cloudwatch
from rehearsal.emulator.autoscaling.records import Call
from rehearsal.emulator.metrics import evaluation
from rehearsal.emulator.metrics.reading import Reader

log = logging.getLogger(__name__)

Alarm = dict[str, Any]

TICK = 10
"""Seconds after which a high-resolution alarm may be evaluated again."""

ACTIONS = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}
SCALING_POLICY = ":scalingPolicy:"


class Watch:
    """Evaluates the alarms and tells those whom they name.

    Args:
        scale: Does what scaling policies ask for that alarms call at the same time.
    """

    def __init__(self, scale: Callable[[Sequence[Call]], None]) -> None:
        self.scale = scale
        self.reader = Reader(host_cloudwatch.data, host_cloudwatch.seconds)
        self._lock = RLock()
        self._seen = clock.now().timestamp()
        self._values: dict[str, tuple[float, ...]] = {}
        self._states: dict[str, dict[str, Any]] = {}
        self._calls: list[Call] | None = None

    def register(self) -> None:
        """Takes MiniStack's place."""
        host_cloudwatch.judge_alarms_by(self.judge)
        host_cloudwatch.act_on_alarms_by(self.act)
        host_cloudwatch.read_metrics_by(
            self.reader.get_metric_data, self.reader.get_metric_statistics
        )
        host_cloudwatch.accept_metric_math(evaluation.check)

    def each_minute(self) -> None:
        """Evaluates every alarm whose time has come; scaling happens before this returns."""
        now = clock.now().timestamp()
        first = self._seen // TICK * TICK + TICK
        self._seen = now
        for at in _steps(first, now):
            self._evaluate_all(at)

    def judge(self, alarm: Alarm) -> None:
        """Evaluates an alarm now, as after it was changed or data arrived."""
        self._evaluate(alarm, clock.now().timestamp())

    def act(self, alarm: Alarm, before: str, state: str, reason: str) -> None:
        """Tells those whom an alarm names for its new state, and EventBridge."""
        name = alarm["AlarmName"]
        now = {"value": state, "reason": reason, "timestamp": _stamp(clock.now())}
        if alarm.get("StateReasonData"):
            now["reasonData"] = alarm["StateReasonData"]
        previous = self._states.get(name, {"value": before})
        self._states[name] = now
        detail = {
            "alarmName": name,
            "state": now,
            "previousState": previous,
            "configuration": _configuration(alarm),
        }
        host_cloudwatch.emit("CloudWatch Alarm State Change", alarm["AlarmArn"], detail)
        if not alarm.get("ActionsEnabled", True):
            return
        for action in alarm.get(ACTIONS[state]) or ():
            if ":sns:" in action:
                self._publish(alarm, action, before)
            elif SCALING_POLICY in action:
                self._call(action, alarm)
            else:
                log.error("the rehearsal does not perform %s of %s", action, name)

    def _evaluate_all(self, at: float) -> None:
        with self._lock:
            self._calls = []
            for alarm in host_cloudwatch.alarms():
                if at % evaluation.interval(alarm):
                    continue
                before = alarm["StateValue"]
                self._evaluate(alarm, at)
                if before == alarm["StateValue"] and alarm.get("ActionsEnabled", True):
                    # Policies are called for as long as the state lasts, everybody else once.
                    for action in alarm.get(ACTIONS[before]) or ():
                        if SCALING_POLICY in action:
                            self._call(action, alarm)
            calls, self._calls = self._calls, None
        if calls:
            self.scale(calls)

    def _evaluate(self, alarm: Alarm, at: float) -> None:
        with self._lock:
            try:
                verdict = evaluation.evaluate(alarm, self.reader.values, at)
            except ValueError as error:
                log.error("%s cannot be evaluated: %s", alarm["AlarmName"], error)
                return
            if verdict is None:
                return
            self._values[alarm["AlarmName"]] = verdict.values
            if verdict.state != alarm["StateValue"]:
                log.info("%s: %s, %s", alarm["AlarmName"], verdict.state, verdict.reason)
                host_cloudwatch.set_alarm(alarm, verdict.state, verdict.reason, verdict.data)

    def _call(self, policy_arn: str, alarm: Alarm) -> None:
        values = self._values.get(alarm["AlarmName"], ())
        call = Call(policy_arn, dict(alarm), values)
        if self._calls is not None:
            self._calls.append(call)
        else:
            # Whoever sent data, or set the state, need not wait until instances have started.
            host.in_background(lambda: self.scale([call]), alarm["AlarmName"])

    def _publish(self, alarm: Alarm, topic_arn: str, before: str) -> None:
        state = alarm["StateValue"]
        refused = host_cloudwatch.publish(
            topic_arn,
            alarm_arn=alarm["AlarmArn"],
            subject=f'{state}: "{alarm["AlarmName"]}" in US East (N. Virginia)'[:100],
            message=json.dumps(_message(alarm, before)),
        )
        if refused:
            log.error("%s is not heard: %s", alarm["AlarmName"], refused)


def _steps(first: float, until: float) -> Iterator[float]:
    at = first
    while at <= until:
        yield at
        at += TICK


def _stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}+0000"


def _message(alarm: Alarm, before: str) -> dict[str, Any]:
    """Returns what CloudWatch publishes to a topic."""
    trigger: dict[str, Any] = {
        "Period": evaluation.period(alarm),
        "EvaluationPeriods": alarm.get("EvaluationPeriods"),
        "DatapointsToAlarm": alarm.get("DatapointsToAlarm"),
        "ComparisonOperator": alarm.get("ComparisonOperator"),
        "Threshold": alarm.get("Threshold"),
        "TreatMissingData": alarm.get("TreatMissingData"),
    }
    if alarm.get("MetricName"):
        extended = alarm.get("ExtendedStatistic")
        trigger |= {
            "MetricName": alarm["MetricName"],
            "Namespace": alarm["Namespace"],
            "StatisticType": "ExtendedStatistic" if extended else "Statistic",
            "ExtendedStatistic" if extended else "Statistic": extended or alarm["Statistic"],
            "Unit": alarm.get("Unit"),
            "Dimensions": [
                {"name": each["Name"], "value": each["Value"]}
                for each in alarm.get("Dimensions") or ()
            ],
        }
    elif alarm.get("Metrics"):
        trigger["Metrics"] = alarm["Metrics"]
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": host.ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": _stamp(
            datetime.fromtimestamp(alarm["AlarmConfigurationUpdatedTimestamp"], UTC)
        ),
        "NewStateValue": alarm["StateValue"],
        "NewStateReason": alarm.get("StateReason"),
        "StateChangeTime": _stamp(clock.now()),
        "Region": "US East (N. Virginia)",
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": before,
        "OKActions": alarm.get("OKActions") or [],
        "AlarmActions": alarm.get("AlarmActions") or [],
        "InsufficientDataActions": alarm.get("InsufficientDataActions") or [],
        "Trigger": trigger,
    }


def _configuration(alarm: Alarm) -> dict[str, Any]:
    """Returns an alarm's settings as its events have them."""
    if "AlarmRule" in alarm:
        return {"alarmRule": alarm["AlarmRule"], "description": alarm.get("AlarmDescription", "")}
    return {
        "description": alarm.get("AlarmDescription", ""),
        "metrics": [_queried(query) for query in evaluation.queries(alarm)],
    }


def _queried(query: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if "MetricStat" not in query:
        return {**found, "expression": query["Expression"], "label": query.get("Label", "")}
    stat = query["MetricStat"]
    metric = stat["Metric"]
    found["metricStat"] = {
        "metric": {
            "namespace": metric["Namespace"],
            "name": metric["MetricName"],
            "dimensions": {d["Name"]: d["Value"] for d in metric.get("Dimensions") or ()},
        },
        "period": stat.get("Period", evaluation.MINUTE),
        "stat": stat["Stat"],
    }
    return found
