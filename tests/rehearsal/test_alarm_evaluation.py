"""Alarms as the guide has them: statistics, periods, missing data, metric math."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from rehearsal.emulator.metrics.evaluation import Rule, check, evaluate, interval, period
from rehearsal.emulator.metrics.expressions import ExpressionError, compute, resolve
from rehearsal.emulator.metrics.statistics import (
    Datum,
    UnknownStatisticError,
    Values,
    of_unit,
    statistic,
    windows,
)

BEFORE = "the state before"
ALARM = {
    "AlarmName": "errors",
    "Namespace": "N",
    "MetricName": "m",
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 3,
    "Threshold": 5.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "StateValue": "OK",
}


def data(*values: float) -> list[Datum]:
    return [Datum.of(0, value) for value in values]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SampleCount", 4),
        ("Sum", 10),
        ("Average", 2.5),
        ("Minimum", 1),
        ("Maximum", 4),
        ("p0", 1),
        ("p50", 2.5),
        ("p100", 4),
        ("p99.9", 3.997),
    ],
)
def test_statistics(name: str, value: float) -> None:
    assert statistic(data(3, 1, 4, 2), name) == pytest.approx(value)


def test_a_value_seen_often_weighs_as_often() -> None:
    seen = [Datum.of(0, 1, count=99), Datum.of(0, 100)]
    assert statistic(seen, "Sum") == 199
    assert statistic(seen, "p50") == 1
    assert statistic(seen, "p100") == 100


def test_percentiles_need_the_values_themselves() -> None:
    assert statistic([Datum(0, count=2, total=3, low=1, high=2)], "p50") is None
    assert statistic([Datum(0, count=2, total=4, low=2, high=2)], "p50") == 2
    assert statistic(data(-1, 2), "p50") is None


def test_no_data_have_no_statistic() -> None:
    assert statistic([], "Sum") is None


@pytest.mark.parametrize("name", ["tm90", "IQM", "p101", "average"])
def test_other_statistics_are_refused_by_name(name: str) -> None:
    with pytest.raises(UnknownStatisticError, match=name):
        statistic(data(1), name)


def test_a_period_has_its_beginning_and_not_its_end() -> None:
    seen = [Datum.of(at, 1) for at in (59.9, 60, 119.9, 120, 180)]
    assert windows(seen, "Sum", period=60, end=180, count=3) == [1, 2, 1]
    assert windows([], "Sum", period=60, end=180, count=2) == [None, None]


def test_a_unit_is_told_apart() -> None:
    seen = [Datum.of(0, 1, unit="Seconds"), Datum.of(0, 2, unit="None")]
    assert of_unit(seen, "Seconds") == seen[:1]
    assert of_unit(seen, None) == seen


def breaching(points: str) -> list[bool | None]:
    return [{"0": False, "X": True, "-": None}[point] for point in points.split()]


@pytest.mark.parametrize(
    ("to_alarm", "points", "states"),
    [  # the tables of alarms-and-missing-data.html, row by row
        (3, "0 - X - X", ("OK", "OK", "OK", "OK")),
        (3, "0 - - - -", ("OK", "OK", "OK", "OK")),
        (3, "- - - - -", ("INSUFFICIENT_DATA", BEFORE, "ALARM", "OK")),
        (3, "0 X X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (3, "- - X - -", ("ALARM", BEFORE, "ALARM", "OK")),
        (2, "0 - X - X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "0 0 X 0 X", ("ALARM", "ALARM", "ALARM", "ALARM")),
        (2, "0 - X - -", ("OK", "OK", "ALARM", "OK")),
        (2, "- - - - 0", ("OK", "OK", "ALARM", "OK")),
        (2, "- - - X -", ("ALARM", BEFORE, "ALARM", "OK")),
        # the text below them: not before its time
        (3, "- - - - X", (BEFORE, BEFORE, "ALARM", "OK")),
        (3, "- - - X -", (BEFORE, BEFORE, "ALARM", "OK")),
        (3, "- - - X 0", ("OK", "OK", "OK", "OK")),
        # as many breaching ones as it takes, though others are missing
        (2, "- - - X X", ("ALARM", "ALARM", "ALARM", "ALARM")),
    ],
)
def test_missing_data(to_alarm: int, points: str, states: tuple[str, ...]) -> None:
    treatments = ("missing", "ignore", "breaching", "notBreaching")
    for treated, state in zip(treatments, states, strict=True):
        rule = Rule(periods=3, to_alarm=to_alarm, missing=treated)
        assert rule.state(breaching(points), BEFORE) == state, treated


def fetch(*published: Datum) -> Any:
    def values(stat: Mapping[str, Any], end: float, count: int) -> Values:
        return windows(published, stat["Stat"], period=stat["Period"], end=end, count=count)

    return values


def test_the_minute_that_runs_is_not_judged() -> None:
    alarm = {**ALARM, "EvaluationPeriods": 1, "TreatMissingData": "notBreaching"}
    published = fetch(Datum.of(600, 9))
    running = evaluate(alarm, published, 659)
    over = evaluate(alarm, published, 660)
    assert running is not None
    assert over is not None
    assert (running.state, over.state) == ("OK", "ALARM")
    assert over.values == (9,)


def test_the_window_slides_by_the_minute() -> None:
    alarm = {**ALARM, "Period": 300, "EvaluationPeriods": 1}
    found = evaluate(alarm, fetch(Datum.of(430, 9)), 667)
    assert found is not None
    assert found.state == "ALARM"
    assert '"startDate": "1970-01-01T00:06:00' in found.data


@pytest.mark.parametrize(
    ("comparison", "states"),
    [
        ("GreaterThanOrEqualToThreshold", ("OK", "ALARM", "ALARM")),
        ("GreaterThanThreshold", ("OK", "OK", "ALARM")),
        ("LessThanOrEqualToThreshold", ("ALARM", "ALARM", "OK")),
        ("LessThanThreshold", ("ALARM", "OK", "OK")),
    ],
)
def test_comparisons(comparison: str, states: tuple[str, ...]) -> None:
    alarm = {**ALARM, "EvaluationPeriods": 1, "ComparisonOperator": comparison}
    for value, state in zip((4, 5, 6), states, strict=True):
        found = evaluate(alarm, fetch(Datum.of(600, value)), 660)
        assert found is not None
        assert found.state == state


def test_the_reason_is_cloudwatchs() -> None:
    alarm = {**ALARM, "EvaluationPeriods": 2}
    found = evaluate(alarm, fetch(Datum.of(600, 9), Datum.of(660, 7)), 720)
    assert found is not None
    assert found.reason == (
        "Threshold Crossed: 2 out of the last 2 datapoints [7.0 (01/01/70 00:11:00), "
        "9.0 (01/01/70 00:10:00)] were greater than or equal to the threshold (5.0) (minimum 2 "
        "datapoints for OK -> ALARM transition)."
    )


QUOTIENT = [
    {"Id": "e", "Expression": "all / each", "ReturnData": True},
    *(
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "N", "MetricName": name},
                "Period": 60,
                "Stat": "Sum",
            },
            "ReturnData": False,
        }
        for name in ("all", "each")
    ),
]


def test_an_alarm_on_an_expression() -> None:
    alarm = {k: v for k, v in ALARM.items() if k not in ("Namespace", "MetricName", "Statistic")}
    alarm |= {"Metrics": QUOTIENT, "EvaluationPeriods": 1, "Threshold": 3.5}

    def values(stat: Mapping[str, Any], end: float, count: int) -> Values:
        del end
        each = {"all": 40.0, "each": 10.0}[stat["Metric"]["MetricName"]]
        return [None] * (count - 1) + [each]

    found = evaluate(alarm, values, 660)
    assert found is not None
    assert (found.state, found.values) == ("ALARM", (4.0,))


def test_arithmetic_skips_what_is_missing_and_what_is_divided_by_zero() -> None:
    values: dict[str, Values] = {"a": [8, None, 8, 8], "b": [2, 2, None, 0]}
    assert compute("(a - 2) / b * -1", values) == [-3, None, None, None]
    assert compute("1 - a", values) == [-7, None, -7, -7]


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("FILL(a, 0)", r"FILL\(\)"),
        ("IF(a > 1, 1, 0)", "IF"),
        ("a > 1", "Compare"),
        ("a ** 2", "Pow"),
        ("SELECT AVG(x) FROM y", "cannot read"),
        ("a + c", "c, which is not there"),
        ("1 + 1", "uses no metric"),
    ],
)
def test_other_expressions_are_refused(expression: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why):
        compute(expression, {"a": [1.0]})


def test_expressions_may_use_one_another_but_not_in_circles() -> None:
    queries = [{"Id": "x", "Expression": "y * 2"}, {"Id": "y", "Expression": "m + 1"}]
    metric = {"Id": "m", "MetricStat": {"Stat": "Sum"}}
    assert resolve([*queries, metric], lambda _: [1.0])["x"] == [4.0]
    with pytest.raises(ExpressionError, match="use each other"):
        resolve([queries[0], {"Id": "y", "Expression": "x + 1"}], lambda _: [])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ComparisonOperator": "GreaterThanUpperThreshold"}, "GreaterThanUpperThreshold"),
        ({"Statistic": "tm90"}, "tm90"),
        ({"DatapointsToAlarm": 4}, "DatapointsToAlarm"),
        ({"EvaluationWindow": {"WallClockWindow": {}}}, "sliding"),
        ({"Metrics": [{"Id": "q", "Expression": "ANOMALY_DETECTION_BAND(m)"}]}, "ANOMALY"),
        ({"Metrics": QUOTIENT[1:]}, "exactly one"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_when_it_is_made(
    change: dict[str, Any], why: str
) -> None:
    check(ALARM)
    with pytest.raises(ValueError, match=why):
        check({**ALARM, **change})


def test_high_resolution_alarms_are_evaluated_each_period() -> None:
    fast = {**ALARM, "Period": 10}
    assert (interval(fast), period(fast)) == (10, 10)
    assert (interval({**ALARM, "Period": 300}), period({**ALARM, "Period": 300})) == (60, 300)
