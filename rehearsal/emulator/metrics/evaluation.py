"""The state of an alarm, from its settings and the data of its metrics.

Sources: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation-window.html
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rehearsal.emulator.metrics import statistics
from rehearsal.emulator.metrics.expressions import Query, names, resolve
from rehearsal.emulator.metrics.statistics import Values

Alarm = Mapping[str, Any]
Fetch = Callable[[Mapping[str, Any], float, int], Values]
"""(MetricStat, end of the last period, number of periods) -> values."""

MINUTE = 60
FURTHER_BACK = 2
"""Periods before EvaluationPeriods that may stand in for missing ones, as in the guide's example:
how many CloudWatch takes for other alarms is not documented."""

COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}


@dataclass(frozen=True)
class Verdict:
    """What an evaluation found.

    Attributes:
        state: OK, ALARM or INSUFFICIENT_DATA.
        reason: In CloudWatch's words.
        data: StateReasonData.
        values: The values that were judged, the oldest first.
    """

    state: str
    reason: str
    data: str
    values: tuple[float, ...]


def queries(alarm: Alarm) -> list[Query]:
    """Returns what an alarm watches, as MetricDataQueries."""
    if alarm.get("Metrics"):
        return list(alarm["Metrics"])
    if not alarm.get("MetricName"):
        return []
    metric = {
        "Namespace": alarm["Namespace"],
        "MetricName": alarm["MetricName"],
        "Dimensions": alarm.get("Dimensions") or [],
    }
    stat = {
        "Metric": metric,
        "Period": int(alarm.get("Period") or MINUTE),
        "Stat": alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average",
    }
    if alarm.get("Unit"):
        stat["Unit"] = alarm["Unit"]
    return [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]


def watched(alarm: Alarm) -> str:
    """Returns the ID of the query whose values are compared with the threshold."""
    returned = [query["Id"] for query in queries(alarm) if query.get("ReturnData", True)]
    if len(returned) != 1:
        raise ValueError(f"{alarm['AlarmName']} returns {returned}: exactly one query may.")
    return str(returned[0])


def period(alarm: Alarm) -> int:
    """Returns the length of an alarm's periods in seconds."""
    periods = [
        int(query["MetricStat"].get("Period") or MINUTE)
        for query in queries(alarm)
        if "MetricStat" in query
    ]
    return max(periods, default=MINUTE)


def check(alarm: Alarm) -> None:
    """Holds an alarm against what can be evaluated here.

    Raises:
        ValueError: It watches an anomaly band, a query, a function of metric math or a statistic
            that is not computed here.
    """
    name = alarm.get("AlarmName")
    if alarm.get("ComparisonOperator") not in COMPARISONS:
        raise ValueError(
            f"The rehearsal does not evaluate {alarm.get('ComparisonOperator')}, as {name} asks."
        )
    if "EvaluationWindow" in alarm and "SlidingWindow" not in alarm["EvaluationWindow"]:
        raise ValueError(f"The rehearsal evaluates sliding windows only, unlike {name}.")
    asked = queries(alarm)
    for query in asked:
        if "MetricStat" not in query:
            names(query["Expression"])
        elif not statistics.known(query["MetricStat"]["Stat"]):
            raise ValueError(
                f"The rehearsal does not compute {query['MetricStat']['Stat']}, as {name} asks."
            )
    if alarm.get("Metrics"):
        watched(alarm)
    most = int(alarm.get("EvaluationPeriods") or 1)
    if not 1 <= int(alarm.get("DatapointsToAlarm") or most) <= most:
        raise ValueError(f"{name}: DatapointsToAlarm must be from 1 to EvaluationPeriods, {most}.")


def interval(alarm: Alarm) -> int:
    """Returns after how many seconds an alarm is evaluated again."""
    return min(period(alarm), MINUTE)


def evaluate(alarm: Alarm, fetch: Fetch, now: float) -> Verdict | None:
    """Returns an alarm's state at a time, None if nothing can be said of it.

    The window slides: it ends with the last full minute, or the last full period of a
    high-resolution alarm.
    """
    known = COMPARISONS.get(alarm.get("ComparisonOperator") or "")
    asked = queries(alarm)
    if known is None or not asked:
        return None
    compare, _ = known
    end = now // interval(alarm) * interval(alarm)
    needed = int(alarm["EvaluationPeriods"])
    length = needed + FURTHER_BACK
    found = resolve(asked, lambda stat: fetch(stat, end, length))[watched(alarm)]
    breaching = [None if v is None else compare(v, alarm["Threshold"]) for v in found]
    rule = Rule(
        periods=needed,
        to_alarm=int(alarm.get("DatapointsToAlarm") or needed),
        missing=alarm.get("TreatMissingData") or "missing",
    )
    state = rule.state(breaching, alarm["StateValue"])
    return _verdict(alarm, rule, state, found, end)


