"""Cases of rules: what is wrong, and what would be right in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.rules.said import Said, found, template
from tests.rules.shapes import Resources


@dataclass(frozen=True)
class Case:
    """A fault.

    Attributes:
        rule: The number of the rule that finds it.
        build: Returns resources in which a value is said.
        fault: The value that is wrong.
        right: The value that is not.
    """

    rule: str
    build: Callable[[Any], Resources]
    fault: Any
    right: Any

    def __str__(self) -> str:
        return f"{self.rule} {str(self.fault)[:30]}"

    def found(self, way: str) -> set[str]:
        """Returns what is found in the faulty template."""
        return found(template(self.build(Said(self.fault, self.right)), way))

    def found_when_right(self, way: str) -> set[str]:
        """Returns what is found in the template that is right."""
        return found(template(self.build(Said(self.right, self.right)), way))
