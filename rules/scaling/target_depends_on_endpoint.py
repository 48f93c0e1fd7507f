"""The order of a scalable target and its endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._endpoint import TARGET, component_of, endpoint_of
from rules._world import Resource, World, references


class TargetDependsOnEndpoint(MlRule):
    """Nothing makes a scalable target wait for the endpoint of the same template."""

    id = "E9507"
    shortdesc = "A scalable target depends on its endpoint"
    description = (
        "A target is registered only while its variant exists. Where it names the endpoint as "
        "text, CloudFormation may create it first, and the deployment fails."
    )
    source = docs(
        "AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html",
        READ,
    )
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields targets that neither refer to what they scale nor depend on it."""
        for target in world.of_type(TARGET):
            scaled = endpoint_of(target, world) or component_of(target, world)
            if scaled and scaled.name not in _waits_for(target, world):
                yield Finding(
                    target,
                    ("ResourceId",),
                    f"Nothing makes the target wait for {scaled.name}: build ResourceId from "
                    f"its name by GetAtt, or add DependsOn: {scaled.name}.",
                )


def _waits_for(resource: Resource, world: World) -> set[str]:
    """Returns what a resource waits for, directly or by another resource."""
    waited: set[str] = set()
    ahead = {resource.name}
    while ahead:
        current = world.resources.get(ahead.pop())
        direct = references(dict(current.properties)) | current.depends_on if current else set()
        ahead |= direct - waited
        waited |= direct
    return waited
