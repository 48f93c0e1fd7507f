"""Rows in, probabilities out."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnxruntime

MAX_BYTES = 6 * 1024 * 1024
MAX_ROWS = 10_000


class BadSamples(Exception):  # noqa: N818 - it says what was handed in
    """Samples that cannot be scored: one sentence for whoever measured them."""


class Classifier:
    """A session of ONNX Runtime; it needs no network.

    Args:
        model: The ONNX file: one float32 input [rows, features], one float32 output [rows].
    """

    def __init__(self, model: Path) -> None:
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        (source,), (target,) = self._session.get_inputs(), self._session.get_outputs()
        self.features = int(source.shape[1])
        self._input, self._outputs = source.name, [target.name]

    def score(self, content: bytes) -> list[float]:
        """Returns the probability of "malignant" for each line of a CSV file without header.

        Raises:
            BadSamples: It is empty, too large, or a line is not as many finite numbers as the model
                has features.
        """
        rows = np.array(self._parse(content), np.float32)
        answers: list[float] = self._session.run(self._outputs, {self._input: rows})[0].tolist()
        return answers

    def _parse(self, content: bytes) -> list[list[float]]:
        if len(content) > MAX_BYTES:
            raise BadSamples(f"{len(content)} bytes are more than {MAX_BYTES}.")
        try:
            lines = content.decode("ascii").split()
        except UnicodeDecodeError:
            raise BadSamples("A CSV file of numbers has nothing but ASCII characters.") from None
        if not 1 <= len(lines) <= MAX_ROWS:
            raise BadSamples(f"{len(lines)} samples are not 1 to {MAX_ROWS}.")
        return [self._numbers(number, line) for number, line in enumerate(lines, start=1)]

    def _numbers(self, number: int, line: str) -> list[float]:
        try:
            values = [float(field) for field in line.split(",")]
        except ValueError:
            raise BadSamples(f"Line {number} has a field that is no number.") from None
        if len(values) != self.features:
            raise BadSamples(f"Line {number} has {len(values)} numbers, not {self.features}.")
        if not all(map(math.isfinite, values)):
            raise BadSamples(f"Line {number} has a number that is not finite.")
        return values
