"""What the container is measured against: the same model on FastAPI, pydantic and XGBoost.

Written as for production with these: uvloop and httptools, the model loaded once, predictions
without a DMatrix and on one thread, bodies and answers checked by pydantic. Both ways of writing an
endpoint are here: in the event loop, the faster one for a row, and `def`, which FastAPI runs in a
thread so that a long prediction does not keep others waiting.

    MODEL=xgboost-model python fastapi_xgboost.py PORT
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import uvicorn
import xgboost as xgb
from fastapi import FastAPI
from pydantic import BaseModel, Field, FiniteFloat

FEATURES = 30

Row = Annotated[list[FiniteFloat], Field(min_length=FEATURES, max_length=FEATURES)]


class Instances(BaseModel):
    """The body of a request."""

    instances: Annotated[list[Row], Field(min_length=1, max_length=10_000)]


class Predictions(BaseModel):
    """The body of an answer."""

    predictions: list[float]


booster = xgb.Booster({"nthread": 1}, model_file=bytearray(Path(os.environ["MODEL"]).read_bytes()))
app = FastAPI()


def predict(body: Instances) -> Predictions:
    """Returns one probability a row."""
    rows = np.array(body.instances, dtype=np.float32)
    return Predictions(predictions=booster.inplace_predict(rows).tolist())


@app.get("/ping")
async def ping() -> None:
    """Says that the model is loaded."""


@app.post("/invocations")
async def invocations(body: Instances) -> Predictions:
    """Predicts in the event loop."""
    return predict(body)


@app.post("/threaded")
def threaded(body: Instances) -> Predictions:
    """Predicts in a thread."""
    return predict(body)


if __name__ == "__main__":
    # uvicorn's line a request stays on: the container writes one, too.
    uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools")
