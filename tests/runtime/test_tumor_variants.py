"""The challenger and the broken model: as committed, and as the container would serve them."""

from __future__ import annotations

import json
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from runtime.jobs.tumor_workflow.steps.classifier import MEMBER
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier import train, variants

FILES = {
    "challenger.tar.gz": tumor_classifier.CHALLENGER,
    "challenger_metrics.json": tumor_classifier.CHALLENGER_METRICS,
    "broken.tar.gz": tumor_classifier.BROKEN,
}
SAMPLES = np.loadtxt(tumor_classifier.SAMPLE_REQUESTS, delimiter=",")


def serve(artifact: Path, folder: Path) -> xgb.Booster:
    """Unpacks and loads an artifact as the container does before it answers /ping."""
    with tarfile.open(artifact) as tar:
        tar.extractall(folder, filter="data")
    (model,) = folder.iterdir()
    assert model.name == MEMBER
    booster = xgb.Booster({"nthread": 1})
    with warnings.catch_warnings():
        # The file has no suffix, and XGBoost says that it tells the format by the content.
        warnings.simplefilter("ignore", UserWarning)
        booster.load_model(str(model))
    return booster


def answer(booster: xgb.Booster, rows: train.Floats) -> train.Floats:
    """Predicts with the container's arguments: features are counted, their names are not known."""
    answers: train.Floats = booster.predict(xgb.DMatrix(rows, nthread=1), validate_features=False)
    return answers


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("variants")
    variants.main(["--out", str(folder)])
    return folder


@pytest.mark.parametrize("name", FILES)
def test_training_gives_the_committed_bytes(name: str, retrained: Path) -> None:
    assert (retrained / name).read_bytes() == FILES[name].read_bytes()


def test_challenger_is_another_model_that_is_no_worse(tmp_path: Path) -> None:
    data = train.split()
    served = answer(serve(tumor_classifier.CHALLENGER, tmp_path), data.held_out)
    metrics = json.loads(tumor_classifier.CHALLENGER_METRICS.read_text())
    champion = json.loads(tumor_classifier.METRICS.read_text())
    assert metrics == train.measure(data.held_out_labels, served)
    for name in ("accuracy", "f1", "roc_auc"):
        assert metrics[name] >= champion[name], name
    assert metrics["log_loss"] <= champion["log_loss"]
    told = np.loadtxt(tumor_classifier.SAMPLE_ANSWERS)
    assert np.abs(served[: train.SAMPLES] - told).max() > 0.01


def test_broken_model_loads_and_fails_every_request(tmp_path: Path) -> None:
    booster = serve(tumor_classifier.BROKEN, tmp_path)
    for row in SAMPLES:
        with pytest.raises(xgb.core.XGBoostError, match="Number of columns does not match"):
            answer(booster, row[np.newaxis])


def test_broken_model_is_sound_but_for_the_missing_column(tmp_path: Path) -> None:
    """What was lost is a column, not the file: it would pass a check of the archive alone."""
    booster = serve(tumor_classifier.BROKEN, tmp_path)
    answers = answer(booster, SAMPLES[:, : variants.BROKEN_FEATURES])
    assert ((answers > 0) & (answers < 1)).all()


def test_model_card_shows_the_challengers_figures() -> None:
    card = tumor_classifier.MODEL_CARD.read_text()
    metrics = json.loads(tumor_classifier.CHALLENGER_METRICS.read_text())
    for name in ("accuracy", "f1", "roc_auc", "log_loss"):
        assert f"{metrics[name]:.4f}" in card.split("## Variants")[1], name
