"""Validates raw tumors and parts them into rows to train on, to stop by and to be judged by."""

from __future__ import annotations

from pathlib import Path

from . import tumors
from .classifier import HELD_OUT, part
from .job import run, say

VALIDATION = 0.2
"""Share of the rows that are not held out."""


def preprocess(root: Path) -> None:
    """Writes train, validation and test below processing/output."""
    rows = tumors.read_raw(root / "processing" / "input" / "raw")
    rest, test = part(rows, HELD_OUT)
    train, validation = part(rest, VALIDATION)
    for name, taken in (("train", train), ("validation", validation), ("test", test)):
        tumors.write(taken, root / "processing" / "output" / name / f"{name}.csv")
        say(f"{name}: {len(taken)} rows, {int(taken.labels.sum())} malignant")


def main(arguments: list[str] | None = None) -> None:
    """Runs the step."""
    run(preprocess, arguments)


if __name__ == "__main__":
    main()
