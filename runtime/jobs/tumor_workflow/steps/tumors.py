"""The tumors as files: raw as they arrive, and as rows to train on and to be scored.

What is wrong with a record is said by its line and column, never by its value: job logs and exit
messages are no place for anybody's diagnosis.
"""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .job import BadInput

Floats = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]

MEASUREMENTS = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave_points",
    "symmetry",
    "fractal_dimension",
)
FEATURES = [f"{what}_{how}" for how in ("mean", "error", "worst") for what in MEASUREMENTS]
COLUMNS = ["id", "diagnosis", *FEATURES]
DIAGNOSES = {"M": 1, "B": 0}
FEWEST_OF_A_CLASS = 10
"""With fewer rows of a class its share of the smallest part would be less than one row."""


@dataclass(frozen=True)
class Rows:
    """Rows of features and their labels: 1 is malignant, 0 is benign."""

    features: Floats
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


def read_raw(folder: Path) -> Rows:
    """Returns the rows of all files below the folder, in the order of the files' names.

    Raises:
        BadInput: There is no file, or a file has another schema, or too few rows remain.
    """
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise BadInput(f"There is no .csv file below {folder}.")
    features: list[list[float]] = []
    labels: list[int] = []
    seen: set[str] = set()
    for file in files:
        for place, record in _records(file):
            if record["id"] in seen:
                raise BadInput(f"{place}: its id has occurred before.")
            seen.add(record["id"])
            labels.append(_label(place, record["diagnosis"]))
            features.append([_number(place, name, record[name]) for name in FEATURES])
    for diagnosis, label in DIAGNOSES.items():
        if labels.count(label) < FEWEST_OF_A_CLASS:
            raise BadInput(
                f"There are {labels.count(label)} rows of diagnosis {diagnosis}: "
                f"at least {FEWEST_OF_A_CLASS} are needed."
            )
    return Rows(np.array(features), np.array(labels))


def _records(file: Path) -> list[tuple[str, dict[str, str]]]:
    """Returns where each record stands, and the record."""
    try:
        lines = list(csv.reader(file.read_text(encoding="utf-8").splitlines(), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(f"{file.name} is no CSV in UTF-8: {error}.") from error
    header = lines[0] if lines else []
    if header != COLUMNS:
        missing = [name for name in COLUMNS if name not in header]
        unknown = [name for name in header if name not in COLUMNS]
        raise BadInput(
            f"{file.name} has other columns than expected: missing {missing}, unknown {unknown}, "
            "or in another order."
        )
    records = []
    for number, line in enumerate(lines[1:], start=2):
        place = f"{file.name} line {number}"
        if len(line) != len(COLUMNS):
            raise BadInput(f"{place} has {len(line)} fields, not {len(COLUMNS)}.")
        records.append((place, dict(zip(COLUMNS, line, strict=True))))
    return records


def _label(place: str, diagnosis: str) -> int:
    if diagnosis not in DIAGNOSES:
        raise BadInput(f"{place}: diagnosis is neither M nor B.")
    return DIAGNOSES[diagnosis]


def _number(place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise BadInput(f"{place}: {name} is no number from 0 upwards.")
    return value


def write(rows: Rows, file: Path) -> None:
    """Writes rows as XGBoost's CSV: the label first, no header."""
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = (
        ",".join([str(label), *map(repr, row)])
        for row, label in zip(rows.features.tolist(), rows.labels.tolist(), strict=True)
    )
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(file: Path) -> Rows:
    """Returns the rows that write() wrote.

    Raises:
        BadInput: The file is missing or something else.
    """
    try:
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read as rows of numbers: {error}") from error
    if table.shape[1] != len(FEATURES) + 1:
        raise BadInput(f"{file} has {table.shape[1]} columns, not {len(FEATURES) + 1}.")
    return Rows(table[:, 1:], table[:, 0].astype(int))
