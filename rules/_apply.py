"""Applies the pack, and nothing else of cfn-lint, to a template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode_str
from cfnlint.match import Match
from cfnlint.rules import Rules
from cfnlint.rules.errors import ParseError, RuleError, TransformError
from cfnlint.runner.template import run_template_by_data

from catalogue.errors import UsageError
from rules._base import MlRule, shown

FOLDER = Path(__file__).parent
LARGEST = 1024 * 1024
"""Bytes of the largest template that CloudFormation takes, from S3."""
DEEPEST = 1000
"""Brackets within brackets that are still read."""


def pack() -> list[MlRule]:
    """Returns the rules in the order of their numbers."""
    found = Rules.create_from_directory(str(FOLDER)).values()
    return sorted(found, key=lambda rule: rule.id[1:])


def check(file: Path, *, informational: bool = False) -> Iterator[Match]:
    """Yields what the pack finds in a template, from top to bottom.

    Args:
        file: The template.
        informational: Whether to tell what cfn-lint, too, tells only if asked.

    Raises:
        UsageError: The file holds no template that could be checked.
    """
    template = _read(file)
    config = ConfigMixIn(include_checks=["E", "W", *(["I"] if informational else [])])
    rules = Rules.create_from_directory(str(FOLDER))
    for rule in (ParseError(), TransformError(), RuleError()):
        rules.register(rule)
    try:
        found = list(run_template_by_data(template, config, rules))
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply to be checked.") from None
    for match in found:
        if not isinstance(match.rule, MlRule):
            raise UsageError(f"{file} cannot be checked: {shown(match.message)}")
    yield from sorted(found, key=lambda match: (match.linenumber, match.rule.id))


def _read(file: Path) -> dict[str, Any]:
    """Returns the template in a file; raises UsageError if there is none."""
    text = _text(file)
    if _depth(text) > DEEPEST:
        raise UsageError(f"{file} is nested more than {DEEPEST} deep: no template is.")
    try:
        template, errors = decode_str(text)
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply to be read.") from None
    if errors:
        raise UsageError(
            f"{file}:{errors[0].linenumber} cannot be read: {shown(errors[0].message)}"
        )
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise UsageError(f"{file} has no Resources: check a CloudFormation or SAM template.")
    return template


def _text(file: Path) -> str:
    if not file.is_file():
        raise UsageError(f"There is no template {file}: name a file of YAML or JSON.")
    size = file.stat().st_size
    if not 0 < size <= LARGEST:
        raise UsageError(f"{file} has {size} bytes: a template has 1 to {LARGEST} of them.")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text in UTF-8: a template is YAML or JSON.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None


def _depth(text: str) -> int:
    """Returns how deep brackets are nested: the C parser of YAML overflows its stack on many."""
    steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[\[\]{}]", text))
    return max(accumulate(steps), default=0)