@dataclass(frozen=True)
class Rule:
    """How many data points make an alarm, and what missing ones are taken for.

    Attributes:
        periods: EvaluationPeriods.
        to_alarm: DatapointsToAlarm.
        missing: TreatMissingData.
    """

    periods: int
    to_alarm: int
    missing: str

    def state(self, breaching: Sequence[bool | None], before: str) -> str:
        """Returns an alarm's state.

        Args:
            breaching: Whether each period of the evaluation range breaches the threshold, the
                oldest first; None where data are missing.
            before: The state until now.
        """
        real = [each for each in breaching if each is not None]
        if len(real) >= self.periods:
            return "ALARM" if sum(real[-self.periods :]) >= self.to_alarm else "OK"
        if self.missing in ("breaching", "notBreaching"):
            filled = self.periods - len(real) if self.missing == "breaching" else 0
            return "ALARM" if sum(real) + filled >= self.to_alarm else "OK"
        if not real:
            return before if self.missing == "ignore" else "INSUFFICIENT_DATA"
        if sum(real) >= self.to_alarm:
            return "ALARM"
        if not all(real):
            return "OK"
        # Only breaching ones, but few: an alarm as soon as the oldest is old enough, for what
        # came after it cannot be said to be better.
        age = len(breaching) - next(i for i, each in enumerate(breaching) if each is not None)
        old_enough = age >= self.to_alarm and self.missing == "missing"
        return "ALARM" if old_enough else before


def _verdict(alarm: Alarm, rule: Rule, state: str, found: Values, end: float) -> Verdict:
    length = period(alarm)
    first = end - length * len(found)
    judged = [(v, first + i * length) for i, v in enumerate(found) if v is not None]
    judged = judged[-rule.periods :]
    values = tuple(value for value, _ in judged)
    data: dict[str, Any] = {
        "version": "1.0",
        "queryDate": _stamp(end),
        "startDate": _stamp(judged[0][1] if judged else end - length * rule.periods),
        "period": length,
        "recentDatapoints": list(values),
        "threshold": alarm["Threshold"],
    }
    if alarm.get("MetricName"):
        data["statistic"] = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    return Verdict(state, _reason(alarm, rule, state, judged), json.dumps(data), values)


def _reason(alarm: Alarm, rule: Rule, state: str, judged: list[tuple[float, float]]) -> str:
    missing = rule.periods - len(judged)
    if state == "INSUFFICIENT_DATA":
        return f"Insufficient Data: {_count(missing)} unknown."
    if not judged:
        taken = "Breaching" if rule.missing == "breaching" else "NonBreaching"
        return (
            f"Threshold Crossed: no datapoints were received for {_plural(rule.periods, 'period')} "
            f"and {_plural(missing, 'missing datapoint')} "
            f"{'was' if missing == 1 else 'were'} treated as [{taken}]."
        )
    compare, words = COMPARISONS[alarm["ComparisonOperator"]]
    hits = [each for each in judged if compare(each[0], alarm["Threshold"]) == (state == "ALARM")]
    points = ", ".join(
        f"{float(value)} ({datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S})"
        for value, at in reversed(hits)
    )
    least = rule.to_alarm if state == "ALARM" else rule.periods - rule.to_alarm + 1
    return (
        f"Threshold Crossed: {len(hits)} out of the last {_plural(rule.periods, 'datapoint')} "
        f"[{points}] {'was' if len(hits) == 1 else 'were'} {'' if state == 'ALARM' else 'not '}"
        f"{words} the threshold ({float(alarm['Threshold'])}) (minimum "
        f"{_plural(least, 'datapoint')} for {'OK -> ALARM' if state == 'ALARM' else 'ALARM -> OK'} "
        "transition)."
    )


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _count(number: int) -> str:
    return f"{_plural(number, 'datapoint')} {'was' if number == 1 else 'were'}"


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
