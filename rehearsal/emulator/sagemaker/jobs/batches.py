"""How batch transform cuts an object into requests, and puts the answers together.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError
from rehearsal.emulator.sagemaker.records import Record

MEGABYTE = 1024 * 1024
SLICE = re.compile(r"\$\[(?P<first>-?\d*):(?P<end>-?\d*)\]")
CHOICE = re.compile(r"\$\[(?P<indices>-?\d+(?:\s*,\s*-?\d+)*)\]")


def columns(row: list[str], path: str) -> list[str]:
    """Returns the fields of a row of CSV that a JSONPath names.

    Raises:
        ServiceError: It is none of the forms that are documented for CSV.
        IndexError: The row has no such field.
    """
    if path == "$":
        return row
    cut = SLICE.fullmatch(path)
    if cut:
        first, end = (int(number) if number else None for number in cut.groups())
        return row[first:end]
    chosen = CHOICE.fullmatch(path)
    if chosen:
        return [row[int(index)] for index in chosen["indices"].split(",")]
    raise ServiceError(
        "ValidationException",
        f"The rehearsal does not know the JSONPath {path} for CSV: it knows $, $[a:b] and $[a,b].",
    )


@dataclass(frozen=True)
class Batching:
    """What a transform job says of its data.

    Attributes:
        split: "None" or "Line".
        several: Whether a request has as many records as fit.
        limit: Bytes in a request, 0 for no limit.
        input_filter: Fields of a record that the model gets.
        join: Whether an answer is put behind its record.
        output_filter: Fields that are written.
        assemble: "None" or "Line".
    """

    split: str
    several: bool
    limit: int
    input_filter: str
    join: bool
    output_filter: str
    assemble: str

    @classmethod
    def of(cls, request: Record) -> Batching:
        """Returns what a request asks for, with the service's defaults.

        Raises:
            ServiceError: Its parts do not go together, or a rehearsal does not do it.
        """
        given, output = request["TransformInput"], request["TransformOutput"]
        processing = request.get("DataProcessing", {})
        batching = cls(
            split=given.get("SplitType", "None"),
            several=request.get("BatchStrategy", "MultiRecord") == "MultiRecord",
            limit=request.get("MaxPayloadInMB", 6) * MEGABYTE,
            input_filter=processing.get("InputFilter", "$"),
            join=processing.get("JoinSource", "None") == "Input",
            output_filter=processing.get("OutputFilter", "$"),
            assemble=output.get("AssembleWith", "None"),
        )
        if batching.split not in ("None", "Line"):
            raise ServiceError(
                "ValidationException", f"The rehearsal does not split by {batching.split}."
            )
        if batching.looks_inside and given.get("ContentType") != "text/csv":
            raise ServiceError(
                "ValidationException",
                f"The rehearsal does not filter or join {given.get('ContentType')}: text/csv only.",
            )
        for path in (batching.input_filter, batching.output_filter):
            try:
                columns([], path)
            except IndexError:
                continue
        return batching

    @property
    def looks_inside(self) -> bool:
        """Whether records are taken apart."""
        return self.join or self.input_filter != "$" or self.output_filter != "$"

    def records(self, content: bytes) -> list[str]:
        """Returns the records of an object."""
        text = content.decode()
        return [line for line in text.splitlines() if line] if self.split == "Line" else [text]

    def requests(self, records: list[str]) -> Iterator[list[str]]:
        """Yields the records of one request after another.

        Raises:
            JobFailedError: A record is larger than a request may be.
        """
        gathered: list[str] = []
        size = 0
        for record in records:
            length = len(self.sent([record]))
            if self.limit and length > self.limit:
                raise JobFailedError(
                    "ClientError: A record is larger than MaxPayloadInMB: see job logs."
                )
            full = self.limit and size + length > self.limit
            if gathered and (full or not self.several):
                yield gathered
                gathered, size = [], 0
            gathered.append(record)
            size += length
        if gathered:
            yield gathered

    def sent(self, records: list[str]) -> bytes:
        """Returns the body of a request."""
        if self.split != "Line" and not self.looks_inside:
            return "".join(records).encode()
        lines = [line for record in records for line in record.splitlines()]
        if self.input_filter != "$":
            lines = [",".join(columns(line.split(","), self.input_filter)) for line in lines]
        return ("\n".join(lines) + "\n").encode()

    def written(self, records: list[str], answer: bytes) -> bytes:
        """Returns what is written of an answer.

        Raises:
            JobFailedError: It has another number of records than the request.
        """
        if not self.looks_inside:
            return self._assembled([answer.decode().rstrip("\n")], answer)
        answers = [line for line in answer.decode().splitlines() if line]
        lines = [line for record in records for line in record.splitlines() if line]
        if self.join and len(answers) != len(lines):
            raise JobFailedError(
                f"ClientError: {len(lines)} records were sent and {len(answers)} came back: they "
                "cannot be joined. See job logs."
            )
        rows = [
            ([*line.split(",")] if self.join else []) + found.split(",")
            for line, found in zip(lines if self.join else answers, answers, strict=True)
        ]
        try:
            texts = [",".join(columns(row, self.output_filter)) for row in rows]
        except IndexError:
            raise JobFailedError(
                f"ClientError: OutputFilter {self.output_filter} names a field that is not there."
            ) from None
        return self._assembled(texts, ("\n".join(texts) + "\n").encode())

    def _assembled(self, texts: list[str], whole: bytes) -> bytes:
        if self.assemble != "Line":
            return whole
        return "".join(f"{text}\n" for text in texts).encode()
