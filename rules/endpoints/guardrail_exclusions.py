"""Endpoints that cannot be updated step by step."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import ENDPOINT, Kind, config_of, variants
from rules._world import World

ROLLING = ("DeploymentConfig", "RollingUpdatePolicy")


class GuardrailExclusions(MlRule):
    """An endpoint asks for a guarded update that it cannot have."""

    id = "E9523"
    shortdesc = "Deployment guardrails stand on endpoints that can have them"
    description = (
        "Inf1 instances fall back to all at once, without a word. Rolling updates are neither for "
        "serverless endpoints nor for those of several variants."
    )
    source = sagemaker_guide("deployment-guardrails-exclusions.html", READ)
    tags = ("sagemaker", "guardrails")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields guardrails on endpoints that are excluded from them."""
        for endpoint in world.of_type(ENDPOINT):
            config = config_of(endpoint, world)
            if config is None or endpoint.get("DeploymentConfig") is None:
                continue
            found = variants(config)
            if any(variant.instance_type.startswith("ml.inf1.") for variant in found):
                yield Finding(
                    endpoint,
                    ("DeploymentConfig",),
                    "Inf1 instances have no deployment guardrails: use Inf2, or leave them out.",
                )
            if endpoint.get(*ROLLING) is None:
                continue
            if any(variant.kind is Kind.SERVERLESS for variant in found):
                yield Finding(
                    endpoint,
                    ROLLING,
                    "A serverless endpoint has no rolling update: use BlueGreenUpdatePolicy.",
                )
            if len(config.items("ProductionVariants")) > 1:
                yield Finding(
                    endpoint,
                    ROLLING,
                    "Several variants have no rolling update: use BlueGreenUpdatePolicy.",
                )
