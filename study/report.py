"""What the command prints: titled tables whose cells may cite a source, in three formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from catalogue.model import Confidence, Source, Sourced

WIDTH = 100


class Format(StrEnum):
    """How a report is printed."""

    TABLE = "table"
    MARKDOWN = "markdown"
    JSON = "json"


Cell = str | Sourced
"""What stands in a table: text, or a statement with its source."""


@dataclass(frozen=True)
class Section:
    """A table.

    Attributes:
        title: Its heading.
        columns: Names of its columns.
        rows: As many cells in each as there are columns.
        note: Printed below the heading.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Report:
    """Tables below a title.

    Attributes:
        title: What it is about.
        lead: A sentence below the title.
        sections: The tables; empty ones are not printed.
    """

    title: str
    lead: str
    sections: Sequence[Section]
    _sources: dict[Source, int] = field(default_factory=dict, init=False, repr=False)

    def render(self, how: Format) -> str:
        """Returns the report in a format."""
        match how:
            case Format.JSON:
                return json.dumps(self._as_data(), indent=2, ensure_ascii=False)
            case Format.MARKDOWN:
                return self._as_markdown()
            case _:
                return self._as_tables()

    def _filled(self) -> list[Section]:
        return [section for section in self.sections if section.rows]

    def _cited(self, cell: Cell) -> str:
        """Returns a cell's text, with the number of its source."""
        if isinstance(cell, str):
            return cell
        number = self._sources.setdefault(cell.source, len(self._sources) + 1)
        return f"{cell.text} [{number}]"

    def _source_rows(self) -> list[tuple[str, str]]:
        return [
            (f"[{number}]", f"{source.url} ({_reading(source)})")
            for source, number in self._sources.items()
        ]

    def _as_data(self) -> dict[str, Any]:
        return {
            "title": self.title,
            "lead": self.lead,
            "sections": {
                section.title: [
                    dict(zip(section.columns, map(_cell_data, row), strict=True))
                    for row in section.rows
                ]
                for section in self._filled()
            },
        }

    def _as_markdown(self) -> str:
        lines = [f"# {self.title}", "", self.lead]
        for section in self._filled():
            lines += ["", f"## {section.title}", ""]
            lines += [section.note, ""] if section.note else []
            lines.append(_markdown_row(section.columns))
            lines.append("|" + " --- |" * len(section.columns))
            lines += [_markdown_row([self._cited(cell) for cell in row]) for row in section.rows]
        if self._sources:
            lines += ["", "## Sources", ""]
            lines += [f"{number} {where}  " for number, where in self._source_rows()]
        return "\n".join(lines)

    def _as_tables(self) -> str:
        from rich.console import Console
        from rich.padding import Padding
        from rich.text import Text

        console = Console(width=WIDTH, highlight=False)
        with console.capture() as printed:
            console.print(Text(self.title, style="bold"))
            console.print(Text(self.lead))
            for section in self._filled():
                console.print()
                console.print(Text(section.title, style="bold cyan"))
                if section.note:
                    console.print(Text(section.note, style="dim"))
                console.print(self._table(section))
            for number, where in self._source_rows():
                console.print(Padding(Text(f"{number} {where}", style="dim"), (0, 0, 0, 1)))
        return printed.get().rstrip("\n")

    def _table(self, section: Section) -> Any:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.HORIZONTALS, padding=(0, 1, 0, 0), pad_edge=False)
        for index, column in enumerate(section.columns):
            # A heading in one piece, as long as a fair share of the width allows it.
            whole = min(len(column), WIDTH // len(section.columns) - 1) if index else None
            table.add_column(
                column,
                overflow="fold",
                min_width=whole,
                no_wrap=index == 0 and _are_names(section),
                style="bold" if index == 0 else "",
            )
        for row in section.rows:
            table.add_row(*(Text(self._cited(cell)) for cell in row))
        return table


def _are_names(section: Section) -> bool:
    """Whether the first column holds names, to be copied in one piece, that leave room for more."""
    first = [str(row[0]) for row in section.rows]
    return all(" " not in name and len(name) < WIDTH // 3 for name in first)


def _reading(source: Source) -> str:
    doubt = "" if source.confidence is Confidence.DOCUMENTED else f", {source.confidence}"
    return f"read {source.read.isoformat()}{doubt}"


def _cell_data(cell: Cell) -> Any:
    if isinstance(cell, str):
        return cell
    return {
        "value": cell.text,
        "source": cell.source.url,
        "read": cell.source.read.isoformat(),
        "confidence": str(cell.source.confidence),
    }


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
