"""Judges a model on the held-out rows, against the best constant and the approved model.

evaluation.json has the model quality metrics that a model package version shows, and below `gate`
the two numbers by which an orchestrator decides.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-model-quality-metrics.html
"""

from __future__ import annotations

import json
import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.metrics import roc_curve

from . import tumors
from .classifier import MEMBER, confusion, probabilities, scores
from .job import BadInput, run, say
from .tumors import Floats, Labels


def evaluate(root: Path) -> None:
    """Writes evaluation.json below processing/output/evaluation."""
    inputs = root / "processing" / "input"
    test = tumors.read(inputs / "test" / "test.csv")
    predicted = probabilities(load(inputs / "model"), test.features)
    others = {"constant": np.full(len(test), test.labels.mean())}
    if any((inputs / "approved").glob("*")):
        others["approved"] = probabilities(load(inputs / "approved"), test.features)
    evaluation = judge(test.labels, predicted, others)
    file = root / "processing" / "output" / "evaluation" / "evaluation.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(evaluation, indent=2) + "\n", encoding="utf-8")
    say(json.dumps(evaluation["gate"]))


def load(folder: Path) -> xgb.Booster:
    """Returns the model in the folder's one archive, whatever it is called.

    Raises:
        BadInput: There is no such archive, or it holds something else.
    """
    archives = list(folder.glob("*.gz"))
    if len(archives) != 1:
        raise BadInput(f"{folder} has {len(archives)} archives of a model, not one.")
    try:
        with tarfile.open(archives[0]) as archive:
            member = archive.extractfile(MEMBER)
            content = member.read() if member else b""
        booster = xgb.Booster()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # it tells the format by the content
            booster.load_model(bytearray(content))
    except (OSError, KeyError, tarfile.TarError, xgb.core.XGBoostError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInput(f"{archives[0]} is no archive of an {MEMBER}: {reason}") from error
    booster.set_param("nthread", "1")
    return booster


def judge(labels: Labels, predicted: Floats, others: dict[str, Floats]) -> dict[str, Any]:
    """Returns the figures of the model, those of what it is compared with, and the gate.

    Args:
        labels: 1 is malignant, 0 is benign.
        predicted: The model's probability of "malignant" for each row.
        others: What it is compared with -> its probabilities for the same rows.
    """
    figures = scores(labels, predicted)
    compared = {name: scores(labels, probability) for name, probability in others.items()}
    return {
        "binary_classification_metrics": _model_quality(labels, predicted, figures, compared),
        "compared_with": compared,
        "gate": {
            "roc_auc": figures["roc_auc"],
            "lead": round(figures["roc_auc"] - max(o["roc_auc"] for o in compared.values()), 6),
        },
    }


def _model_quality(
    labels: Labels,
    predicted: Floats,
    figures: dict[str, float],
    compared: dict[str, dict[str, float]],
) -> dict[str, Any]:
    def shown(value: float) -> dict[str, Any]:
        return {"value": value, "standard_deviation": "NaN"}

    truths = dict(zip("01", confusion(labels, predicted), strict=True))
    false_positives, true_positives, _ = roc_curve(labels, predicted)
    constant = compared["constant"]
    return {
        "confusion_matrix": {
            truth: dict(zip("01", counts, strict=True)) for truth, counts in truths.items()
        },
        **{name: shown(figures[name]) for name in ("accuracy", "precision", "recall", "f1")},
        "auc": shown(figures["roc_auc"]),
        "log_loss": shown(figures["log_loss"]),
        **{
            f"{name}_best_constant_classifier": shown(constant[name])
            for name in ("accuracy", "precision", "recall", "f1")
        },
        "receiver_operating_characteristic_curve": {
            "false_positive_rates": [round(float(rate), 6) for rate in false_positives],
            "true_positive_rates": [round(float(rate), 6) for rate in true_positives],
        },
    }


def main(arguments: list[str] | None = None) -> None:
    """Runs the step."""
    run(evaluate, arguments)


if __name__ == "__main__":
    main()
