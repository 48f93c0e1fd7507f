"""A template as CloudFormation would see it, under one outcome of its conditions.

Fn::If is decided; Ref to a parameter is its default; Sub, Join, FindInMap, Select and Split are
carried out as far as they can be. What is only known at deployment is `Deferred`: text such as
"endpoint/${Endpoint.EndpointName}/variant/main" that remembers to which resources it refers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

from cfnlint.template import Template

COMBINED = 6
"""Conditions whose outcomes are combined; of more, each is taken true and false once."""

LONGEST_PARAMETER = 4096
"""Characters that the value of a parameter may have."""
COMPOSED = 4 * 1024 * 1024
"""Characters of text put together in one outcome, some times what a whole template may have: what
refers to long text again and again shall not fill the memory."""

ABSENT = object()


class Deferred(str):
    """Text, or any other value, that is only known at deployment.

    Attributes:
        refers_to: Logical IDs of the resources from which it comes.
    """

    refers_to: frozenset[str]

    def __new__(cls, text: str, refers_to: frozenset[str] = frozenset()) -> Deferred:
        """Returns the text with what it refers to."""
        self = super().__new__(cls, text)
        self.refers_to = refers_to
        return self


def references(value: Any) -> frozenset[str]:
    """Returns the logical IDs to which a resolved value refers."""
    match value:
        case Deferred():
            return value.refers_to
        case dict():
            return frozenset().union(*map(references, value.values()))
        case list():
            return frozenset().union(*map(references, value))
    return frozenset()


def number(value: Any) -> float | None:
    """Returns a resolved value as a number; None if it is none, or not known yet."""
    if isinstance(value, bool):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def is_true(value: Any) -> bool:
    """Whether a resolved value is true, as CloudFormation reads it."""
    return value is True or (isinstance(value, str) and value.lower() == "true")


def is_kind(resource_type: str, kind: str) -> bool:
    """Whether a type is a kind of resource: a type, or a service with :: behind it."""
    return resource_type.startswith(kind) if kind.endswith("::") else resource_type == kind


@dataclass(frozen=True)
class Resource:
    """A resource of the template, with resolved properties.

    Attributes:
        name: Its logical ID.
        type: Its CloudFormation type.
        properties: Resolved; what Fn::If leaves out is left out.
        depends_on: What stands in its DependsOn.
    """

    name: str
    type: str
    properties: Mapping[str, Any]
    depends_on: frozenset[str]

    def get(self, *path: str | int) -> Any:
        """Returns a property; None if it is absent, and what is deferred as far as it is known."""
        value: Any = self.properties
        for step in path:
            match value:
                case Deferred():
                    return value
                case dict() if step in value:
                    value = value[step]
                case list() if isinstance(step, int) and step < len(value):
                    value = value[step]
                case _:
                    return None
        return value

    def items(self, *path: str | int) -> list[tuple[int, dict[str, Any]]]:
        """Returns the objects of a list with their places; nothing if there is no such list."""
        value = self.get(*path)
        return [
            (index, item)
            for index, item in enumerate(value if isinstance(value, list) else [])
            if isinstance(item, dict)
        ]


class World:
    """A template under one outcome of its conditions.

    Args:
        template: As cfn-lint read it; of SAM, Globals are merged and the rest is as written.
        outcome: Condition -> whether it holds.
    """

    def __init__(self, template: Mapping[str, Any], outcome: Mapping[str, bool]) -> None:
        self.template = template
        self.outcome = outcome
        self._left = COMPOSED

    @cached_property
    def resources(self) -> dict[str, Resource]:
        """Logical ID -> resource, of those that the conditions let be."""
        bodies = dict(_objects(self.template.get("Resources")))
        return {
            name: resource for name, resource in self.possible.items() if self._exists(bodies[name])
        }

    @cached_property
    def possible(self) -> dict[str, Resource]:
        """Logical ID -> resource, of all, whether this outcome lets them be or not."""
        return {
            name: self._resource(name, body)
            for name, body in _objects(self.template.get("Resources"))
            if isinstance(body.get("Type"), str)
        }

    def of_type(self, *types: str) -> list[Resource]:
        """Returns the resources of some types."""
        return [resource for one in types for resource in self._by_type.get(one, [])]

    @cached_property
    def _by_type(self) -> dict[str, list[Resource]]:
        found: dict[str, list[Resource]] = {}
        for resource in self.resources.values():
            found.setdefault(resource.type, []).append(resource)
        return found

    def named(self, value: Any, resource_type: str, property_name: str) -> Resource | None:
        """Returns the resource of a type to which a value refers, or that bears it as its name."""
        for resource in self.of_type(resource_type):
            own = resource.get(property_name)
            if resource.name in references(value) or (own is not None and own == value):
                return resource
        return None

    def place(self, path: tuple[str | int, ...]) -> list[str | int]:
        """Returns where a resolved path stands in the template, as deep as it can be followed."""
        place: list[str | int] = []
        value: Any = self.template
        for step in path:
            value = self._decided(value, place)
            if isinstance(value, list) and isinstance(step, int):
                kept = [i for i, item in enumerate(value) if not self._left_out(item)]
                step = kept[step] if step < len(kept) else len(value)  # noqa: PLW2901
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                break
            place.append(step)
        return place

    def resolve(self, value: Any) -> Any:
        """Returns a value of the template with its functions carried out."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not ABSENT]
        if isinstance(value, str) and value.startswith("{{resolve:"):
            return Deferred(value)
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            if name in ("Ref", "Condition") or str(name).startswith("Fn::"):
                return self._call(str(name), argument)
        fields = {str(name): self.resolve(item) for name, item in value.items()}
        return {name: item for name, item in fields.items() if item is not ABSENT}

    def _resource(self, name: str, body: Mapping[str, Any]) -> Resource:
        properties = self.resolve(body.get("Properties", {}))
        depends_on = body.get("DependsOn", [])
        return Resource(
            name,
            str(body["Type"]),
            properties if isinstance(properties, dict) else {},
            frozenset(map(str, depends_on if isinstance(depends_on, list) else [depends_on])),
        )

    def _exists(self, body: Mapping[str, Any]) -> bool:
        return self.outcome.get(str(body.get("Condition")), True)

    def _decided(self, value: Any, place: list[str | int]) -> Any:
        while isinstance(value, dict) and len(value) == 1 and "Fn::If" in value:
            branches = value["Fn::If"]
            if not _is_if(branches):
                break
            branch = self._branch(branches)
            place += ["Fn::If", branch]
            value = branches[branch]
        return value

    def _left_out(self, value: Any) -> bool:
        return bool(self._decided(value, []) == {"Ref": "AWS::NoValue"})

    def _branch(self, branches: list[Any]) -> int:
        return 1 if self.outcome.get(str(branches[0]), True) else 2

    def _call(self, name: str, argument: Any) -> Any:  # noqa: PLR0911  # one return a function
        match name:
            case "Ref":
                return self._ref(str(argument))
            case "Fn::If" if _is_if(argument):
                return self.resolve(argument[self._branch(argument)])
            case "Fn::GetAtt" if argument:
                parts = argument if isinstance(argument, list) else str(argument).split(".", 1)
                return Deferred(f"${{{'.'.join(map(str, parts))}}}", frozenset({str(parts[0])}))
            case "Fn::Sub":
                return self._sub(argument)
            case "Fn::Join" if isinstance(argument, list) and len(argument) == 2:  # noqa: PLR2004
                items = self.resolve(argument[1])
                if isinstance(items, list):
                    return self._text(items, str(argument[0]))
            case "Fn::ToJsonString":
                return _json(self.resolve(argument))
            case "Fn::Select" | "Fn::Split" | "Fn::FindInMap" if isinstance(argument, list):
                return self._look_up(name, self.resolve(argument))
        return Deferred(f"${{{name}}}", references(self.resolve(argument)))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return ABSENT
        parameter = _object(_object(self.template.get("Parameters")).get(name))
        if not parameter:
            pseudo = name.startswith("AWS::")
            return Deferred(f"${{{name}}}", frozenset() if pseudo else frozenset({name}))
        kind = str(parameter.get("Type"))
        default = parameter.get("Default")
        unknown = default is None or len(str(default)) > LONGEST_PARAMETER
        if unknown or kind.startswith("AWS::SSM") or name in self._decisive:
            return Deferred(f"${{{name}}}")
        if kind == "CommaDelimitedList" or kind.startswith("List<"):
            return [item.strip() for item in str(default).split(",")]
        return default

    @cached_property
    def _decisive(self) -> set[str]:
        """Parameters on which conditions depend: their defaults hold in some outcomes only."""
        return set(re.findall(r"'Ref': '(\w+)'", repr(self.template.get("Conditions", {}))))

    def _sub(self, argument: Any) -> Any:
        text, given = argument, {}
        if isinstance(argument, list) and len(argument) == 2:  # noqa: PLR2004
            text, given = argument[0], self.resolve(argument[1])
        if not isinstance(text, str) or not isinstance(given, dict):
            return Deferred("${Fn::Sub}", references(given))
        parts: list[Any] = []
        for literal, name in re.findall(r"([^$]+|\$(?!\{[^!}]))|\$\{([^!}]+)\}", text):
            if not name:
                parts.append(literal)
            elif name.strip() in given:
                parts.append(given[name.strip()])
            else:
                function = "Fn::GetAtt" if "." in name else "Ref"
                parts.append(self._call(function, name.strip()))
        return self._text(parts, "")

    def _text(self, parts: list[Any], separator: str) -> str:
        """Returns parts as one text; what is no text itself stays unknown."""
        kept = [part for part in parts if part is not ABSENT]
        said = [p if isinstance(p, str | int | float) else Deferred("${...}") for p in kept]
        refers_to = references(said)
        written: list[str] = []
        for part in said:
            written.append(str(part))
            if not self._affords(len(written[-1]) + len(separator)):
                return Deferred("${...}", refers_to)
        text = separator.join(written)
        if any(isinstance(part, Deferred) for part in said):
            return Deferred(text, refers_to)
        return text

    def _affords(self, size: int) -> bool:
        self._left -= size
        return self._left >= 0

    def _look_up(self, name: str, argument: list[Any]) -> Any:
        match name, argument:
            case "Fn::Select", [index, [*items]] if (at := number(index)) is not None:
                if 0 <= int(at) < len(items):
                    return items[int(at)]
            case "Fn::Split", [str(separator), str(text)] if not isinstance(text, Deferred):
                return text.split(separator)
            case "Fn::FindInMap", [str(table), str(first), str(second), *_]:
                rows = _object(_object(self.template.get("Mappings")).get(table))
                value = _object(rows.get(first)).get(second)
                if value is not None and self._affords(
                    len(value) if isinstance(value, list) else 1
                ):
                    return value
        return Deferred(f"${{{name}}}", references(argument))


