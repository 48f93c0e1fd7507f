"""ManagedInstanceScaling belongs to inference components."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import github_issue
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, variants
from rules._world import World


class ManagedScalingWithoutModel(MlRule):
    """A variant with a model asks for ManagedInstanceScaling."""

    id = "E9506"
    shortdesc = "ManagedInstanceScaling stands on variants without a model"
    description = (
        "ManagedInstanceScaling follows the copies of inference components. SageMaker rejects it "
        "on a variant that names a model itself."
    )
    source = github_issue("hashicorp/terraform-provider-aws", 45926, READ)
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields variants with both."""
        for config in world.of_type(CONFIG):
            for variant in variants(config):
                settings = variant.settings
                if "ManagedInstanceScaling" in settings and "ModelName" in settings:
                    yield Finding(
                        config,
                        (*variant.path, "ManagedInstanceScaling"),
                        "SageMaker rejects ManagedInstanceScaling on a variant with ModelName: "
                        "scale it by Application Auto Scaling, or move the model to an "
                        "inference component.",
                    )
