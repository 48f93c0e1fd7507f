"""What the rule pack finds in templates of anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from catalogue.model import Sourced
from rules._apply import check
from study.report import Cell, Report, Section

COLUMNS = ("Rule", "Where", "Finding and fix")


def check_report(files: Sequence[Path], *, informational: bool = False) -> Report:
    """Returns the findings of the pack, a table a template; none without findings.

    Raises:
        UsageError: A file holds no template.
    """
    sections = [Section(str(file), COLUMNS, _rows(file, informational)) for file in files]
    count = sum(len(section.rows) for section in sections)
    return Report(
        title="ML rule pack",
        lead=f"{_counted(len(files), 'template')}, {_counted(count, 'finding')}.",
        sections=sections,
    )


def _rows(file: Path, informational: bool) -> list[list[Cell]]:
    return [
        [
            match.rule.id,
            f"{file.name}:{match.linenumber}",
            Sourced(match.message, match.source),
        ]
        for match in check(file, informational=informational)
    ]


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"
