"""The schemas of CloudFormation's resource types, as cfn-lint ships them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from rehearsal.emulator import host

Properties = dict[str, Any]

FOLDER = Path(os.environ.get("REHEARSAL_SCHEMAS", ""))
"""cfnlint/data/schemas of the environment that has cfn-lint."""


@cache
def _index() -> dict[str, str]:
    file = FOLDER / "providers" / f"{host.REGION}.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


def known() -> list[str]:
    """Returns the types that have a schema."""
    return list(_index())


@cache
def schema(resource_type: str) -> Properties:
    """Returns a type's schema.

    Raises:
        KeyError: There is no such type in this Region.
    """
    file = FOLDER / "resources" / f"{_index()[resource_type]}.json"
    return dict(json.loads(file.read_text(encoding="utf-8")))


def names(resource_type: str, keyword: str) -> list[str]:
    """Returns properties that a keyword of the schema names, such as "readOnlyProperties"."""
    paths = schema(resource_type).get(keyword, [])
    return [path.removeprefix("/properties/").replace("/", ".") for path in paths]


def reference(resource_type: str, properties: Properties) -> str:
    """Returns what Ref gives: the primary identifier, several parts joined by a bar."""
    return "|".join(str(properties[name]) for name in names(resource_type, "primaryIdentifier"))


def fits(value: str, pattern: str) -> bool:
    """Returns whether a text has a pattern of AWS; those that only Java understands pass."""
    known = _compiled(pattern)
    return known is None or known.search(value) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _pattern(_: Any, pattern: str, value: Any, __: Any) -> Iterator[jsonschema.ValidationError]:
    if isinstance(value, str) and not fits(value, pattern):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


_Validator = jsonschema.validators.extend(jsonschema.Draft7Validator, {"pattern": _pattern})


def check(resource_type: str, properties: Properties) -> None:
    """Holds a resource's properties against its type's schema.

    Raises:
        ValueError: They do not fit.
    """
    rules = schema(resource_type)
    for problem in _Validator(rules).iter_errors(coerced(properties, rules, rules)):
        where = "/".join(map(str, problem.absolute_path)) or "the resource"
        raise ValueError(f"{resource_type}: {where}: {problem.message}")


def coerced(value: Any, rules: Any, root: Properties) -> Any:
    """Returns a value with texts turned into what its schema wants, as CloudFormation does."""
    if not isinstance(rules, dict):
        return value
    if "$ref" in rules:
        return coerced(value, root["definitions"][rules["$ref"].rsplit("/", 1)[-1]], root)
    if isinstance(value, dict):
        members = rules.get("properties", {})
        return {key: coerced(inner, members.get(key), root) for key, inner in value.items()}
    if isinstance(value, list):
        return [coerced(inner, rules.get("items"), root) for inner in value]
    return _scalar(value, rules.get("type"))


def _scalar(value: Any, wanted: Any) -> Any:
    if wanted == "string" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if wanted == "boolean" and value in ("true", "false"):
        return value == "true"
    number = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value)
    if number and wanted in ("integer", "number"):
        return int(value) if wanted == "integer" else float(value)
    return value
