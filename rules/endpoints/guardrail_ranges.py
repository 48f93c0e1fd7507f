"""How large the steps of an update may be."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import ENDPOINT
from rules._world import Resource, World, number

UPDATE = "DeploymentConfig"
ROUTING = (UPDATE, "BlueGreenUpdatePolicy", "TrafficRoutingConfiguration")
ROLLING = (UPDATE, "RollingUpdatePolicy")
SIZES = {
    (*ROUTING, "CanarySize"): (1, 50),
    (*ROUTING, "LinearStepSize"): (10, 50),
    (*ROLLING, "MaximumBatchSize"): (5, 50),
}
"""Step -> least and most percent of the capacity."""
SECONDS = {
    (*ROUTING, "WaitIntervalInSeconds"): (0, 3600),
    (*ROLLING, "WaitIntervalInSeconds"): (0, 3600),
    (UPDATE, "BlueGreenUpdatePolicy", "TerminationWaitInSeconds"): (0, 3600),
    (UPDATE, "BlueGreenUpdatePolicy", "MaximumExecutionTimeoutInSeconds"): (600, 28800),
    (*ROLLING, "MaximumExecutionTimeoutInSeconds"): (600, 28800),
}
STEPS = {"CANARY": "CanarySize", "LINEAR": "LinearStepSize"}


class GuardrailRanges(MlRule):
    """A guarded update takes steps that SageMaker does not allow."""

    id = "E9522"
    shortdesc = "The steps of a guarded update are within their ranges"
    description = (
        "A canary takes at most 50 % of the capacity, a linear step 10 to 50 %, a rolling batch 5 "
        "to 50 %; waits are 0 to 3600 s, and the whole update 600 to 28800 s."
    )
    source = sagemaker_guide("deployment-guardrails-configuration.html", READ)
    tags = ("sagemaker", "guardrails")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields sizes and times out of range, and missing sizes."""
        for endpoint in world.of_type(ENDPOINT):
            for step, bounds in SIZES.items():
                if endpoint.get(*step, "Type") == "CAPACITY_PERCENT":
                    yield from _outside(endpoint, (*step, "Value"), bounds, "%")
            for wait, bounds in SECONDS.items():
                yield from _outside(endpoint, wait, bounds, "s")
            needed = STEPS.get(str(endpoint.get(*ROUTING, "Type")))
            if needed and endpoint.get(*ROUTING, needed) is None:
                yield Finding(
                    endpoint, ROUTING, f"{endpoint.get(*ROUTING, 'Type')} needs {needed}: add it."
                )


def _outside(
    endpoint: Resource, path: tuple[str, ...], bounds: tuple[int, int], unit: str
) -> Iterator[Finding]:
    value = number(endpoint.get(*path))
    least, most = bounds
    if value is not None and not least <= value <= most:
        yield Finding(
            endpoint, path, f"{path[-2]} {path[-1]} is {value:g}: choose {least} to {most} {unit}."
        )
