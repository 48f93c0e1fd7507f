"""CloudWatch alarms, judged minute by minute on the rehearsal's clock.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import logging
import time
from typing import Any

from rehearsal.emulator import clock, cloudwatch

log = logging.getLogger(__name__)

Alarm = dict[str, Any]

COMPARISONS = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}


def start() -> None:
    """Judges every alarm each minute, and whenever somebody publishes metrics."""
    cloudwatch.judge_alarms_by(judge)
    clock.each_minute(judge_all)


def judge_all() -> None:
    """Judges every alarm."""
    for alarm in cloudwatch.alarms():
        judge(alarm)


def judge(alarm: Alarm) -> None:
    """Moves an alarm into the state that its metric's complete periods ask for.

    Alarms on expressions, anomaly bands and Metrics Insights queries keep their state.
    """
    compare = COMPARISONS.get(alarm.get("ComparisonOperator", ""))
    if not alarm.get("Namespace") or not alarm.get("MetricName") or compare is None:
        return
    values = _periods(alarm)
    breaching = [compare(value, alarm["Threshold"]) for value in values if value is not None]
    state = decide(
        breaching,
        missing=len(values) - len(breaching),
        needed=alarm.get("DatapointsToAlarm") or alarm["EvaluationPeriods"],
        treat=alarm.get("TreatMissingData") or "missing",
        before=alarm["StateValue"],
    )
    if state != alarm["StateValue"]:
        seen = [value for value in values if value is not None]
        reason = (
            f"{len(breaching)} of the last {len(values)} datapoints {seen} were judged against the "
            f"threshold {alarm['Threshold']} ({alarm['ComparisonOperator']})."
        )
        log.info("%s: %s, %s", alarm["AlarmName"], state, reason)
        cloudwatch.set_alarm(alarm, state, reason)


def decide(breaching: list[bool], *, missing: int, needed: int, treat: str, before: str) -> str:
    """Returns an alarm's state.

    Args:
        breaching: Whether each period that has data breaches the threshold.
        missing: Periods without data.
        needed: Breaching periods that make an alarm.
        treat: What missing data are taken for, as in TreatMissingData.
        before: The state until now.
    """
    if not breaching and treat in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if treat == "missing" else before
    bad = sum(breaching) + (missing if treat == "breaching" else 0)
    if bad >= needed:
        return "ALARM"
    # What is missing could have made the difference.
    undecided = treat == "ignore" and bad + missing >= needed
    return before if undecided else "OK"


def _periods(alarm: Alarm) -> list[float | None]:
    """Returns the statistic of each of the last complete periods, newest first."""
    period = int(alarm.get("Period") or clock.MINUTE)
    end = time.time() // period * period
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions") or ()}
    return [
        cloudwatch.statistic(
            alarm["Namespace"],
            alarm["MetricName"],
            dimensions,
            alarm.get("ExtendedStatistic") or alarm.get("Statistic") or "Average",
            start=end - (number + 1) * period,
            end=end - number * period,
        )
        for number in range(int(alarm["EvaluationPeriods"]))
    ]
