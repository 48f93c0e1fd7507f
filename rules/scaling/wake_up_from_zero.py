"""What brings capacity back from zero."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import COPIES, INSTANCES, TARGET, Kind, policies_of, scaled_kind, wakes
from rules._world import Resource, World, number

METRICS = {INSTANCES: "HasBacklogWithoutCapacity", COPIES: "NoCapacityInvocationFailures"}


class WakeUpFromZero(MlRule):
    """Something scales to zero and nothing wakes it."""

    id = "E9510"
    shortdesc = "What scales to zero has a policy that wakes it"
    description = (
        "With no capacity a tracked metric per instance has no data. A step policy, started by an "
        "alarm on HasBacklogWithoutCapacity (asynchronous) or NoCapacityInvocationFailures "
        "(inference components), brings the first one back."
    )
    source = sagemaker_guide("endpoint-auto-scaling-zero-instances.html", READ)
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields targets that reach zero and never leave it."""
        for target in world.of_type(TARGET):
            if number(target.get("MinCapacity")) != 0 or not _is_to_be_woken(target, world):
                continue
            metric = METRICS[target.get("ScalableDimension")]
            alarms = [a for p in policies_of(target, world) for a in wakes(p, metric, world)]
            if not alarms:
                yield Finding(
                    target,
                    ("MinCapacity",),
                    "MinCapacity is 0 and nothing wakes it: add a StepScaling policy that an "
                    f"alarm on {metric} >= 1 starts.",
                )
            yield from (_too_high(alarm, metric) for alarm in alarms if _misses_one(alarm))


def _is_to_be_woken(target: Resource, world: World) -> bool:
    dimension = target.get("ScalableDimension")
    return dimension == COPIES or (
        dimension == INSTANCES and scaled_kind(target, world) is Kind.ASYNC
    )


def _misses_one(alarm: Resource) -> bool:
    threshold = number(alarm.get("Threshold"))
    strict = alarm.get("ComparisonOperator") == "GreaterThanThreshold"
    return threshold is not None and (threshold > 1 or (strict and threshold >= 1))


def _too_high(alarm: Resource, metric: str) -> Finding:
    return Finding(
        alarm,
        ("Threshold",),
        f"The alarm misses a single request: compare {metric} with "
        "GreaterThanOrEqualToThreshold and Threshold 1.",
    )
