"""Reads a synthesized CloudFormation template the way a person would."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from catalogue.errors import UsageError
from catalogue.model import Fact, InTemplate, Sourced

DOCUMENTS = {"Document", "DefinitionString", "InlineRecipe", "Manifest"}
"""Properties that hold a JSON document as text."""


class Template:
    """A CloudFormation template.

    Intrinsic functions read as text (`<AWS::Region>`, `<Key961B73FD.Arn>`), and a document that
    stands in a text (a workflow's definition, a cluster's manifests) as the document it is.

    Args:
        document: The template.
        name: Its stack, for messages.
    """

    def __init__(self, document: dict[str, Any], name: str) -> None:
        if not isinstance(document.get("Resources"), dict):
            raise UsageError(f"The template of {name} has no Resources: synthesize it again.")
        self.document = document
        self.name = name

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical ID -> resource, with its properties made readable."""
        return {
            logical_id: {**resource, "Properties": _properties(resource)}
            for logical_id, resource in self.document["Resources"].items()
        }

    def of_type(self, resource_type: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields logical ID and properties of the resources of a type."""
        for logical_id, resource in self.resources.items():
            if resource["Type"] == resource_type:
                yield logical_id, resource["Properties"]

    def only(self, resource_type: str) -> dict[str, Any]:
        """Returns the properties of the one resource of a type.

        Raises:
            ValueError: There is none, or more than one.
        """
        ((_, properties),) = self.of_type(resource_type)
        return properties

    def type_counts(self) -> Counter[str]:
        """Returns how many resources there are of each type."""
        return Counter(resource["Type"] for resource in self.resources.values())

    def values(self, fact: InTemplate) -> list[Any]:
        """Returns what the template's resources say to a fact, nothing if none does."""
        import jmespath

        expression = jmespath.compile(fact.path)
        found = (
            expression.search(properties) for _, properties in self.of_type(fact.resource_type)
        )
        return [value for value in found if value is not None]

    def text(self, fact: Fact) -> str:
        """Returns a fact as text: the source's statement, or the template's value with its unit.

        Raises:
            UsageError: The template should state a value and does not.
        """
        if isinstance(fact, Sourced):
            return fact.text
        values = self.values(fact)
        if values:
            value = values[0]
            shown = f"{value:g}" if isinstance(value, float) else _words(value)
            return f"{shown} {fact.unit}".rstrip()
        if fact.absent is None:
            raise UsageError(
                f"{self.name} has no {fact.resource_type} with {fact.path}: correct its facts.py."
            )
        return fact.absent


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _properties(resource: dict[str, Any]) -> dict[str, Any]:
    properties: dict[str, Any] = readable(resource.get("Properties", {}))
    pipeline = properties.get("PipelineDefinition", {})
    for holder, names in ((properties, DOCUMENTS), (pipeline, {"PipelineDefinitionBody"})):
        for name in names & holder.keys():
            if isinstance(holder[name], str):
                holder[name] = json.loads(holder[name])
    return properties


def readable(value: Any) -> Any:
    """Returns a template's value with every intrinsic function written as text."""
    match value:
        case {"Ref": str(name)} if len(value) == 1:
            text: Any = f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            text = f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, list(parts)]}:
            text = str(separator).join(str(readable(part)) for part in parts)
        case {"Fn::Sub": str(pattern)}:
            text = pattern.replace("${", "<").replace("}", ">")
        case {"Fn::FindInMap": [mapping, *_]}:
            text = f"<{mapping}>"
        case dict():
            text = {name: readable(item) for name, item in value.items()}
        case list():
            text = [readable(item) for item in value]
        case _:
            text = value
    return text
