"""SageMaker's XGBoost container in algorithm mode: the model file, CSV in, probabilities out.

Answers GET /ping and POST /invocations on SAGEMAKER_BIND_TO_PORT, with the one model file in
SM_MODEL_DIR. With SAGEMAKER_MULTI_MODEL it holds the models that it is told to load.
Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
https://docs.aws.amazon.com/sagemaker/latest/dg/mms-container-apis.html
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
from starlette.responses import JSONResponse, Response
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


def answer(booster: xgb.Booster, content_type: str, body: bytes) -> Response:
    """Returns a model's answer to a request."""
    kind = content_type.partition(";")[0].strip()
    if kind != CSV:
        return refused(f"Content type {kind} is not supported.", 415)
    try:
        return Response(predict(booster, body), media_type=CSV)
    except ValueError as error:
        return refused(f"Unable to evaluate payload provided: {error}", 400)


async def ping(_: Request) -> Response:
    """Says that the server is there."""
    return Response(status_code=200)


def application(booster: xgb.Booster) -> Starlette:
    """Returns the server of a model."""

    async def invocations(request: Request) -> Response:
        content_type = request.headers.get("content-type", "")
        return answer(booster, content_type, await request.body())

    return Starlette(
        routes=[
            Route("/ping", ping),
            Route("/invocations", invocations, methods=["POST"]),
        ]
    )


class Models:
    """The server of many models.

    Args:
        most: Bytes of models that it holds at a time.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.loaded: dict[str, tuple[xgb.Booster, str, int]] = {}

    def application(self) -> Starlette:
        """Returns the server."""
        return Starlette(
            routes=[
                Route("/ping", ping),
                Route("/models", self.load, methods=["POST"]),
                Route("/models", self.list),
                Route("/models/{name}", self.get),
                Route("/models/{name}", self.unload, methods=["DELETE"]),
                Route("/models/{name}/invoke", self.invoke, methods=["POST"]),
            ]
        )

    async def load(self, request: Request) -> Response:
        """Loads a model: 409 if it is loaded, 507 if there is no room for it."""
        asked = await request.json()
        name, folder = asked["model_name"], Path(asked["url"])
        if name in self.loaded:
            return refused(f"Model {name} is already loaded.", 409)
        try:
            size = sum(file.stat().st_size for file in folder.iterdir())
            if sum(held for _, _, held in self.loaded.values()) + size > self.most:
                return refused(f"There is no room for {size} bytes of model {name}.", 507)
            self.loaded[name] = load(folder), asked["url"], size
        except (OSError, xgb.core.XGBoostError) as error:
            return refused(f"Model {name} cannot be loaded: {error}", 500)
        return Response()

    async def list(self, _: Request) -> Response:
        """Names the models that are loaded."""
        return JSONResponse({"models": [self._described(name) for name in self.loaded]})

    async def get(self, request: Request) -> Response:
        """Describes a model that is loaded."""
        name = request.path_params["name"]
        return JSONResponse(self._described(name)) if name in self.loaded else unknown(name)

    async def unload(self, request: Request) -> Response:
        """Lets a model go."""
        name = request.path_params["name"]
        return unknown(name) if self.loaded.pop(name, None) is None else Response()

    async def invoke(self, request: Request) -> Response:
        """Lets a model answer."""
        name = request.path_params["name"]
        if name not in self.loaded:
            return unknown(name)
        content_type = request.headers.get("content-type", "")
        return answer(self.loaded[name][0], content_type, await request.body())

    def _described(self, name: str) -> dict[str, str]:
        return {"modelName": name, "modelUrl": self.loaded[name][1]}


def unknown(name: str) -> Response:
    """Returns what is said of a model that is not loaded."""
    return refused(f"Model {name} is not loaded.", 404)


def refused(reason: str, status: int) -> Response:
    """Returns an error, and writes it into the container's log."""
    log.error("%d %s", status, reason)
    return Response(reason, status)


def main() -> None:
    """Serves the model until the process is told to stop."""
    logging.basicConfig(format="[%(asctime)s:%(levelname)s] %(message)s", level=logging.INFO)
    if os.environ.get("SAGEMAKER_MULTI_MODEL") == "true":
        served = Models(int(os.environ["REHEARSAL_MODEL_BYTES"])).application()
    else:
        booster = load(Path(os.environ["SM_MODEL_DIR"]))
        log.info("The model has %d features.", booster.num_features())
        served = application(booster)
    uvicorn.run(
        served,
        host=os.environ.get("SERVING_HOST", "127.0.0.1"),
        port=int(os.environ["SAGEMAKER_BIND_TO_PORT"]),
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
