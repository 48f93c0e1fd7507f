"""The dimensions of a custom scaling metric."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import POLICY
from rules._world import Deferred, World

SPECIFICATION = ("TargetTrackingScalingPolicyConfiguration", "CustomizedMetricSpecification")
OF_ENDPOINTS = {"AWS/SageMaker", "/aws/sagemaker/Endpoints"}
ENDPOINT_ALONE = {"ApproximateBacklogSize", "ApproximateBacklogSizePerInstance"}


class CustomMetricDimensions(MlRule):
    """A custom metric names no endpoint, or more than it is published under."""

    id = "E9505"
    shortdesc = "A custom scaling metric names its endpoint"
    description = (
        "SageMaker publishes the metrics of endpoints under EndpointName (backlog) or EndpointName "
        "and VariantName: with other dimensions the metric has no data and the policy never acts."
    )
    source = sagemaker_guide("monitoring-cloudwatch.html", READ)
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields custom metrics of SageMaker whose dimensions it does not publish."""
        for policy in world.of_type(POLICY):
            metric = str(policy.get(*SPECIFICATION, "MetricName"))
            names = [str(d.get("Name")) for _, d in policy.items(*SPECIFICATION, "Dimensions")]
            if str(policy.get(*SPECIFICATION, "Namespace")) not in OF_ENDPOINTS or isinstance(
                policy.get(*SPECIFICATION, "Dimensions"), Deferred
            ):
                continue
            if not {"EndpointName", "InferenceComponentName"} & set(names):
                yield Finding(
                    policy,
                    SPECIFICATION,
                    f"{metric} has no data without the dimension EndpointName: add it, with the "
                    "name of the endpoint.",
                )
            elif metric in ENDPOINT_ALONE and set(names) != {"EndpointName"}:
                yield Finding(
                    policy,
                    (*SPECIFICATION, "Dimensions"),
                    f"{metric} is published under EndpointName alone: leave out "
                    f"{', '.join(sorted(set(names) - {'EndpointName'}))}.",
                )
