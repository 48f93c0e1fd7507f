"""What one container of the pipeline does with a body: decode, apply, encode."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta

from .codec import (
    CSV,
    JSON,
    Rows,
    csv_fields,
    csv_lines,
    csv_numbers,
    finite,
    json_decoder,
    json_rows,
    media_type,
    negotiate,
    refuse,
    to_json,
)
from .errors import (
    BadInput,
    InvalidValue,
    ModelError,
    NotAcceptable,
    UndecodableBody,
    UnsupportedContentType,
)
from .model import Model
from .settings import Settings

STATISTICS = "features.json"


class Answer(NamedTuple):
    """A response, whatever carries it; `code` is empty but for an error, `rows` zero for one."""

    status: int
    content_type: str
    body: bytes
    rows: int = 0
    code: str = ""


@dataclass(frozen=True)
class Step:
    """A function from rows to rows, and how they are read and written.

    Attributes:
        read: By Content-Type.
        apply: From what was read to what is written, one item a row.
        write: By type, in the order of preference.
        always: The type to write whatever Accept says, for a next container that reads one only.
        follows: Whether the answer has the type of the request where Accept leaves it open.
    """

    read: Mapping[str, Callable[[bytes], Any]]
    apply: Callable[[Any], Any]
    write: Mapping[str, Callable[[Any], bytes]]
    always: str | None = None
    follows: bool = True

    def respond(self, body: bytes, content_type: str, accept: str) -> Answer:
        """Returns the answer to one request; bad input is an answer, too."""
        try:
            return self._respond(body, content_type, accept)
        except BadInput as error:
            return failure(error.status, error.code, str(error))

    def _respond(self, body: bytes, content_type: str, accept: str) -> Answer:
        source = media_type(content_type)
        read = self.read.get(source)
        if read is None:
            raise UnsupportedContentType(f"Content-Type has to be {' or '.join(self.read)}.")
        default = source if self.follows else next(iter(self.write))
        target = self.always or negotiate(accept, tuple(self.write), default)
        if target is None:
            raise NotAcceptable(f"This container writes {' or '.join(self.write)}.")
        if not body or body.isspace():
            raise UndecodableBody("The body is empty.")
        result = self.apply(read(body))
        return Answer(200, target, self.write[target](result), len(result))


def failure(status: int, code: str, message: str) -> Answer:
    """Returns the answer that every kind of failure gets."""
    body = to_json({"error": {"code": code, "message": message}})
    return Answer(status, JSON, body, code=code)


def load(settings: Settings) -> Step:
    """Returns the step that the settings name, ready to work.

    Raises:
        ModelError: What the step needs is missing or broken.
    """
    return {"preprocess": preprocess, "predict": predict, "postprocess": postprocess}[
        settings.step
    ](settings)


def predict(settings: Settings) -> Step:
    """The model: complete rows to probabilities."""
    model = Model(settings.model_path, settings.provider)
    widths = range(model.features, model.features + 1)
    rows = json_rows(float, widths, settings.max_rows)
    return Step(
        read={
            CSV: lambda body: finite(csv_numbers(csv_fields(body, widths, settings.max_rows))),
            JSON: lambda body: finite(rows(body)),
        },
        apply=model.predict,
        write={CSV: csv_lines, JSON: lambda answers: to_json({"predictions": answers})},
    )


def preprocess(settings: Settings) -> Step:
    """Raw rows to complete ones: identifiers dropped, medians for what is missing.

    A value is missing if its field is empty or nan, or null in JSON. Negative measurements are
    refused instead of repaired: they tell of a wrong unit or a shifted column.
    """
    medians = _medians(settings)
    widths = range(len(medians), len(medians) + 2)
    rows = json_rows(float | str | None, widths, settings.max_rows)

    def without_identifier(row: list[Any]) -> list[Any]:
        return row[-len(medians) :]

    def read_csv(body: bytes) -> Rows:
        fields = map(without_identifier, csv_fields(body, widths, settings.max_rows))
        return np.array(csv_numbers(fields, number_or_missing))

    def read_json(body: bytes) -> Rows:
        values = [without_identifier(row) for row in rows(body)]
        refuse(np.array([[isinstance(v, str) for v in row] for row in values]), "is not a number")
        return np.array(values, dtype=np.float64)

    def complete(raw: Rows) -> list[list[float]]:
        refuse(np.isinf(raw), "is not a finite number")
        refuse(raw < 0, "is negative, which no measurement is")
        completed: list[list[float]] = np.where(np.isnan(raw), medians, raw).tolist()
        return completed

    return Step(
        read={CSV: read_csv, JSON: read_json},
        apply=complete,
        write={CSV: lambda complete: csv_lines([",".join(map(repr, row)) for row in complete])},
        # Accept is the client's word about the last container's answer, not about this one's.
        always=CSV,
    )


def number_or_missing(field: bytes) -> float:
    """Returns the number, or NaN for an empty field."""
    return float(field) if field.strip() else math.nan


def _medians(settings: Settings) -> Rows:
    file = settings.model_path / STATISTICS
    try:
        medians = np.array(json.loads(file.read_bytes())["medians"], dtype=np.float64)
    except OSError as error:
        raise ModelError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{file} holds no medians: {type(error).__name__}.") from None
    return medians


class Verdict(msgspec.Struct):
    """What a reader of the answer wants to know of one row."""

    label: str
    probability: float

    def __str__(self) -> str:
        return f"{self.label},{self.probability}"


def postprocess(settings: Settings) -> Step:
    """Probabilities to labels; reads what `predict`, or SageMaker's XGBoost container, writes."""
    most = settings.max_rows
    probabilities = json_decoder(
        Annotated[list[float], Meta(min_length=1, max_length=most)],
        "predictions",
        '{"predictions": [one probability a row]}',
    )
    one = range(1, 2)

    def read_csv(body: bytes) -> list[float]:
        # Some versions of the built-in container part the rows by commas.
        lines = csv_fields(body.strip().replace(b",", b"\n"), one, most)
        return [value for (value,) in csv_numbers(lines)]

    def label(values: list[float]) -> list[Verdict]:
        for row, value in enumerate(values, start=1):
            if not 0 <= value <= 1:
                raise InvalidValue(f"Row {row} is not a probability.")
        return [
            Verdict("malignant" if value > settings.threshold else "benign", round(value, 4))
            for value in values
        ]

    return Step(
        read={CSV: read_csv, JSON: probabilities},
        apply=label,
        write={JSON: lambda verdicts: to_json({"predictions": verdicts}), CSV: csv_lines},
        follows=False,
    )
