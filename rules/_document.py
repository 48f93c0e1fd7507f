"""Documents within a template: pipelines and state machines, written as JSON text or as objects."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rules._world import Resource, World

PLACES: dict[str, tuple[tuple[str, ...], ...]] = {
    "AWS::SageMaker::Pipeline": (
        ("PipelineDefinition", "PipelineDefinitionBody"),
        ("PipelineDefinition",),
    ),
    "AWS::SageMaker::ProcessingJob": ((),),
    "AWS::Serverless::StateMachine": (("Definition",),),
    "AWS::StepFunctions::StateMachine": (("DefinitionString",), ("Definition",)),
}
"""Type -> where its document may stand; the first that there is, is the one."""

BARE = re.compile(r"([:\[,]\s*)\$\{[^}]*\}(?=\s*[,}\]])")
"""A value that only the deployment knows, without quotation marks: a number, an object."""


def documents(world: World) -> Iterator[tuple[Resource, tuple[str, ...], Any]]:
    """Yields workflows, where their documents stand, and the documents."""
    for resource in world.of_type(*PLACES):
        for path in PLACES[resource.type]:
            found = _document(resource.get(*path) if path else dict(resource.properties))
            if found is not None:
                yield resource, path, found
                break


def _document(value: Any) -> Any:
    """Returns what a property says, as text or as an object; None if it cannot be read."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(BARE.sub(r"\1null", value))
    except (ValueError, RecursionError):
        return None
