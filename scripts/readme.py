"""Writes the generated part of README.md: the catalogue table.

`--check` changes nothing and exits with 1 if the table is out of date.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from study.listing import listing
from study.report import Format

README = Path(__file__).resolve().parent.parent / "README.md"
BEGIN, END = "<!-- catalogue: make readme -->\n", "<!-- end of catalogue -->\n"


def with_catalogue(text: str) -> str:
    """Returns the page with the catalogue of today between its marks."""
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    tables = listing().render(Format.MARKDOWN).split("\n## ", 1)[1]
    return f"{before}{BEGIN}\n### {tables}\n\n{END}{after}"


def main() -> int:
    """Writes or checks the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = README.read_text(encoding="utf-8")
    current = with_catalogue(text)
    if parser.parse_args().check:
        return int(current != text)
    README.write_text(current, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
