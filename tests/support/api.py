"""What a service takes and answers, by its own model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator


@cache
def service(name: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(name, "service-2"))


def operation(resource: str) -> OperationModel:
    """Returns the operation that a task's resource names."""
    found = re.fullmatch(r"arn:aws:states:::(?:aws-sdk:)?(\w+):(\w+)(?:\.sync)?", resource)
    assert found, resource
    name, action = found.groups()
    model = service({"sfn": "stepfunctions"}.get(name, name))
    return model.operation_model(action[0].upper() + action[1:])


def member(shape: Shape, name: str) -> str:
    """Returns the member that Step Functions writes in PascalCase."""
    assert name[0].isupper(), name
    return name if name in shape.members else name[0].lower() + name[1:]


def has_path(shape: Shape, path: str) -> bool:
    """Tells whether an answer has a path such as A.B[0].C or A['x'].B."""
    for name in re.sub(r"\[.*?\]", "", path).split("."):
        while shape.type_name == "list":
            shape = shape.member
        if shape.type_name != "structure" or member(shape, name) not in shape.members:
            return False
        shape = shape.members[member(shape, name)]
    return True


def problems(shape: Shape, arguments: dict[str, Any]) -> list[str]:
    """Returns what the service would reject, of what its model knows."""
    report = ParamValidator().validate(arguments, shape)
    return [*report.generate_report().splitlines(), *out_of_bounds(shape, arguments)]


def out_of_bounds(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Yields what ParamValidator does not look at: choices, patterns and upper bounds."""
    if isinstance(value, dict):
        for name in value:
            if shape.type_name == "map":
                yield from out_of_bounds(shape.value, value[name], f"{path}.{name}")
            elif name in shape.members:
                yield from out_of_bounds(shape.members[name], value[name], f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from out_of_bounds(shape.member, item, f"{path}[]")
    elif isinstance(value, str):
        known = shape.metadata
        if known.get("enum", [value]).count(value) == 0:
            yield f"{path}: {value!r} is not one of {known['enum']}"
        pattern = known.get("pattern", ".*")
        # Unicode classes, in the patterns of tags, are beyond Python's re.
        if r"\p" not in pattern and not re.fullmatch(pattern, value, re.DOTALL):
            yield f"{path}: {value!r} does not match {pattern}"
        if len(value) > known.get("max", len(value)):
            yield f"{path}: {value!r} is longer than {known['max']}"
    elif isinstance(value, int | float) and value > shape.metadata.get("max", value):
        yield f"{path}: {value} is more than {shape.metadata['max']}"
