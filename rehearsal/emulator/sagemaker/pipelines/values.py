"""Values of a pipeline definition that are known only in an execution.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-properties.html
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/build-and-manage-propertyfile.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator.sagemaker.records import Record

PART = re.compile(r"\.?([^.\[\]]+)|\[(?:'([^']+)'|(\d+))\]")


class ValueMissingError(Exception):
    """A reference leads nowhere; the text says which."""


def references(value: Any) -> Iterator[str]:
    """Yields the paths of all references in a value."""
    if isinstance(value, dict):
        if set(value) == {"Get"}:
            yield value["Get"]
            return
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


@dataclass
class Values:
    """What references of an execution lead to.

    Attributes:
        parameters: Name -> value.
        execution: Such as PipelineExecutionId.
        steps: Name -> properties of a step that has run.
        files: (step, property file) -> address of the file.
        read: Reads an object as the pipeline's role.
    """

    parameters: dict[str, Any]
    execution: Record
    read: Callable[[str], bytes]
    steps: dict[str, Record] = field(default_factory=dict)
    files: dict[tuple[str, str], str] = field(default_factory=dict)

    def resolve(self, value: Any) -> Any:
        """Returns a value with all references replaced.

        Raises:
            ValueMissingError: One leads nowhere.
        """
        if isinstance(value, list):
            return [self.resolve(inner) for inner in value]
        if not isinstance(value, dict):
            return value
        if set(value) == {"Get"}:
            return self._get(value["Get"])
        if set(value) == {"Std:Join"}:
            join = value["Std:Join"]
            return join["On"].join(_text(self.resolve(inner)) for inner in join["Values"])
        if set(value) == {"Std:JsonGet"}:
            return self._json(value["Std:JsonGet"])
        return {key: self.resolve(inner) for key, inner in value.items()}

    def _get(self, path: str) -> Any:
        kind, _, rest = path.partition(".")
        roots = {"Parameters": self.parameters, "Execution": self.execution, "Steps": self.steps}
        if kind not in roots:
            raise ValueMissingError(f"The rehearsal does not know the reference {path}.")
        found: Any = roots[kind]
        for match in PART.finditer(rest):
            found = _member(found, match, path)
        return found

    def _json(self, get: Record) -> Any:
        _, step, _, name = get["PropertyFile"]["Get"].split(".")
        uri = self.files[step, name]
        found: Any = json.loads(self.read(uri))
        for match in PART.finditer(get["Path"]):
            found = _member(found, match, f"{uri}#{get['Path']}")
        return found


def _member(found: Any, match: re.Match[str], path: str) -> Any:
    name, quoted, index = match.groups()
    try:
        if index is not None:
            return found[int(index)]
        if quoted is not None and isinstance(found, list):
            # Lists of named things, such as the outputs of a processing job.
            return next(one for one in found if quoted in (one.get("OutputName"), one.get("Name")))
        return found[name or quoted]
    except (KeyError, IndexError, TypeError, StopIteration):
        raise ValueMissingError(f"{path} leads nowhere: {match[0]} is not there.") from None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
