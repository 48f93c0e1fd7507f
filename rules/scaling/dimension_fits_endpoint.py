"""A scalable dimension and the kind of the variant that it scales."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._endpoint import COPIES, INSTANCES, PROVISIONED, TARGET, Kind, scaled_kind
from rules._world import World

FITTING = {
    Kind.REALTIME: INSTANCES,
    Kind.ASYNC: INSTANCES,
    Kind.SERVERLESS: PROVISIONED,
}


class DimensionFitsEndpoint(MlRule):
    """A scalable target scales what its variant does not have."""

    id = "E9502"
    shortdesc = "The scalable dimension fits the kind of the endpoint"
    description = (
        "Variants on instances scale their instance count, serverless variants their provisioned "
        "concurrency, and inference components their copies, on a resource of their own."
    )
    source = docs("autoscaling/application/APIReference/API_RegisterScalableTarget.html", READ)
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields targets whose dimension their variant does not have."""
        for target in world.of_type(TARGET):
            dimension = str(target.get("ScalableDimension"))
            kind = scaled_kind(target, world)
            if kind is Kind.COMPONENTS and dimension in (INSTANCES, PROVISIONED):
                yield Finding(
                    target,
                    ("ScalableDimension",),
                    f"{dimension} does not scale inference components: scale {COPIES} on "
                    "inference-component/NAME, and the instances by ManagedInstanceScaling.",
                )
            elif kind in FITTING and dimension in {*FITTING.values(), COPIES} - {FITTING[kind]}:
                yield Finding(
                    target,
                    ("ScalableDimension",),
                    f"{dimension} does not exist on a variant that is {kind}: "
                    f"scale {FITTING[kind]}.",
                )
