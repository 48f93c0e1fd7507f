"""Rows from CSV and JSON, and back. Nothing is repaired: what is unclear is refused.

Limits are checked while the body is split, before the memory that they save is spent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Meta

from .errors import BadInput, InvalidValue, TooLarge, UndecodableBody, WrongShape

CSV, JSON = "text/csv", "application/json"

Rows = npt.NDArray[np.floating[Any]]

to_json = msgspec.json.Encoder().encode

LARGEST = float(np.finfo(np.float32).max)

# How msgspec says that the fault lies in one value of one row.
IN_A_CELL = re.compile(r"\[\d+\]\[\d+\]`$")


@lru_cache(maxsize=256)
def media_type(header: str) -> str:
    """Returns the type that a header names, without its parameters."""
    return header.partition(";")[0].strip().lower()


@lru_cache(maxsize=256)
def negotiate(accept: str, produced: tuple[str, ...], default: str) -> str | None:
    """Returns the first type of Accept that can be produced: the default where any will do."""
    for part in accept.split(","):
        wanted = media_type(part)
        if wanted in ("", "*/*"):
            return default
        if wanted in produced:
            return wanted
    return None


def finite(rows: Sequence[Sequence[float]]) -> Rows:
    """Returns the rows in the precision of the model.

    Raises:
        InvalidValue: Infinite, not a number, or infinite once it is a float32.
    """
    values = np.array(rows, dtype=np.float64)
    if not np.abs(values).max() <= LARGEST:  # so that NaN is refused, too
        refuse(~(np.abs(values) <= LARGEST), "is not a finite number")
    return values.astype(np.float32)


def refuse(at_fault: npt.NDArray[np.bool_], fault: str) -> None:
    """Raises InvalidValue with the place of the first value that is at fault, if one is."""
    if at_fault.any():
        row, column = np.argwhere(at_fault)[0] + 1
        raise InvalidValue(f"Row {row}, value {column} {fault}.")


def csv_fields(body: bytes, widths: range, max_rows: int) -> Iterator[list[bytes]]:
    """Yields the fields of each row.

    Raises:
        TooLarge: More rows than `max_rows`.
        WrongShape: The number of a row's fields is not in `widths`.
    """
    lines = body.strip().split(b"\n", max_rows)
    if len(lines) > max_rows:
        raise TooLarge(f"More than {max_rows} rows: send them in several requests.")
    for row, line in enumerate(lines, start=1):
        fields = line.split(b",", widths.stop)
        if len(fields) not in widths:
            raise WrongShape(f"Row {row} does not have {in_words(widths)} columns.")
        yield fields


def csv_numbers(
    rows: Iterator[list[bytes]], number: Callable[[bytes], float] = float
) -> list[list[float]]:
    """Returns the fields as numbers.

    Raises:
        UndecodableBody: Not UTF-8.
        InvalidValue: Not a number, as a header would be.
    """
    numbers: list[list[float]] = []
    for fields in rows:
        try:
            numbers.append(list(map(number, fields)))
        except ValueError:
            raise not_a_number(fields, number, row=len(numbers) + 1) from None
    return numbers


def not_a_number(fields: Sequence[bytes], number: Callable[[bytes], float], row: int) -> BadInput:
    """Returns the error for a row in which at least one field is not a number."""
    column, value = next(
        (column, value)
        for column, value in enumerate(fields, start=1)
        if not is_read_by(number, value)
    )
    if is_read_by(bytes.decode, value):
        return InvalidValue(f"Row {row}, value {column} is not a number; CSV has no header here.")
    return UndecodableBody("The body is not UTF-8.")


def is_read_by(reader: Callable[[bytes], Any], value: bytes) -> bool:
    """Whether the reader takes the bytes."""
    try:
        reader(value)
    except ValueError:
        return False
    return True


def json_decoder(rows: Any, name: str, shape: str) -> Callable[[bytes], Any]:
    """Returns a reader of {name: rows}.

    Args:
        rows: The type of the value, as msgspec checks it.
        name: Of the one member that is read; others are ignored.
        shape: What is expected, for the message.
    """
    body_type = msgspec.defstruct("Body", [(name, rows)])
    decoder = msgspec.json.Decoder(body_type)

    def decode(body: bytes) -> Any:
        try:
            return getattr(decoder.decode(body), name)
        except msgspec.ValidationError as error:
            # msgspec names the place and the types, never the value.
            fault = InvalidValue if IN_A_CELL.search(str(error)) else WrongShape
            raise fault(f"{error}; expected is {shape}.") from None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise UndecodableBody(f"The body is not JSON: {error}.") from None

    return decode


def json_rows(value: Any, widths: range, max_rows: int) -> Callable[[bytes], Any]:
    """Returns a reader of {"instances": [[value, ...], ...]}."""
    row = Annotated[list[value], Meta(min_length=widths.start, max_length=widths.stop - 1)]
    rows = Annotated[list[row], Meta(min_length=1, max_length=max_rows)]
    shape = f'{{"instances": [[{in_words(widths)} numbers], ...]}}, at most {max_rows} rows'
    return json_decoder(rows, "instances", shape)


def in_words(widths: range) -> str:
    """Returns "30", or "30 or 31"."""
    return " or ".join(map(str, widths))


def csv_lines(rows: Sequence[Any]) -> bytes:
    """Returns a line per row; repr() is the shortest text that reads back as the same number."""
    return "".join(f"{row}\n" for row in rows).encode()
