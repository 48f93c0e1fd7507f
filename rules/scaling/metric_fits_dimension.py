"""A predefined metric and the dimension that it measures."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import COPIES, INSTANCES, POLICY, PROVISIONED, target_of
from rules._world import World

DIMENSIONS = {
    "SageMakerVariantInvocationsPerInstance": INSTANCES,
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": INSTANCES,
    "SageMakerVariantProvisionedConcurrencyUtilization": PROVISIONED,
    "SageMakerInferenceComponentInvocationsPerCopy": COPIES,
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": COPIES,
}
TRACKING = "TargetTrackingScalingPolicyConfiguration"
METRIC = (TRACKING, "PredefinedMetricSpecification", "PredefinedMetricType")


class MetricFitsDimension(MlRule):
    """A policy tracks a metric that its scalable dimension does not publish."""

    id = "E9501"
    shortdesc = "A predefined scaling metric fits the scalable dimension"
    description = (
        "Each predefined metric of SageMaker measures one scalable dimension: instances, "
        "provisioned concurrency, or copies of an inference component."
    )
    source = sagemaker_guide("endpoint-auto-scaling-add-code-define.html", READ)
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields policies whose metric belongs to another dimension than the one they scale."""
        for policy in world.of_type(POLICY):
            target = target_of(policy, world)
            dimension = (target or policy).get("ScalableDimension")
            metric = policy.get(*METRIC)
            wanted = DIMENSIONS.get(metric) if isinstance(metric, str) else None
            if wanted and dimension in DIMENSIONS.values() and dimension != wanted:
                yield Finding(
                    policy,
                    METRIC,
                    f"{metric} does not measure {dimension}: scale {wanted}, "
                    "or track a metric of the dimension that is scaled.",
                )
