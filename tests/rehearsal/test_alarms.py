"""Alarms change state as CloudWatch's do, on the rehearsal's clock and on their own dimensions."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from rehearsal.account import EmulatedAccount

NAMESPACE = "Tests/Alarms"


class Watched:
    """A metric with one dimension and the alarm on it."""

    def __init__(self, account: EmulatedAccount, **settings: Any) -> None:
        self.account = account
        self.cloudwatch = account.client("cloudwatch")
        self.name = f"alarm-{uuid.uuid4().hex[:12]}"
        self.dimensions = [{"Name": "Of", "Value": self.name}]
        given = {
            "AlarmName": self.name,
            "Namespace": NAMESPACE,
            "MetricName": "Errors",
            "Dimensions": self.dimensions,
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 3,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
            **settings,
        }
        self.cloudwatch.put_metric_alarm(
            **{key: value for key, value in given.items() if value is not None}
        )

    def minute(self, *values: float, of: str | None = None) -> str:
        """Publishes values, lets a minute pass, and returns the alarm's state."""
        dimensions = [{"Name": "Of", "Value": of}] if of else self.dimensions
        if values:
            data = {"MetricName": "Errors", "Dimensions": dimensions, "Values": list(values)}
            self.cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=[data])
        self.account.advance(60)
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[self.name])["MetricAlarms"]
        return str(alarm["StateValue"])


def test_an_alarm_goes_off_and_calms_down(account: EmulatedAccount) -> None:
    watched = Watched(account, TreatMissingData="notBreaching")
    assert watched.minute(1, 1) == "OK"
    assert watched.minute(1, 1, 1) == "ALARM"
    assert watched.minute() == "OK"
    history = watched.cloudwatch.describe_alarm_history(
        AlarmName=watched.name, HistoryItemType="StateUpdate"
    )["AlarmHistoryItems"]
    assert len(history) >= 3


def test_only_its_own_dimensions_count(account: EmulatedAccount) -> None:
    watched = Watched(account, TreatMissingData="notBreaching")
    assert watched.minute(100, of="somebody else") == "OK"


def test_m_of_n_periods(account: EmulatedAccount) -> None:
    watched = Watched(
        account, EvaluationPeriods=3, DatapointsToAlarm=2, TreatMissingData="notBreaching"
    )
    assert watched.minute(5) == "OK"
    assert watched.minute() == "OK"
    assert watched.minute(5) == "ALARM"
    assert watched.minute() == "OK"


def test_a_percentile(account: EmulatedAccount) -> None:
    watched = Watched(account, Statistic=None, ExtendedStatistic="p90", Threshold=50)
    assert watched.minute(*[10] * 10, 1000) == "OK"
    assert watched.minute(*[10] * 10, 1000, 1000) == "ALARM"


@pytest.mark.parametrize(
    ("treat", "state"),
    [
        ("missing", "INSUFFICIENT_DATA"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
        ("ignore", "INSUFFICIENT_DATA"),
    ],
)
def test_missing_data_are_taken_as_asked(account: EmulatedAccount, treat: str, state: str) -> None:
    assert Watched(account, TreatMissingData=treat).minute() == state
