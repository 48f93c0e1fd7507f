"""The container images that SageMaker provides for its built-in algorithms."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import Aws, CfnMapping, Stack, Token
from constructs import Construct

from mla_constructs.errors import InvalidArgument

TABLE = Path(__file__).with_name("built_in_images.json")
"""Registry account of each commercial region; scripts/refresh_images.py writes it."""

MAPPING = "BuiltInImages"


class BuiltInImage:
    """Reference to a built-in algorithm's image in the region that the stack is deployed to.

    Every region has a registry account of its own. It is looked up during deployment, in one
    mapping per stack, so that the template fits any region of the table. In another region the
    lookup fails when CloudFormation validates the template, before it creates anything.

    Args:
        scope: Construct whose stack uses the image.
        algorithm: Name of the algorithm in the table.

    Attributes:
        uri: Image URI with tag, as a model or a training job takes it.
        repository_arn: ARN of the ECR repository, for the statement that allows the pull.

    Raises:
        InvalidArgument: The algorithm is not in the table, or the stack is bound to a region that
            is not.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg-ecr-paths/sagemaker-algo-docker-registry-paths.html
    """

    def __init__(self, scope: Construct, *, algorithm: str = "xgboost") -> None:
        images = _images()
        if algorithm not in images:
            raise InvalidArgument(
                f"algorithm is {algorithm!r}: choose from {', '.join(sorted(images))}."
            )
        image = images[algorithm]
        stack = Stack.of(scope)
        _require_region(stack.region, algorithm, image["accounts"])
        account = _mapping(stack).find_in_map(Aws.REGION, algorithm)
        repository: str = image["repository"]
        self._uri = f"{account}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}/{repository}:{image['tag']}"
        self._repository_arn = (
            f"arn:{Aws.PARTITION}:ecr:{Aws.REGION}:{account}:repository/{repository}"
        )

    @property
    def uri(self) -> str:
        """Image URI with tag."""
        return self._uri

    @property
    def repository_arn(self) -> str:
        """ARN of the ECR repository."""
        return self._repository_arn


@cache
def _images() -> dict[str, dict[str, Any]]:
    images: dict[str, dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))["images"]
    return images


def _require_region(region: str, algorithm: str, accounts: dict[str, str]) -> None:
    if Token.is_unresolved(region) or region in accounts:
        return
    area = region.split("-", maxsplit=1)[0] + "-"
    nearest = [name for name in sorted(accounts) if name.startswith(area)] or sorted(accounts)
    raise InvalidArgument(
        f"region is {region!r}, for which no {algorithm} image is known: deploy to one of "
        f"{', '.join(nearest)}, or run scripts/refresh_images.py if AWS has added it."
    )


def _mapping(stack: Stack) -> CfnMapping:
    """Returns the stack's one mapping from region and algorithm to registry account."""
    existing = stack.node.try_find_child(MAPPING)
    if isinstance(existing, CfnMapping):
        return existing
    regions: dict[str, dict[str, str]] = {}
    for algorithm, image in _images().items():
        for region, account in image["accounts"].items():
            regions.setdefault(region, {})[algorithm] = account
    return CfnMapping(stack, MAPPING, mapping=regions)
