"""Endpoints that cannot have a shadow."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, Kind, Variant, variants
from rules._world import World

SHADOWS = "ShadowProductionVariants"


class ShadowExclusions(MlRule):
    """A shadow variant stands beside what cannot have one."""

    id = "E9524"
    shortdesc = "A shadow variant stands where SageMaker allows it"
    description = (
        "A shadow is one variant beside one production variant, on instances other than Inf1, "
        "neither serverless nor asynchronous, with models of one container and one model."
    )
    source = sagemaker_guide("shadow-tests.html", READ)
    tags = ("sagemaker", "shadow")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields shadows on configurations that exclude them."""
        for config in world.of_type(CONFIG):
            if not config.items(SHADOWS):
                continue
            counts = [len(config.items(group)) for group in ("ProductionVariants", SHADOWS)]
            reasons = [_reason(variant, world) for variant in variants(config)]
            if counts != [1, 1]:
                reasons.append(f"{counts[0]} production and {counts[1]} shadow variants (1 and 1)")
            for reason in sorted({reason for reason in reasons if reason}):
                yield Finding(
                    config,
                    (SHADOWS,),
                    f"No shadow with {reason}: compare two endpoints by a copy of the traffic.",
                )


def _reason(variant: Variant, world: World) -> str:
    """Returns what excludes a variant from shadow tests; empty if nothing does."""
    model = variant.model(world)
    if variant.kind in (Kind.SERVERLESS, Kind.ASYNC):
        return f"{variant.kind} inference"
    if variant.instance_type.startswith("ml.inf1."):
        return "Inf1 instances"
    if model and model.get("Containers") is not None:
        return "a model of several containers"
    if model and model.get("PrimaryContainer", "Mode") == "MultiModel":
        return "a multi-model container"
    return ""
