"""Names of variants that stay."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, variants
from rules._world import Deferred, World

CHANGING = re.compile(r"timestamp|uuid|random|version|hash|commit|build", re.IGNORECASE)


class VariantName(MlRule):
    """The name of a variant comes from what changes with a release."""

    id = "W9528"
    shortdesc = "The name of a variant does not change"
    description = (
        "An update has to keep the names of the variants: a scalable target is registered under "
        "them, and deployment guardrails refuse to change them."
    )
    source = sagemaker_guide("deployment-guardrails-exclusions.html", READ)
    tags = ("sagemaker", "guardrails")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields variants named after a resource, or a parameter that tells releases apart."""
        for config in world.of_type(CONFIG):
            for variant in variants(config):
                name = variant.settings.get("VariantName")
                if isinstance(name, Deferred) and (name.refers_to or CHANGING.search(name)):
                    yield Finding(
                        config,
                        (*variant.path, "VariantName"),
                        f"The name {name} changes with what it comes from: name the variant after "
                        "its part, such as main.",
                    )
