"""SageMaker's XGBoost container in algorithm mode: the model file, CSV in, probabilities out.

Answers GET /ping and POST /invocations on SAGEMAKER_BIND_TO_PORT, with the one model file in
SM_MODEL_DIR.
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import uvicorn
import xgboost as xgb
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

CSV = "text/csv"

log = logging.getLogger(__name__)


def load(folder: Path) -> xgb.Booster:
    """Returns the model in a folder.

    Raises:
        FileNotFoundError: The folder has no file, or several.
    """
    files = [file for file in folder.iterdir() if file.is_file()]
    if len(files) != 1:
        raise FileNotFoundError(f"{folder} holds {len(files)} files: one model file is expected.")
    return xgb.Booster({"nthread": 1}, model_file=bytearray(files[0].read_bytes()))


def predict(booster: xgb.Booster, body: bytes) -> str:
    """Returns one probability a line for the rows of a CSV body.

    Raises:
        ValueError: The body is not a table of numbers, or not as wide as the model expects.
    """
    lines = body.decode().split("\n")
    rows = np.array([line.split(",") for line in lines if line.strip()], dtype=np.float32)
    expected = booster.num_features()
    if rows.ndim != 2 or rows.shape[1] != expected:  # noqa: PLR2004 - a table
        width = rows.shape[1] if rows.ndim == 2 else 0  # noqa: PLR2004
        raise ValueError(
            f"Feature size of csv inference data {width} is not consistent with feature size of "
            f"trained model {expected}."
        )
    return "\n".join(map(str, booster.inplace_predict(rows).tolist())) + "\n"


def application(booster: xgb.Booster) -> Starlette:
    """Returns the server of a model."""

    async def ping(_: Request) -> Response:
        return Response(status_code=200)

    async def invocations(request: Request) -> Response:
        content_type = request.headers.get("content-type", "").partition(";")[0].strip()
        if content_type != CSV:
            return refused(f"Content type {content_type} is not supported.", 415)
        try:
            answer = predict(booster, await request.body())
        except ValueError as error:
            return refused(f"Unable to evaluate payload provided: {error}", 400)
        return Response(answer, media_type=CSV)

    return Starlette(
        routes=[
            Route("/ping", ping),
            Route("/invocations", invocations, methods=["POST"]),
        ]
    )


def refused(reason: str, status: int) -> Response:
    """Returns an error, and writes it into the container's log."""
    log.error("%d %s", status, reason)
    return Response(reason, status)


def main() -> None:
    """Serves the model until the process is told to stop."""
    logging.basicConfig(format="[%(asctime)s:%(levelname)s] %(message)s", level=logging.INFO)
    booster = load(Path(os.environ["SM_MODEL_DIR"]))
    log.info("The model has %d features.", booster.num_features())
    uvicorn.run(
        application(booster),
        host=os.environ.get("SERVING_HOST", "127.0.0.1"),
        port=int(os.environ["SAGEMAKER_BIND_TO_PORT"]),
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
