"""Trains XGBoost until the validation loss no longer falls, and keeps the best rounds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import xgboost as xgb

from . import tumors
from .classifier import MEMBER, PARAMETERS, matrix
from .job import BadInput, run, say

HYPERPARAMETERS: dict[str, tuple[Callable[[str], float], float, float]] = {
    "max_depth": (int, 1, 10),
    "eta": (float, 0.001, 1),
    "rounds": (int, 1, 2000),
    "early_stopping_rounds": (int, 1, 200),
}
"""Name -> its type, the smallest and the largest value."""


def train(root: Path) -> None:
    """Writes the model below model/; what is printed of each round are the job's metrics."""
    settings = hyperparameters(root / "input" / "config" / "hyperparameters.json")
    data = root / "input" / "data"
    rows = {name: tumors.read(data / name / f"{name}.csv") for name in ("train", "validation")}
    matrices = {name: matrix(part.features, part.labels) for name, part in rows.items()}
    booster = xgb.train(
        PARAMETERS
        | {"max_depth": settings["max_depth"], "eta": settings["eta"]}
        | {"eval_metric": ["auc", "logloss"]},
        matrices["train"],
        num_boost_round=int(settings["rounds"]),
        evals=[(part, name) for name, part in matrices.items()],
        callbacks=[
            xgb.callback.EarlyStopping(
                rounds=int(settings["early_stopping_rounds"]),
                data_name="validation",
                metric_name="logloss",
                save_best=True,
            )
        ],
        verbose_eval=True,
    )
    # The same model whatever the file: who serves it must not look for later rounds.
    booster.set_attr(best_iteration=str(booster.num_boosted_rounds() - 1))
    model = root / "model" / MEMBER
    model.parent.mkdir(parents=True, exist_ok=True)
    model.write_bytes(booster.save_raw(raw_format="ubj"))
    say(f"kept {booster.num_boosted_rounds()} rounds")


def hyperparameters(file: Path) -> dict[str, float]:
    """Returns the job's hyperparameters, which SageMaker passes as text.

    Raises:
        BadInput: One is missing, unknown or out of range.
    """
    try:
        given: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{file} cannot be read as hyperparameters: {error}") from error
    if given.keys() != HYPERPARAMETERS.keys():
        raise BadInput(
            f"Hyperparameters are {', '.join(sorted(given)) or 'missing'}: "
            f"give {', '.join(HYPERPARAMETERS)}."
        )
    values = {}
    for name, (kind, smallest, largest) in HYPERPARAMETERS.items():
        try:
            value = kind(str(given[name]))
        except ValueError:
            value = float("nan")
        if not smallest <= value <= largest:
            raise BadInput(
                f"Hyperparameter {name} is {given[name]!r}: give a number from {smallest} to "
                f"{largest}."
            )
        values[name] = value
    return values


def main(arguments: list[str] | None = None) -> None:
    """Runs the step."""
    run(train, arguments, report="failure")


if __name__ == "__main__":
    main()
