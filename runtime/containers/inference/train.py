"""A training job as SageMaker starts one: CSV in, XGBoost's trees as ONNX out.

    /opt/ml/input/config/hyperparameters.json   values as strings, such as {"max_depth": "3"}
    /opt/ml/input/data/train/                   CSV without a header, the label (0 or 1) in front
    /opt/ml/model/                              model.onnx, features.json and xgboost-model
    /opt/ml/output/failure                      why it failed; its head becomes FailureReason

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-output.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import msgspec
import numpy as np
import xgboost as xgb
from msgspec import Meta

from .codec import Rows, csv_fields, csv_numbers, finite, refuse, to_json
from .convert import to_onnx
from .errors import BadInput
from .log import log, log_failure
from .model import FILE
from .steps import STATISTICS

MOST_ROWS = 10_000_000


class Hyperparameters(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What CreateTrainingJob may set; a name that is not here fails the job."""

    num_round: Annotated[int, Meta(ge=1, le=10_000)] = 60
    max_depth: Annotated[int, Meta(ge=1, le=16)] = 3
    eta: Annotated[float, Meta(gt=0, le=1)] = 0.1
    seed: Annotated[int, Meta(ge=0)] = 7


def main(root: Path = Path("/opt/ml")) -> int:
    """Runs the job and returns the exit code, which decides whether the job has completed."""
    try:
        train(root)
    except Exception as error:
        # Whatever went wrong has to reach whoever started the job.
        failure = root / "output" / "failure"
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(f"{type(error).__name__}: {error}\n")
        log_failure("training failed", error)
        return 1
    return 0


def train(root: Path) -> None:
    """Trains on the channel `train` and writes the model."""
    chosen = hyperparameters(root / "input" / "config" / "hyperparameters.json")
    labels, rows = read(root / "input" / "data" / "train")
    parameters = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": chosen.max_depth,
        "eta": chosen.eta,
        "base_score": 0.5,
        "seed": chosen.seed,
    }
    booster = xgb.train(parameters, xgb.DMatrix(rows, label=labels), chosen.num_round)
    folder = root / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_bytes(to_onnx(booster, rows.shape[1]))
    (folder / STATISTICS).write_bytes(to_json({"medians": np.median(rows, axis=0).tolist()}))
    (folder / "xgboost-model").write_bytes(bytes(booster.save_raw(raw_format="ubj")))
    log("info", "trained", rows=len(rows), features=rows.shape[1], **msgspec.to_builtins(chosen))


def hyperparameters(file: Path) -> Hyperparameters:
    """Returns what the job sets, and defaults for the rest."""
    given = json.loads(file.read_bytes()) if file.exists() else {}
    return msgspec.convert(given, Hyperparameters, strict=False)


def read(channel: Path) -> tuple[Rows, Rows]:
    """Returns the labels and the rows of all files of the channel.

    Raises:
        BadInput: The files hold no rows to train from.
    """
    body = b"".join(file.read_bytes().rstrip() + b"\n" for file in sorted(channel.glob("*.csv")))
    columns = body.partition(b"\n")[0].count(b",") + 1
    if columns == 1:
        raise BadInput(f"{channel} needs *.csv files with a label and a feature or more in a row.")
    widths = range(columns, columns + 1)
    table = finite(csv_numbers(csv_fields(body, widths, MOST_ROWS)))
    labels, rows = table[:, 0], table[:, 1:]
    refuse(~np.isin(table[:, :1], (0, 1)), "is a label, which has to be 0 or 1")
    if len(np.unique(labels)) == 1:
        raise BadInput("All labels are the same: there is nothing to tell apart.")
    return labels, rows
