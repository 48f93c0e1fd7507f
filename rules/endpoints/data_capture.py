"""What an endpoint was asked, and what it answered."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, Kind, Variant, variants
from rules._world import Deferred, World, is_true


class DataCapture(MlRule):
    """Nothing keeps what a real-time endpoint was asked."""

    id = "I9527"
    shortdesc = "An endpoint captures its data"
    description = (
        "Without captured requests and answers there is nothing to look for drift in. Data capture "
        "stays usable after Model Monitor closed to new accounts. Of several models, or several "
        "containers, SageMaker's table of features lists none."
    )
    source = sagemaker_guide("model-monitor-data-capture-endpoint.html", READ)
    tags = ("sagemaker", "monitoring")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields configurations of real-time variants of one model without data capture."""
        for config in world.of_type(CONFIG):
            found = variants(config)
            enabled = config.get("DataCaptureConfig", "EnableCapture")
            unknown = isinstance(enabled, Deferred)
            if not found or unknown or is_true(enabled):
                continue
            if all(_can_be_captured(variant, world) for variant in found):
                yield Finding(
                    config,
                    (),
                    "Requests and answers are not kept: set DataCaptureConfig to find drift.",
                )


def _can_be_captured(variant: Variant, world: World) -> bool:
    """Whether a variant is real-time, of one model in one container as far as one can see."""
    model = variant.model(world)
    several = model is not None and (
        len(model.items("Containers")) > 1
        or any(c.get("Mode") == "MultiModel" for _, c in model.items("Containers"))
        or model.get("PrimaryContainer", "Mode") == "MultiModel"
    )
    return variant.kind is Kind.REALTIME and not several
