"""Where a minimum capacity of 0 is allowed."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import INSTANCES, TARGET, Kind, scaled_kind
from rules._world import World, number


class ZeroAllowed(MlRule):
    """A variant that cannot be without capacity has a minimum of 0."""

    id = "E9509"
    shortdesc = "A minimum capacity of 0 stands where it is allowed"
    description = (
        "Asynchronous endpoints and inference components scale to zero. A real-time variant "
        "with a model keeps an instance."
    )
    source = sagemaker_guide("endpoint-auto-scaling-zero-instances.html", READ)
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields targets with a minimum of 0 on variants that cannot have it."""
        for target in world.of_type(TARGET):
            if (
                number(target.get("MinCapacity")) == 0
                and target.get("ScalableDimension") == INSTANCES
                and scaled_kind(target, world) is Kind.REALTIME
            ):
                yield Finding(
                    target,
                    ("MinCapacity",),
                    "MinCapacity is 0 on a real-time variant with a model: set 1, or make the "
                    "endpoint asynchronous or of inference components to scale it to zero.",
                )
