"""Trains the tumor classifier and writes its artifact, samples and figures.

The data comes with scikit-learn: nothing is downloaded, and two runs write the same bytes.

    python -m runtime.models.tumor_classifier.train [--out DIR]
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import os
import sys
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer

from runtime.jobs.tumor_workflow.steps.classifier import (
    HELD_OUT,
    MEMBER,
    PARAMETERS,
    THRESHOLD,
    confusion,
    matrix,
    part,
    probabilities,
    scores,
)
from runtime.jobs.tumor_workflow.steps.tumors import Floats, Labels, Rows

ROUNDS = 60
SAMPLES = 20


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows held out; label 1 is malignant, 0 is benign."""

    train: Floats
    train_labels: Labels
    held_out: Floats
    held_out_labels: Labels


def split() -> Split:
    """Returns the data, parted by class share and always in the same way."""
    features, target = load_breast_cancer(return_X_y=True)
    malignant = (target == 0).astype(int)
    train, held_out = part(Rows(features, malignant), HELD_OUT)
    return Split(train.features, train.labels, held_out.features, held_out.labels)


def fit(rows: Floats, labels: Labels) -> xgb.Booster:
    """Returns the trained model."""
    booster = xgb.train(PARAMETERS, matrix(rows, labels), ROUNDS)
    # A server that stops at the best iteration, as after early stopping, uses every tree then.
    booster.set_attr(best_iteration=str(ROUNDS - 1))
    return booster


def measure(labels: Labels, predicted: Floats) -> dict[str, Any]:
    """Returns the figures for these rows; "malignant" is the positive class."""
    negatives, positives = confusion(labels, predicted)
    figures = scores(labels, predicted)
    return {
        "held_out_rows": len(labels),
        "threshold": THRESHOLD,
        **{name: figures[name] for name in ("accuracy", "f1", "roc_auc", "log_loss")},
        "confusion_matrix": {
            "true_negatives": negatives[0],
            "false_positives": negatives[1],
            "false_negatives": positives[0],
            "true_positives": positives[1],
        },
    }


def pack(members: Mapping[str, bytes]) -> bytes:
    """Returns the files as a gzip-compressed tar archive without any trace of when and where."""
    archive = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=archive, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o644
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def feature_statistics(rows: Floats) -> dict[str, Any]:
    """Returns what preprocessing has to know of the features, from the rows to train on only."""
    return {
        "names": load_breast_cancer().feature_names.tolist(),
        "medians": np.median(rows, axis=0).tolist(),
    }


def csv_lines(rows: Floats) -> bytes:
    """Returns one line per row; repr() is the shortest text that reads back as the same number."""
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def with_identifiers(lines: bytes) -> bytes:
    """Returns the lines with an identifier as the first column, which the model must not see."""
    return b"".join(
        b"case-%03d,%b" % (number, line)
        for number, line in enumerate(lines.splitlines(keepends=True), start=1)
    )


def as_json(content: Mapping[str, Any]) -> bytes:
    """Returns the content as a text file for people and programs."""
    return (json.dumps(content, indent=2) + "\n").encode()


def outputs() -> dict[str, bytes]:
    """Returns every file that training gives, by its path below the output folder."""
    data = split()
    booster = fit(data.train, data.train_labels)
    predicted = probabilities(booster, data.held_out)
    metrics = measure(data.held_out_labels, predicted)
    requests = csv_lines(data.held_out[:SAMPLES])
    return {
        "model.tar.gz": pack({MEMBER: bytes(booster.save_raw(raw_format="ubj"))}),
        "training.csv": csv_lines(np.column_stack([data.train_labels, data.train])),
        "samples/requests.csv": requests,
        "samples/batch.csv": with_identifiers(requests),
        "samples/answers.csv": csv_lines(predicted[:SAMPLES, np.newaxis]),
        "metrics.json": as_json(metrics),
        "features.json": as_json(feature_statistics(data.train)),
    }


def write(path: Path, content: bytes) -> None:
    """Writes the whole file or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def main(arguments: list[str] | None = None) -> None:
    """Trains the model and writes its files."""
    parser = argparse.ArgumentParser(description="Train the tumor classifier.")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to"
    )
    out: Path = parser.parse_args(arguments).out
    for name, content in outputs().items():
        write(out / name, content)
        sys.stdout.write(f"{out / name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
