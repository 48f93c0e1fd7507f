"""The model: rows in, one number a row out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from .codec import Rows
from .errors import ModelError

# Read when the library is loaded: since 1.29 it reports to its makers unless this says no.
# https://github.com/microsoft/onnxruntime/blob/main/docs/Privacy.md
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

FILE = "model.onnx"
CUDA = "CUDAExecutionProvider"
PROVIDERS: dict[str, list[Any]] = {
    "cpu": ["CPUExecutionProvider"],
    # With TF32 a GPU rounds to 10 bits what a CPU does not.
    "cuda": [(CUDA, {"use_tf32": "0"}), "CPUExecutionProvider"],
}


class Model:
    """A session of ONNX Runtime that has proven that it can predict.

    Args:
        folder: Where model.onnx is: one float32 input [rows, features], one float32 output [rows].
        provider: What it runs on, "cpu" or "cuda".

    Raises:
        ModelError: The file is missing, is no model, or a model of another shape; or there is no
            GPU to run on. To serve from the CPU instead would hide what is paid for.
    """

    def __init__(self, folder: Path, provider: str = "cpu") -> None:
        file = folder / FILE
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ModelError(f"{file} cannot be read: {error.strerror}.") from None
        options = onnxruntime.SessionOptions()
        # Workers are processes, one a core: threads below them would only push each other away.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong arrives as an exception
        if provider == "cuda" and CUDA not in onnxruntime.get_available_providers():
            raise ModelError("SERVING_PROVIDER is cuda, and this image has no CUDA to run on.")
        try:
            if provider == "cuda":
                onnxruntime.preload_dlls()  # CUDA's libraries are Python packages here
            self._session = onnxruntime.InferenceSession(
                content, options, providers=PROVIDERS[provider]
            )
            on_gpu = self._session.get_providers()[0] == CUDA
            (source,), (target,) = self._session.get_inputs(), self._session.get_outputs()
            self.features = int(source.shape[1])
            self._input, self._outputs = source.name, [target.name]
            trial = np.zeros((2, self.features), np.float32)
            one_number_a_row = [type(answer) for answer in self.predict(trial)] == [float, float]
        except Exception as error:
            raise ModelError(f"{file} is no model to serve: {type(error).__name__}.") from None
        if provider == "cuda" and not on_gpu:
            raise ModelError("SERVING_PROVIDER is cuda, and no GPU answers: is the driver too old?")
        if not one_number_a_row:
            raise ModelError(f"{file} does not give one number a row.")

    def predict(self, rows: Rows) -> list[float]:
        """Returns one number for each row."""
        answers: list[float] = self._session.run(self._outputs, {self._input: rows})[0].tolist()
        return answers