def worlds(cfn: Template) -> list[World]:
    """Returns the template under the outcomes that its conditions can have."""
    if cfn not in _WORLDS:
        _WORLDS[cfn] = [World(cfn.template, outcome) for outcome in _outcomes(cfn)]
    return _WORLDS[cfn]


_WORLDS: WeakKeyDictionary[Template, list[World]] = WeakKeyDictionary()


def _outcomes(cfn: Template) -> Iterator[dict[str, bool]]:
    used = sorted(set(_conditions(cfn.template.get("Resources"))))
    either = {name: {True, False} for name in used}
    if len(used) <= COMBINED:
        yield from list(cfn.conditions.build_scenarios(either)) or [{}]
        return
    for name in used:
        for holds in (True, False):
            outcome = next(cfn.conditions.build_scenarios({**either, name: {holds}}), None)
            if outcome is not None:
                yield outcome


def _conditions(value: Any) -> Iterator[str]:
    """Yields the names of conditions on which a part of the template depends."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "Fn::If" and _is_if(item):
                yield str(item[0])
            elif key == "Condition" and isinstance(item, str):
                yield str(item)
            yield from _conditions(item)
    elif isinstance(value, list):
        for item in value:
            yield from _conditions(item)


def _is_if(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 3  # noqa: PLR2004


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    return [(str(name), body) for name, body in _object(value).items() if isinstance(body, dict)]


def _json(value: Any) -> str:
    try:
        text = json.dumps(value)
    except (TypeError, ValueError):
        text = "${Fn::ToJsonString}"
    return Deferred(text, references(value))
