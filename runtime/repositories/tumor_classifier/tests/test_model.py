"""The artifact is the model that its samples were computed with."""

import csv
import json
import tarfile

import numpy as np
import pytest
import xgboost

import model


@pytest.fixture(scope="module")
def booster(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    with tarfile.open(model.ARTIFACT) as archive:
        archive.extractall(folder, filter="data")
    (file,) = folder.iterdir()
    return xgboost.Booster(model_file=str(file))


def rows(file):
    with file.open() as lines:
        return np.array([[float(value) for value in row] for row in csv.reader(lines)])


def test_artifact_gives_the_sample_answers(booster):
    requests = rows(model.SAMPLE_REQUESTS)
    assert requests.shape[1] == model.FEATURES
    answers = booster.inplace_predict(requests)
    np.testing.assert_allclose(answers, rows(model.SAMPLE_ANSWERS).ravel(), atol=1e-5)


def test_model_is_good_enough_to_be_served():
    assert json.loads(model.METRICS.read_text())["roc_auc"] >= 0.95
