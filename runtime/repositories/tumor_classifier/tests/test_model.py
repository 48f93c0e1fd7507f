"""The artifact is the model that its samples were computed with."""

import csv
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import xgboost

MODEL = Path(__file__).resolve().parents[1] / "model"


@pytest.fixture(scope="module")
def booster():
    with tarfile.open(MODEL / "model.tar.gz") as archive:
        (member,) = archive.getmembers()
        return xgboost.Booster(model_file=bytearray(archive.extractfile(member).read()))


def rows(name):
    with (MODEL / "samples" / name).open() as lines:
        return np.array([[float(value) for value in row] for row in csv.reader(lines)])


def test_artifact_gives_the_sample_answers(booster):
    answers = booster.inplace_predict(rows("requests.csv"))
    np.testing.assert_allclose(answers, rows("answers.csv").ravel(), atol=1e-5)


def test_model_is_good_enough_to_be_served():
    assert json.loads((MODEL / "metrics.json").read_text())["roc_auc"] >= 0.95
