"""What every training of the tumor classifier shares: parameters, split and figures."""

from __future__ import annotations

from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    roc_auc_score,
)
from sklearn.model_selection import train_test_split

from .tumors import Floats, Labels, Rows

SEED = 7
PARAMETERS: dict[str, Any] = {
    "objective": "binary:logistic",
    "tree_method": "hist",
    "max_depth": 3,
    "eta": 0.1,
    # Left out, it is estimated and saved in a form that XGBoost before 3.1 silently misreads.
    "base_score": 0.5,
    "seed": SEED,
    "nthread": 1,
}
HELD_OUT = 0.3
THRESHOLD = 0.5
# The name under which the container's own training saves a model.
MEMBER = "xgboost-model"


def part(rows: Rows, share: float) -> tuple[Rows, Rows]:
    """Returns the rows without this share of them, and the share, always cut in the same way.

    The diagnoses are as frequent in both as in all rows.
    """
    rest, taken, rest_labels, taken_labels = train_test_split(
        rows.features, rows.labels, test_size=share, stratify=rows.labels, random_state=SEED
    )
    return Rows(rest, rest_labels), Rows(taken, taken_labels)


def matrix(rows: Floats, labels: Labels | None = None) -> xgb.DMatrix:
    """Returns rows as XGBoost takes them, read by one thread so that results never differ."""
    return xgb.DMatrix(rows, label=labels, nthread=1)


def probabilities(booster: xgb.Booster, rows: Floats) -> Floats:
    """Returns the probability of "malignant" for each row."""
    predicted: Floats = booster.predict(matrix(rows))
    return predicted


def confusion(labels: Labels, predicted: Floats) -> list[list[int]]:
    """Returns truth by prediction: [[benign, mistaken for malignant], [missed, malignant]]."""
    counts: list[list[int]] = confusion_matrix(
        labels, predicted > THRESHOLD, labels=[0, 1]
    ).tolist()
    return counts


def scores(labels: Labels, predicted: Floats) -> dict[str, float]:
    """Returns the figures for these rows; "malignant" is the positive class."""
    classes = (predicted > THRESHOLD).astype(int)
    figures = {
        "accuracy": accuracy_score(labels, classes),
        # Who predicts nobody to be ill has a precision of 0 here, not an undefined one.
        "precision": precision_score(labels, classes, zero_division=0),
        "recall": recall_score(labels, classes),
        "f1": f1_score(labels, classes),
        "roc_auc": roc_auc_score(labels, predicted),
        "log_loss": log_loss(labels, predicted.astype(np.float64)),
    }
    return {name: round(float(value), 6) for name, value in figures.items()}
