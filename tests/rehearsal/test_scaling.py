"""Application Auto Scaling without an emulator: a resource, alarms and a clock of paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.emulator.autoscaling.policies import Policies
from rehearsal.emulator.autoscaling.records import Call, Key, Place
from rehearsal.emulator.autoscaling.scaler import Scaler
from rehearsal.emulator.autoscaling.scheduled import ScheduledActions
from rehearsal.emulator.autoscaling.targets import Activities, Targets
from rehearsal.emulator.errors import ServiceError

TARGET = {
    "ServiceNamespace": "sagemaker",
    "ResourceId": "endpoint/e/variant/v",
    "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
}
TRACKING = {
    "TargetValue": 1500.0,
    "PredefinedMetricSpecification": {
        "PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"
    },
    "ScaleOutCooldown": 60,
    "ScaleInCooldown": 300,
}
BACKLOG = {
    "TargetValue": 5.0,
    "CustomizedMetricSpecification": {
        "MetricName": "ApproximateBacklogSizePerInstance",
        "Namespace": "AWS/SageMaker",
        "Dimensions": [{"Name": "EndpointName", "Value": "e"}],
        "Statistic": "Average",
    },
}
STEPS = {
    "AdjustmentType": "ChangeInCapacity",
    "Cooldown": 300,
    "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
}


@dataclass
class Paper:
    """A resource that keeps a number, or refuses."""

    capacity: int = 1
    refusal: str = ""
    noun: str = "desired instance count"

    def current(self) -> int:
        if self.refusal == "gone":
            raise ServiceError("ValidationException", "gone")
        return self.capacity

    def change(self, capacity: int) -> None:
        if self.refusal:
            raise ServiceError("ValidationException", self.refusal)
        self.capacity = capacity


@dataclass
class PaperAlarms:
    records: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, alarm: dict[str, Any]) -> None:
        arn = f"arn:alarm:{alarm['AlarmName']}"
        self.records[alarm["AlarmName"]] = {"StateValue": "OK", **alarm, "AlarmArn": arn}

    def remove(self, name: str) -> None:
        del self.records[name]

    def all(self) -> list[dict[str, Any]]:
        return list(self.records.values())


class World:
    """All parts, put together as the service does."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
        self.resource, self.alarms = Paper(), PaperAlarms()
        place = Place("us-east-1", "123456789012", lambda: self.time)
        self.activities = Activities(place)
        self.targets = Targets(self.find, self.activities, place)
        self.policies = Policies(self.targets, self.alarms, place)
        self.actions = ScheduledActions(self.targets, place)
        self.scaler = Scaler(self.targets, self.policies)

    def find(self, target: Key) -> Paper:
        assert target == tuple(TARGET.values())
        return self.resource

    def register(self, low: int = 1, high: int = 4, **more: Any) -> None:
        self.targets.register_scalable_target(
            {**TARGET, "MinCapacity": low, "MaxCapacity": high, **more}
        )

    def policy(self, name: str, **settings: Any) -> dict[str, Any]:
        tracking = "TargetValue" in settings
        kind = "TargetTrackingScaling" if tracking else "StepScaling"
        put = {**TARGET, "PolicyName": name, "PolicyType": kind}
        return self.policies.put_scaling_policy({**put, f"{kind}PolicyConfiguration": settings})

    def call(self, policy: dict[str, Any], side: str, *values: float) -> Call:
        """An alarm of a policy is on, and stays so."""
        (alarm,) = (a for a in policy["Alarms"] if f"-{side}-" in a["AlarmName"])
        record = self.alarms.records[alarm["AlarmName"]]
        record["StateValue"] = "ALARM"
        return Call(policy["PolicyARN"], record, values)

    def stepped(self, policy: dict[str, Any], *values: float) -> Call:
        alarm = {
            "AlarmName": "load",
            "StateValue": "ALARM",
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        return Call(policy["PolicyARN"], alarm, values)

    def wait(self, **time: float) -> None:
        self.time += timedelta(**time)

    def history(self, **asked: Any) -> list[dict[str, Any]]:
        request = {"ServiceNamespace": "sagemaker", **asked}
        return list(self.activities.describe_scaling_activities(request)["ScalingActivities"])


@pytest.fixture
def world() -> World:
    world = World()
    world.register()
    return world


def test_tracking_goes_out_at_once_and_in_slowly(world: World) -> None:
    policy = world.policy("track", **TRACKING)
    world.scaler.act([world.call(policy, "AlarmHigh", 3300)])
    assert world.resource.capacity == 3
    world.scaler.act([world.call(policy, "AlarmLow", 100)])
    assert world.resource.capacity == 1
    descriptions = [each["Description"] for each in world.history()]
    assert descriptions == [
        "Setting desired instance count to 1.",
        "Setting desired instance count to 3.",
    ]
    assert world.history()[0]["StatusCode"] == "Successful"
    assert "in state ALARM triggered policy track" in world.history()[0]["Cause"]


def test_tracking_makes_its_alarms_and_takes_them_away(world: World) -> None:
    policy = world.policy("track", **TRACKING)
    high, low = (world.alarms.records[alarm["AlarmName"]] for alarm in policy["Alarms"])
    assert high["AlarmName"].startswith("TargetTracking-endpoint/e/variant/v-AlarmHigh-")
    assert (high["Threshold"], high["EvaluationPeriods"]) == (1500, 3)
    assert (low["Threshold"], low["EvaluationPeriods"]) == (1350, 15)
    assert high["Dimensions"] == [
        {"Name": "EndpointName", "Value": "e"},
        {"Name": "VariantName", "Value": "v"},
    ]
    again = world.policy("track", **{**TRACKING, "DisableScaleIn": True})
    assert again["PolicyARN"] == policy["PolicyARN"]
    assert [a for a in world.alarms.records if "-AlarmLow-" in a] == []
    world.policies.delete_scaling_policy({**TARGET, "PolicyName": "track"})
    assert world.alarms.records == {}


def test_a_high_resolution_metric_goes_out_sooner_and_in_at_the_same_pace(world: World) -> None:
    name = "SageMakerVariantConcurrentRequestsPerModelHighResolution"
    settings = {"TargetValue": 4.0, "PredefinedMetricSpecification": {"PredefinedMetricType": name}}
    world.policy("track", **settings)
    assert [alarm["Period"] for alarm in world.alarms.all()] == [10, 60]


def test_what_was_added_counts_until_the_cooldown_ends(world: World) -> None:
    policy = world.policy("track", **TRACKING)
    world.scaler.act([world.call(policy, "AlarmHigh", 2000)])
    assert world.resource.capacity == 2
    world.wait(seconds=59)
    world.scaler.act([world.call(policy, "AlarmHigh", 2000)])
    assert world.resource.capacity == 2
    world.scaler.act([world.call(policy, "AlarmHigh", 4000)])  # a larger breach
    assert world.resource.capacity == 3
    world.wait(seconds=60)
    world.scaler.act([world.call(policy, "AlarmHigh", 2000)])
    assert world.resource.capacity == 4


def test_the_way_in_waits_for_its_cooldown(world: World) -> None:
    world.resource.capacity = 4
    policy = world.policy("track", **TRACKING)
    world.scaler.act([world.call(policy, "AlarmLow", 1000)])
    assert world.resource.capacity == 3
    world.wait(seconds=299)
    world.scaler.act([world.call(policy, "AlarmLow", 100)])
    assert world.resource.capacity == 3
    world.wait(seconds=1)
    world.scaler.act([world.call(policy, "AlarmLow", 100)])
    assert world.resource.capacity == 1


def test_out_if_one_says_so_and_in_only_if_all_do(world: World) -> None:
    world.resource.capacity = 3
    one = world.policy("one", **TRACKING)
    other = world.policy("other", **BACKLOG)
    world.scaler.act([world.call(one, "AlarmLow", 0)])
    assert world.resource.capacity == 3
    world.scaler.act([world.call(one, "AlarmLow", 0), world.call(other, "AlarmLow", 2.6)])
    assert world.resource.capacity == 2  # the larger of the two
    world.scaler.act([world.call(one, "AlarmLow", 0), world.call(other, "AlarmHigh", 10)])
    assert world.resource.capacity == 4


def test_from_no_instance_by_either_policy() -> None:
    for tracked in (True, False):
        world = World()
        world.resource.capacity = 0
        world.register(low=0)
        track, wake = world.policy("track", **BACKLOG), world.policy("wake", **STEPS)
        call = world.call(track, "AlarmHigh", 12) if tracked else world.stepped(wake, 1)
        world.scaler.act([call])
        assert world.resource.capacity == (3 if tracked else 1)
        world.wait(hours=1)
        world.scaler.act([world.call(track, "AlarmLow", 0)])
        assert world.resource.capacity == 0


def test_step_scaling_in_is_not_held_back_by_tracking(world: World) -> None:
    world.resource.capacity = 3
    world.policy("track", **TRACKING)
    steps = [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": -1}]
    inward = world.policy("in", **{**STEPS, "StepAdjustments": steps})
    world.scaler.act([world.stepped(inward, 1)])
    assert world.resource.capacity == 2


def test_bounds_hold_and_the_history_says_so_once(world: World) -> None:
    policy = world.policy("track", **TRACKING)
    world.scaler.act([world.call(policy, "AlarmHigh", 90_000)])
    assert world.resource.capacity == 4
    for _ in range(3):
        world.wait(hours=1)
        world.scaler.act([world.call(policy, "AlarmHigh", 9_000)])
    assert len(world.history()) == 1
    first, second = world.history(IncludeNotScaledActivities=True)
    assert first["NotScaledReasons"] == [{"Code": "AlreadyAtMaxCapacity", "MaxCapacity": 4}]
    assert "NotScaledReasons" not in second


def test_suspended_ways_are_not_taken(world: World) -> None:
    world.register(SuspendedState={"DynamicScalingOutSuspended": True})
    policy = world.policy("track", **TRACKING)
    world.scaler.act([world.call(policy, "AlarmHigh", 3300)])
    assert world.resource.capacity == 1
    world.register(SuspendedState={"DynamicScalingOutSuspended": False})
    world.scaler.act([world.call(policy, "AlarmHigh", 3300)])
    assert world.resource.capacity == 3


def test_a_refusing_service_fails_the_activity_and_starts_no_cooldown(world: World) -> None:
    policy = world.policy("track", **TRACKING)
    world.resource.refusal = "Cannot update in-progress endpoint"
    world.scaler.act([world.call(policy, "AlarmHigh", 3300)])
    (failed,) = world.history()
    assert failed["StatusCode"] == "Failed"
    assert "in-progress" in failed["StatusMessage"]
    world.resource.refusal = ""
    world.scaler.act([world.call(policy, "AlarmHigh", 3300)])
    assert world.resource.capacity == 3


def test_registration_brings_the_capacity_between_the_bounds(world: World) -> None:
    world.register(low=2)
    assert world.resource.capacity == 2
    assert world.history()[0]["Cause"] == "minimum capacity was set to 2"
    world.register(low=1, high=1)
    assert world.resource.capacity == 1
    assert world.history()[0]["Cause"] == "maximum capacity was set to 1"


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"MinCapacity": 5}, "cannot be less than minimum"),
        ({"MinCapacity": -1}, "negative"),
        ({"ScalableDimension": "x", "MinCapacity": None}, "required"),
    ],
)
def test_targets_that_are_not_accepted(world: World, change: dict[str, Any], why: str) -> None:
    request = {**TARGET, "MinCapacity": 1, "MaxCapacity": 4, **change}
    request = {key: value for key, value in request.items() if value is not None}
    with pytest.raises(ServiceError, match=why):
        world.targets.register_scalable_target(request)


