"""What an endpoint was asked, and what it answered."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, Kind, variants
from rules._world import Deferred, World, is_true


class DataCapture(MlRule):
    """Nothing keeps what a real-time endpoint was asked."""

    id = "I9527"
    shortdesc = "An endpoint captures its data"
    description = (
        "Without captured requests and answers there is nothing to look for drift in. Data capture "
        "stays usable after Model Monitor closed to new accounts."
    )
    source = sagemaker_guide("model-monitor-data-capture-endpoint.html", READ)
    tags = ("sagemaker", "monitoring")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields configurations of real-time variants without data capture."""
        for config in world.of_type(CONFIG):
            kinds = {variant.kind for variant in variants(config)}
            enabled = config.get("DataCaptureConfig", "EnableCapture")
            unknown = isinstance(enabled, Deferred)
            if kinds == {Kind.REALTIME} and not unknown and not is_true(enabled):
                yield Finding(
                    config,
                    (),
                    "Requests and answers are not kept: set DataCaptureConfig to find drift.",
                )
