"""How much capacity a policy asks for, and when the clock does."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from rehearsal.emulator.autoscaling.capacity import (
    Change,
    aggregated,
    allowed,
    bounded,
    counted,
    stepped,
    tracked,
)
from rehearsal.emulator.autoscaling.schedules import ScheduleError, parse

PERCENT = {  # the example of step-scaling-policy-overview.html
    "AdjustmentType": "PercentChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 0},
        {"MetricIntervalLowerBound": 10, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 10},
        {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 30},
    ],
}
PERCENT_IN = {
    "AdjustmentType": "PercentChangeInCapacity",
    "StepAdjustments": [
        {"MetricIntervalLowerBound": -10, "MetricIntervalUpperBound": 0, "ScalingAdjustment": 0},
        {
            "MetricIntervalLowerBound": -20,
            "MetricIntervalUpperBound": -10,
            "ScalingAdjustment": -10,
        },
        {"MetricIntervalUpperBound": -20, "ScalingAdjustment": -30},
    ],
}


@pytest.mark.parametrize(
    ("current", "value", "target", "wanted"),
    [
        (1, 3300, 1500, 3),
        (2, 1500, 1500, 2),
        (3, 1500.001, 1500, 4),  # up, never down
        (10, 0.7 * 3, 0.7, 30),  # no unit more by a rounding error
        (4, 100, 1500, 1),
        (4, 1200, 1500, 4),  # one less would bring it above the target
        (3, 0, 1500, 0),
        (0, 12, 5, 3),  # from none
    ],
)
def test_tracking_is_proportional_and_rounds_up(
    current: int, value: float, target: float, wanted: int
) -> None:
    assert tracked(current, value, target) == wanted


@pytest.mark.parametrize(
    ("policy", "current", "value", "above", "wanted"),
    [
        (PERCENT, 10, 50, True, 10),
        (PERCENT, 10, 60, True, 11),
        (PERCENT, 11, 70, True, 14),
        (PERCENT_IN, 14, 40, False, 13),
        (PERCENT_IN, 13, 30, False, 10),
        (PERCENT_IN, 14, 49, False, 14),
    ],
)
def test_the_guides_steps(
    policy: dict[str, Any], current: int, value: float, above: bool, wanted: int
) -> None:
    assert stepped(policy, current, value=value, threshold=50, above=above) == wanted


@pytest.mark.parametrize(
    ("settings", "current", "wanted"),
    [
        ({"AdjustmentType": "ChangeInCapacity", "amount": 5}, 3, 8),
        ({"AdjustmentType": "ChangeInCapacity", "amount": -5}, 3, 0),
        ({"AdjustmentType": "ExactCapacity", "amount": 5}, 3, 5),
        ({"AdjustmentType": "PercentChangeInCapacity", "amount": 127}, 10, 22),
        ({"AdjustmentType": "PercentChangeInCapacity", "amount": 6}, 10, 11),
        ({"AdjustmentType": "PercentChangeInCapacity", "amount": -5}, 10, 9),
        ({"AdjustmentType": "PercentChangeInCapacity", "amount": -66}, 10, 4),
        (
            {
                "AdjustmentType": "PercentChangeInCapacity",
                "amount": 25,
                "MinAdjustmentMagnitude": 2,
            },
            4,
            6,
        ),
        (
            {
                "AdjustmentType": "PercentChangeInCapacity",
                "amount": -25,
                "MinAdjustmentMagnitude": 2,
            },
            4,
            2,
        ),
    ],
)
def test_adjustment_types(settings: dict[str, Any], current: int, wanted: int) -> None:
    amount = settings.pop("amount")
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": amount}]
    policy = {**settings, "StepAdjustments": steps}
    assert stepped(policy, current, value=1, threshold=1, above=True) == wanted


def test_no_step_for_a_breach_changes_nothing() -> None:
    steps = [{"MetricIntervalLowerBound": 10, "ScalingAdjustment": 1}]
    policy = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps}
    assert stepped(policy, 1, value=5, threshold=1, above=True) is None


@pytest.mark.parametrize(("kind", "value"), [("Minimum", 1), ("Maximum", 6), ("Average", 3)])
def test_an_alarms_values_are_aggregated(kind: str, value: float) -> None:
    assert aggregated([1, 2, 6], kind) == value


def test_what_was_added_counts_until_its_cooldown_ends() -> None:
    out = Change(at=100, before=2, after=4, cooldown=60)
    assert counted(4, out, now=159) == 2  # a step of 3 adds one more, to 5
    assert counted(4, out, now=160) == 4
    assert counted(5, out, now=110) == 5  # somebody else changed it


def test_only_the_way_in_waits() -> None:
    out = Change(at=100, before=2, after=4, cooldown=300)
    inward = Change(at=100, before=4, after=2, cooldown=300)
    assert allowed(5, 4, out, now=110)
    assert allowed(3, 4, out, now=110)
    assert not allowed(1, 2, inward, now=399)
    assert allowed(1, 2, inward, now=400)
    assert allowed(3, 2, inward, now=110)  # and that ends the cooldown
    assert not allowed(2, 2, None, now=0)


def test_bounds() -> None:
    assert [bounded(wanted, 1, 4) for wanted in (0, 2, 9)] == [1, 2, 4]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "due", "not_due"),
    [
        ("at(2026-11-23T07:45:00)", "UTC", "2026-11-23T07:45", "2026-11-24T07:45"),
        ("at(2026-11-23T07:45:00)", "Europe/Berlin", "2026-11-23T06:45", "2026-11-23T07:45"),
        ("cron(45 7 ? * MON-FRI *)", "Europe/Berlin", "2026-11-23T06:45", "2026-11-22T06:45"),
        ("cron(45 7 ? * MON-FRI *)", "Europe/Berlin", "2026-07-06T05:45", "2026-07-06T06:45"),
        ("cron(0 18 ? * 2-6 *)", "UTC", "2026-11-23T18:00", "2026-11-22T18:00"),
        ("cron(0 8 1 * ? *)", "UTC", "2026-12-01T08:00", "2026-12-02T08:00"),
        ("cron(0/15 8-17 * * ? *)", "UTC", "2026-12-01T17:45", "2026-12-01T18:00"),
        ("cron(0 0 ? JAN,MAR SUN 2027)", "UTC", "2027-01-03T00:00", "2027-02-07T00:00"),
        ("cron(0 0 ? * FRI-MON *)", "UTC", "2026-11-22T00:00", "2026-11-24T00:00"),
        ("rate(5 minutes)", "UTC", "2026-11-22T10:05", "2026-11-22T10:07"),
        ("rate(1 hour)", "UTC", "2026-11-22T11:00", "2026-11-22T10:00"),
        ("rate(2 days)", "UTC", "2026-11-24T10:00", "2026-11-23T10:00"),
    ],
)
def test_schedules(expression: str, zone: str, due: str, not_due: str) -> None:
    schedule = parse(expression, zone, utc("2026-11-22T10:00:30"))
    assert schedule.due(utc(due))
    assert not schedule.due(utc(not_due))


def test_the_hour_that_summer_time_skips_has_no_action() -> None:
    schedule = parse("cron(30 2 ? * * *)", "Europe/Berlin", utc("2026-03-01T00:00"))
    assert schedule.last_due(utc("2026-03-28T23:00"), utc("2026-03-29T12:00")) is None


def test_what_came_due_between_two_looks() -> None:
    schedule = parse("cron(0/10 * * * ? *)", "UTC", utc("2026-11-22T00:00"))
    after, until = utc("2026-11-22T10:09:59"), utc("2026-11-22T10:10:01")
    assert schedule.last_due(after, until) == utc("2026-11-22T10:10")
    assert schedule.last_due(utc("2026-11-22T10:10"), until) is None


@pytest.mark.parametrize(
    ("expression", "zone"),
    [
        ("every day", "UTC"),
        ("at(tomorrow)", "UTC"),
        ("rate(5 minute)", "UTC"),
        ("rate(1 hours)", "UTC"),
        ("cron(0 18 * * *)", "UTC"),
        ("cron(0 18 * * MON *)", "UTC"),
        ("cron(0 18 ? * ? *)", "UTC"),
        ("cron(60 18 ? * MON *)", "UTC"),
        ("cron(0 18 L * ? *)", "UTC"),
        ("cron(0 18 ? * 6#3 *)", "UTC"),
        ("cron(0 18 ? * MON *)", "Europe/Atlantis"),
    ],
)
def test_what_is_no_schedule_is_refused(expression: str, zone: str) -> None:
    with pytest.raises(ScheduleError):
        parse(expression, zone, utc("2026-11-22T00:00"))
