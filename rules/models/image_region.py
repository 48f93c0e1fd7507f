"""The registry of an image."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalogue.sources import sagemaker_api
from rules._base import READ, Finding, MlRule
from rules._endpoint import MODEL
from rules._world import World

REGISTRY = re.compile(r"[^/]*\.dkr\.ecr(?:-fips)?\.([a-z]{2}(?:-[a-z]+)+-\d)\.")


class ImageRegion(MlRule):
    """An image is bound to one Region."""

    id = "W9542"
    shortdesc = "A container image comes from the registry of its Region"
    description = (
        "SageMaker pulls images from a registry in the Region of the endpoint. A literal Region in "
        "the address makes the template fail in every other one."
    )
    source = sagemaker_api("API_ContainerDefinition.html", READ)
    tags = ("sagemaker", "image")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields images whose address names a Region."""
        for model in world.of_type(MODEL):
            places = [("PrimaryContainer", "Image")] + [
                ("Containers", index, "Image") for index, _ in model.items("Containers")
            ]
            for place in places:
                image = model.get(*place)
                registry = REGISTRY.match(image) if isinstance(image, str) else None
                if registry:
                    yield Finding(
                        model,
                        place,
                        f"The image is in {registry[1]}, wherever the stack is: write "
                        "${AWS::Region}, or a mapping from Region to image.",
                    )
