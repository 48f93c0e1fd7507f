"""A metric that asynchronous endpoints publish."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import POLICY, Kind, scaled_kind, target_of
from rules._world import World

METRIC = (
    "TargetTrackingScalingPolicyConfiguration",
    "PredefinedMetricSpecification",
    "PredefinedMetricType",
)


class AsyncMetric(MlRule):
    """An asynchronous endpoint is scaled by a metric of real-time endpoints."""

    id = "E9503"
    shortdesc = "An asynchronous endpoint is scaled by a metric that it publishes"
    description = (
        "Asynchronous endpoints publish the backlog of their queue and no invocations per "
        "instance: a policy that tracks those never acts."
    )
    source = sagemaker_guide("async-inference-autoscale.html", READ)
    tags = ("sagemaker", "scaling", "async")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields policies on asynchronous variants that track a metric of real-time ones."""
        for policy in world.of_type(POLICY):
            target = target_of(policy, world)
            metric = str(policy.get(*METRIC))
            if (
                target
                and metric.startswith("SageMakerVariant")
                and scaled_kind(target, world) is Kind.ASYNC
            ):
                yield Finding(
                    policy,
                    METRIC,
                    f"An asynchronous endpoint does not publish {metric}, so that the policy "
                    "never acts: track ApproximateBacklogSizePerInstance by a "
                    "CustomizedMetricSpecification with the dimension EndpointName.",
                )
