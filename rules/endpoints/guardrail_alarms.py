"""What rolls an update back."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import ENDPOINT
from rules._world import World


class GuardrailAlarms(MlRule):
    """A guarded update has nothing that would roll it back."""

    id = "W9521"
    shortdesc = "Deployment guardrails have alarms"
    description = (
        "Canary, linear and rolling updates shift traffic step by step so that an alarm can stop "
        "them. Without AutoRollbackConfiguration a bad model reaches everybody, only later."
    )
    source = sagemaker_guide("deployment-guardrails-configuration.html", READ)
    tags = ("sagemaker", "guardrails")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields guardrails that no alarm watches."""
        for endpoint in world.of_type(ENDPOINT):
            alarms = endpoint.get("DeploymentConfig", "AutoRollbackConfiguration", "Alarms")
            if endpoint.get("DeploymentConfig") is not None and not alarms:
                yield Finding(
                    endpoint,
                    ("DeploymentConfig",),
                    "No alarm rolls this update back: name 1 to 10 in "
                    "AutoRollbackConfiguration.Alarms.",
                )
