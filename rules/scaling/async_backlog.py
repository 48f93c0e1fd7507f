"""Something that scales an asynchronous endpoint by its queue."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import TARGET, Kind, policies_of, scaled_kind, wakes
from rules._world import Deferred, Resource, World

BACKLOG = {"ApproximateBacklogSizePerInstance", "ApproximateBacklogSize"}
SPECIFICATION = ("TargetTrackingScalingPolicyConfiguration", "CustomizedMetricSpecification")


class AsyncBacklog(MlRule):
    """A scalable asynchronous variant has no policy on its backlog."""

    id = "W9504"
    shortdesc = "An asynchronous endpoint scales by its backlog"
    description = (
        "Requests of an asynchronous endpoint wait in a queue: how long it is says how many "
        "instances are needed. Without a policy on it the queue grows or the instances idle."
    )
    source = sagemaker_guide("async-inference-autoscale.html", READ)
    tags = ("sagemaker", "scaling", "async")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields targets on asynchronous variants of which no policy looks at the backlog."""
        for target in world.of_type(TARGET):
            if scaled_kind(target, world) is Kind.ASYNC and not any(
                _looks_at_backlog(policy, world) for policy in policies_of(target, world)
            ):
                yield Finding(
                    target,
                    ("ScalableDimension",),
                    "No policy scales this asynchronous endpoint by its backlog: add a target "
                    "tracking policy on ApproximateBacklogSizePerInstance, dimension EndpointName.",
                )


def _looks_at_backlog(policy: Resource, world: World) -> bool:
    """Whether a policy tracks the backlog, or is started by an alarm on it."""
    specification = policy.get(*SPECIFICATION)
    if specification is not None and (
        isinstance(specification, Deferred)
        or any(metric in repr(specification) for metric in BACKLOG)
    ):
        return True
    return any(True for metric in BACKLOG for _ in wakes(policy, metric, world))
