"""Applies the pack, and nothing else of cfn-lint, to a template."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cfnlint.config import ConfigMixIn
from cfnlint.decode import decode_str
from cfnlint.match import Match
from cfnlint.rules import Rules
from cfnlint.rules.errors import ParseError, RuleError, TransformError
from cfnlint.runner.template import run_template_by_file_path

from catalogue.errors import UsageError
from rules._base import MlRule

FOLDER = Path(__file__).parent
LARGEST = 1024 * 1024
"""Bytes of the largest template that CloudFormation takes, from S3."""


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
    _refuse_unusable(file)
    config = ConfigMixIn(include_checks=["E", "W", *(["I"] if informational else [])])
    rules = Rules.create_from_directory(str(FOLDER))
    for rule in (ParseError(), TransformError(), RuleError()):
        rules.register(rule)
    try:
        found = list(run_template_by_file_path(str(file), config, rules, False))
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply to be read.") from None
    for match in found:
        if not isinstance(match.rule, MlRule):
            raise UsageError(f"{file}:{match.linenumber} cannot be checked: {match.message}")
    yield from sorted(found, key=lambda match: (match.linenumber, match.rule.id))


def _refuse_unusable(file: Path) -> None:
    if not file.is_file():
        raise UsageError(f"There is no template {file}: name a file of YAML or JSON.")
    if not 0 < file.stat().st_size <= LARGEST:
        raise UsageError(
            f"{file} has {file.stat().st_size} bytes: a template has 1 to {LARGEST} of them."
        )
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is no text in UTF-8: a template is YAML or JSON.") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}.") from None
    try:
        template, errors = decode_str(text)
    except RecursionError:
        raise UsageError(f"{file} is nested too deeply to be read.") from None
    if errors:
        raise UsageError(f"{file}:{errors[0].linenumber} cannot be read: {_line(errors[0])}")
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict):
        raise UsageError(f"{file} has no Resources: check a CloudFormation or SAM template.")


def _line(match: Match) -> str:
    return " ".join(str(match.message).split())
