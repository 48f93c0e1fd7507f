"""What Ref gives of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._endpoint import COMPONENT, ENDPOINT, TARGET
from rules._world import World


class TargetNamesEndpoint(MlRule):
    """A scalable target is built from the ARN of an endpoint."""

    id = "E9508"
    shortdesc = "A scalable target names its endpoint, not its ARN"
    description = (
        "Ref of an endpoint or an inference component is its ARN. The resource ID of a scalable "
        "target takes the name, which GetAtt gives."
    )
    source = docs(
        "AWSCloudFormation/latest/TemplateReference/aws-resource-sagemaker-endpoint.html", READ
    )
    tags = ("sagemaker", "scaling")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields targets whose resource ID holds Ref of what they scale."""
        for target in world.of_type(TARGET):
            resource_id = str(target.get("ResourceId"))
            for kind, attribute in ATTRIBUTES.items():
                for scaled in world.of_type(kind):
                    if f"/${{{scaled.name}}}" in resource_id:
                        yield Finding(
                            target,
                            ("ResourceId",),
                            f"Ref of {scaled.name} is an ARN: use GetAtt "
                            f"{scaled.name}.{attribute}.",
                        )


ATTRIBUTES = {ENDPOINT: "EndpointName", COMPONENT: "InferenceComponentName"}