def test_a_resource_that_is_not_there_is_no_target() -> None:
    world = World()
    world.resource.refusal = "gone"
    with pytest.raises(ServiceError, match="not there to be scaled"):
        world.register()
    with pytest.raises(ServiceError, match="No scalable target found"):
        world.policy("track", **TRACKING)


def steps(*bands: tuple[float | None, float | None]) -> dict[str, Any]:
    names = ("MetricIntervalLowerBound", "MetricIntervalUpperBound")
    given = [
        {name: bound for name, bound in zip(names, band, strict=True) if bound is not None}
        for band in bands
    ]
    return {**STEPS, "StepAdjustments": [{**band, "ScalingAdjustment": 1} for band in given]}


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (steps((0, 10), (20, None)), "gap"),
        (steps((0, 10), (5, None)), "overlap"),
        (steps((0, 10)), "no upper bound"),
        (steps((-10, 0)), "no lower bound"),
        (steps((None, None)), "one be given"),
        (steps(*[(i, i + 1) for i in range(20)], (20, None)), "More than 20"),
        ({**STEPS, "StepAdjustments": []}, "at least one"),
        ({**STEPS, "MinAdjustmentMagnitude": 2}, "PercentChangeInCapacity alone"),
        ({**STEPS, "Cooldown": -1}, "negative"),
        ({**TRACKING, "TargetValue": 0.0}, "out of range"),
        ({**TRACKING, **BACKLOG}, "either"),
        ({**TRACKING, "ScaleInCooldown": -1}, "negative"),
        (
            {
                "TargetValue": 0.7,
                "PredefinedMetricSpecification": {
                    "PredefinedMetricType": "LambdaProvisionedConcurrencyUtilization"
                },
            },
            "cannot be tracked",
        ),
    ],
)
def test_policies_that_are_not_accepted(world: World, settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ServiceError, match=why):
        world.policy("policy", **settings)


