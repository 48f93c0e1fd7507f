"""Names that stand in the way of a replacement."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, MODEL
from rules._world import Deferred, World

NAMES = {MODEL: "ModelName", CONFIG: "EndpointConfigName"}


class FixedName(MlRule):
    """A resource that is replaced with every change has a name of its own."""

    id = "W9540"
    shortdesc = "Models and endpoint configurations have no fixed name"
    description = (
        "Models and endpoint configurations cannot be changed, only replaced, and CloudFormation "
        "creates the new one first: under a fixed name the update fails, for the old one bears it."
    )
    source = docs(
        "AWSCloudFormation/latest/TemplateReference/aws-properties-name.html",
        READ,
    )
    tags = ("sagemaker", "names")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields names that no change of the resource changes."""
        for resource in world.of_type(*NAMES):
            name = resource.get(NAMES[resource.type])
            if isinstance(name, str) and (not isinstance(name, Deferred) or _is_stacks(name)):
                yield Finding(
                    resource,
                    (NAMES[resource.type],),
                    f"The name {name} is taken when a change replaces the resource: leave it out.",
                )


def _is_stacks(name: str) -> bool:
    """Whether only the stack, its account and its Region vary in a name."""
    return not re.search(r"\$\{(?!AWS::)", name)
