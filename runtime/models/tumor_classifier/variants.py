"""Trains what the classifier is rolled out against: a challenger, and a model that cannot answer.

python -m runtime.models.tumor_classifier.variants [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import xgboost as xgb

from runtime.jobs.tumor_workflow.steps.classifier import (
    MEMBER,
    PARAMETERS,
    matrix,
    probabilities,
)
from runtime.models.tumor_classifier import train

CHALLENGER_ROUNDS = 300
# One decision a tree and many trees: features add up, and none waits for another.
CHALLENGER_PARAMETERS = PARAMETERS | {"max_depth": 1, "eta": 0.3}

BROKEN_FEATURES = 29
"""One less than a request has: the container loads the model, answers /ping, and fails each row."""


def challenger(data: train.Split) -> xgb.Booster:
    """Returns another model of the same rows."""
    rows = matrix(data.train, data.train_labels)
    booster = xgb.train(CHALLENGER_PARAMETERS, rows, CHALLENGER_ROUNDS)
    booster.set_attr(best_iteration=str(CHALLENGER_ROUNDS - 1))
    return booster


def broken(data: train.Split) -> xgb.Booster:
    """Returns the model as it comes of a training set that lost its last column."""
    return train.fit(data.train[:, :BROKEN_FEATURES], data.train_labels)


def outputs() -> dict[str, bytes]:
    """Returns every file that training the variants gives, by its path below the output folder."""
    data = train.split()
    better = challenger(data)
    predicted = probabilities(better, data.held_out)
    return {
        "challenger.tar.gz": _pack(better),
        "challenger_metrics.json": train.as_json(train.measure(data.held_out_labels, predicted)),
        "broken.tar.gz": _pack(broken(data)),
    }


def _pack(booster: xgb.Booster) -> bytes:
    return train.pack({MEMBER: bytes(booster.save_raw(raw_format="ubj"))})


def main(arguments: list[str] | None = None) -> None:
    """Trains the variants and writes their files."""
    parser = argparse.ArgumentParser(description="Train the variants of the tumor classifier.")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to"
    )
    out: Path = parser.parse_args(arguments).out
    for name, content in outputs().items():
        train.write(out / name, content)
        sys.stdout.write(f"{out / name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