def test_one_metric_is_tracked_once(world: World) -> None:
    world.policy("one", **TRACKING)
    with pytest.raises(ServiceError, match="Only one TargetTrackingScaling policy"):
        world.policy("other", **TRACKING)


def test_a_target_has_fifty_policies_at_most(world: World) -> None:
    for number in range(50):
        world.policy(f"{number}", **STEPS)
    with pytest.raises(ServiceError) as refused:
        world.policy("one more", **STEPS)
    assert refused.value.code == "LimitExceededException"


def scheduled(world: World, name: str, schedule: str, **more: Any) -> None:
    zone = {} if "Timezone" in more else {"Timezone": "Europe/Berlin"}
    about = {**TARGET, "ScheduledActionName": name, "Schedule": schedule, **zone}
    world.actions.put_scheduled_action({**about, **more})


def test_scheduled_actions_move_the_bounds_at_their_minute(world: World) -> None:
    bounds = {"MinCapacity": 3, "MaxCapacity": 4}
    scheduled(world, "morning", "cron(45 7 ? * MON-FRI *)", ScalableTargetAction=bounds)
    world.wait(minutes=44)
    world.actions.each_minute()
    assert world.resource.capacity == 1
    world.wait(minutes=1)
    world.actions.each_minute()
    assert world.resource.capacity == 3
    assert world.history()[0]["Cause"] == "scheduled action name morning was triggered"
    world.resource.capacity = 4
    world.wait(minutes=1)
    world.actions.each_minute()
    assert world.resource.capacity == 4  # between the bounds it stays


