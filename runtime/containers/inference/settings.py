"""The container's environment variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

MIB = 1024 * 1024


def cores() -> int:
    """Returns how many cores this process may use; a limit of CPU time is not seen."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What may differ from one deployment of the image to another; each name is a variable's."""

    port: Annotated[int, Meta(ge=1, le=65_535)] = field(name="SAGEMAKER_BIND_TO_PORT", default=8080)
    """SageMaker sets it where several containers share an instance."""

    host: str = field(name="SERVING_HOST", default="0.0.0.0")  # noqa: S104 - reached from outside

    model_dir: str = field(name="SM_MODEL_DIR", default="/opt/ml/model")
    """Where SageMaker unpacks the model archive; without one, the image's own model is there."""

    step: Literal["preprocess", "predict", "postprocess"] = field(
        name="SERVING_STEP", default="predict"
    )

    provider: Literal["cpu", "cuda"] = field(name="SERVING_PROVIDER", default="cpu")
    """What the model runs on; cuda needs the image of runtime/containers/inference_gpu."""

    workers: Annotated[int, Meta(ge=1, le=256)] = field(
        name="SERVING_WORKERS", default_factory=cores
    )
    """Processes, each with its own copy of the model and one thread that works."""

    max_bytes: Annotated[int, Meta(ge=1)] = field(name="SERVING_MAX_BYTES", default=6 * MIB)
    """Of one body. 6 MiB is what InvokeEndpoint takes."""

    max_rows: Annotated[int, Meta(ge=1)] = field(name="SERVING_MAX_ROWS", default=10_000)
    """Of one request: while it is worked on, its worker's others wait, some 0.1 s."""

    body_seconds: Annotated[float, Meta(gt=0, le=60)] = field(
        name="SERVING_BODY_SECONDS", default=30.0
    )
    """A body that takes longer to arrive is given up."""

    threshold: Annotated[float, Meta(ge=0, le=1)] = field(name="SERVING_THRESHOLD", default=0.5)
    """Above it, postprocessing calls a row malignant."""

    @property
    def model_path(self) -> Path:
        """The folder with model.onnx and features.json."""
        return Path(self.model_dir)


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Reads the variables.

    Raises:
        msgspec.ValidationError: A value cannot work; the message names the variable.
    """
    return msgspec.convert(dict(environment), Settings, strict=False)
