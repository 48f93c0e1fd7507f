"""What every rule of the pack has in common."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

from catalogue.model import Source
from rules._world import Resource, World, worlds

READ = date(2026, 11, 22)
"""The day on which the pages were read."""


@dataclass(frozen=True)
class Finding:
    """What a rule finds.

    Attributes:
        resource: At which resource.
        path: At which of its properties.
        message: What is wrong, with the value, and how to mend it.
        source: The page that says so, if it is not that of the rule.
    """

    resource: Resource
    path: tuple[str | int, ...]
    message: str
    source: Source | None = None


LONGEST_MESSAGE = 400
"""Characters of a message that are shown: it may quote a template that is not well-meaning."""


def shown(message: str) -> str:
    """Returns a message in one line of printable characters that is not too long."""
    line = " ".join(message.split())
    if len(line) > LONGEST_MESSAGE:
        half = LONGEST_MESSAGE // 2
        line = f"{line[:half]} ... {line[-half:]}"
    return "".join(letter if letter.isprintable() else "?" for letter in line)


def today() -> date:
    """Returns the day by which life cycles are judged."""
    return date.today()


def has_come(day: date) -> bool:
    """Whether a day is today or behind us."""
    return day <= today()


class MlRule(CloudFormationLintRule):  # type: ignore[misc]  # cfn-lint carries no types
    """A rule that looks at a template under each outcome of its conditions.

    Attributes:
        source: The page on which it rests.
    """

    source: ClassVar[Source]

    def __init_subclass__(cls) -> None:
        cls.source_url = cls.source.url

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields what is wrong in one outcome of the conditions."""
        raise NotImplementedError

    def match(self, cfn: Template) -> list[RuleMatch]:
        """Returns what is wrong in any of them, each fault once."""
        found: dict[tuple[tuple[str | int, ...], str], RuleMatch] = {}
        for world in worlds(cfn):
            for finding in self.findings(world):
                path = ("Resources", finding.resource.name, "Properties", *finding.path)
                place = world.place(path)
                source = finding.source or self.source
                message = shown(finding.message)
                match = RuleMatch(place, message, source=source)
                found.setdefault((tuple(place), message), match)
        return list(found.values())