def test_a_suspended_schedule_and_a_past_one_do_nothing(world: World) -> None:
    bounds = {"MinCapacity": 3}
    end = world.time + timedelta(minutes=5)
    scheduled(world, "short", "rate(10 minutes)", ScalableTargetAction=bounds, EndTime=end)
    world.wait(minutes=10)
    world.actions.each_minute()
    assert world.resource.capacity == 1
    scheduled(world, "short", "rate(10 minutes)")
    world.register(SuspendedState={"ScheduledScalingSuspended": True})
    world.wait(minutes=10)
    world.actions.each_minute()
    assert world.resource.capacity == 1


@pytest.mark.parametrize(
    ("schedule", "more", "why"),
    [
        ("cron(0 18 * * *)", {}, "five fields|5 fields"),
        ("rate(1 hour)", {"Timezone": "Mars/North"}, "no time zone"),
        ("rate(1 hour)", {"ScalableTargetAction": {"MinCapacity": 9}}, "cannot be less"),
        ("rate(1 hour)", {"ScalableTargetAction": {}}, "required"),
        ("rate(1 hour)", {"StartTime": 2e9, "EndTime": 1e9}, "before EndTime"),
    ],
)
def test_actions_that_are_not_accepted(
    world: World, schedule: str, more: dict[str, Any], why: str
) -> None:
    with pytest.raises(ServiceError, match=why):
        scheduled(world, "n", schedule, **{"ScalableTargetAction": {"MinCapacity": 2}, **more})


def test_a_target_takes_its_policies_and_actions_along(world: World) -> None:
    world.policy("track", **TRACKING)
    scheduled(world, "n", "rate(1 hour)", ScalableTargetAction={"MinCapacity": 2})
    world.targets.deregister_scalable_target(TARGET)
    assert not world.targets.records
    assert not world.policies.records
    assert not world.alarms.records
    assert not world.actions.by_arn()
    with pytest.raises(ServiceError, match="No scalable target found"):
        world.targets.deregister_scalable_target(TARGET)
