"""The tumor classifier: the committed files, and that training gives them again."""

from __future__ import annotations

import csv
import gzip
import json
import math
import pickle
import re
import subprocess
import sys
import tarfile
import warnings
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xgboost as xgb

from runtime.models import tumor_classifier
from runtime.models.tumor_classifier import train

Floats = npt.NDArray[np.floating[Any]]

TOLERANCE = 1e-6


def unpack(archive: Path, folder: Path) -> Path:
    """Unpacks the archive as SageMaker does and returns the one file a container then finds."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (model,) = folder.iterdir()
    return model


def load(model: Path) -> xgb.Booster:
    """Loads the model as algorithm mode does once unpickling has failed."""
    booster = xgb.Booster()
    with warnings.catch_warnings():
        # The file has no suffix, and XGBoost says that it tells the format by the content.
        warnings.simplefilter("ignore", UserWarning)
        booster.load_model(str(model))
    booster.set_param("nthread", "1")
    return booster


def parse_like_the_container(body: str) -> Floats:
    """Reads a text/csv request: sniffed delimiter, no header, every field a number."""
    body = body.strip()
    delimiter = csv.Sniffer().sniff(body.split("\n")[0][:512]).delimiter
    assert delimiter == ","
    return np.array([line.split(delimiter) for line in body.split("\n")]).astype(float)


def answers(folder: Path) -> Floats:
    return np.loadtxt(folder / "samples" / "answers.csv")


@pytest.fixture(scope="module")
def home() -> Path:
    return tumor_classifier.ARTIFACT.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(tumor_classifier.ARTIFACT, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retrained")
    train.main(["--out", str(folder)])
    return folder


@pytest.fixture(params=["committed", "retrained"])
def archive(request: pytest.FixtureRequest, retrained: Path) -> Path:
    """The committed archive, and one that train.py has just packed."""
    return tumor_classifier.ARTIFACT if request.param == "committed" else retrained / "model.tar.gz"


def test_importing_the_package_needs_the_standard_library_only() -> None:
    code = (
        "import sys, runtime.models.tumor_classifier as package;"
        "assert not {'numpy', 'sklearn', 'xgboost'} & set(sys.modules);"
        "assert package.ARTIFACT.is_file()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_archive_holds_the_model_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        (member,) = tar.getmembers()
    assert member.name == "xgboost-model"
    assert member.isreg()
    assert (member.mode, member.mtime) == (0o644, 0)
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert member.pax_headers == {}


def test_archive_is_gzip_without_name_and_time(archive: Path) -> None:
    content = archive.read_bytes()
    assert content[:3] == b"\x1f\x8b\x08"
    assert content[3] == 0, "flags announce a file name or a comment"
    assert content[4:8] == bytes(4), "the header holds a time"
    assert len(content) < 50_000
    assert gzip.decompress(content)


def test_model_is_no_pickle(model: Path) -> None:
    with pytest.raises(pickle.UnpicklingError):
        pickle.loads(model.read_bytes())  # noqa: S301 - the container tries just that first


def test_served_model_gives_the_sample_answers(model: Path, home: Path) -> None:
    booster = load(model)
    rows = parse_like_the_container(tumor_classifier.SAMPLE_REQUESTS.read_text())
    served = booster.predict(xgb.DMatrix(rows), validate_features=False)
    assert rows.shape == (train.SAMPLES, tumor_classifier.FEATURES)
    np.testing.assert_allclose(served, answers(home), rtol=0, atol=TOLERANCE)


def test_each_sample_line_is_a_request_of_its_own(model: Path, home: Path) -> None:
    booster = load(model)
    lines = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()
    served = [float(booster.predict(xgb.DMatrix(parse_like_the_container(x)))[0]) for x in lines]
    np.testing.assert_allclose(served, answers(home), rtol=0, atol=TOLERANCE)


def test_serving_up_to_the_best_iteration_uses_every_tree(
    archive: Path, tmp_path: Path, home: Path
) -> None:
    booster = load(unpack(archive, tmp_path))
    assert booster.num_boosted_rounds() == booster.best_iteration + 1 == train.ROUNDS
    rows = xgb.DMatrix(parse_like_the_container(tumor_classifier.SAMPLE_REQUESTS.read_text()))
    served = booster.predict(rows, iteration_range=(0, booster.best_iteration + 1))
    np.testing.assert_allclose(served, answers(home), rtol=0, atol=TOLERANCE)


def test_base_score_is_the_one_that_older_containers_assume(archive: Path, tmp_path: Path) -> None:
    model = load(unpack(archive, tmp_path))
    parameters = json.loads(model.save_config())["learner"]["learner_model_param"]
    assert float(parameters["base_score"].strip("[]")) == 0.5


def test_batch_sample_is_the_requests_behind_identifiers() -> None:
    requests = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()
    rows = [line.split(",", 1) for line in tumor_classifier.SAMPLE_BATCH.read_text().splitlines()]
    assert [features for _, features in rows] == requests
    assert len({identifier for identifier, _ in rows}) == len(requests)


def test_samples_are_held_out_rows_of_both_classes_that_read_back_exactly() -> None:
    data = train.split()
    rows = parse_like_the_container(tumor_classifier.SAMPLE_REQUESTS.read_text())
    np.testing.assert_array_equal(rows, data.held_out[: train.SAMPLES])
    assert set(data.held_out_labels[: train.SAMPLES].tolist()) == {0, 1}
    trained_on = {row.tobytes() for row in data.train}
    assert not [row for row in data.held_out if row.tobytes() in trained_on]


def test_training_again_gives_the_committed_predictions(
    retrained: Path, model: Path, tmp_path: Path, home: Path
) -> None:
    held_out = xgb.DMatrix(train.split().held_out)
    again = load(unpack(retrained / "model.tar.gz", tmp_path)).predict(held_out)
    np.testing.assert_allclose(again, load(model).predict(held_out), rtol=0, atol=TOLERANCE)
    np.testing.assert_allclose(answers(retrained), answers(home), rtol=0, atol=TOLERANCE)
    assert (retrained / "samples" / "requests.csv").read_bytes() == (
        tumor_classifier.SAMPLE_REQUESTS.read_bytes()
    )


def test_two_runs_write_the_same_bytes(retrained: Path, tmp_path: Path) -> None:
    train.main(["--out", str(tmp_path)])
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file())
    assert [str(path) for path in written] == [
        "features.json",
        "metrics.json",
        "model.tar.gz",
        "samples/answers.csv",
        "samples/batch.csv",
        "samples/requests.csv",
        "training.csv",
    ]
    for path in written:
        assert (tmp_path / path).read_bytes() == (retrained / path).read_bytes(), path


def test_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "model.tar.gz"
    target.write_bytes(b"old")

    def refuse(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        train.write(target, b"new")
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]


def log_loss(labels: list[int], predicted: list[float]) -> float:
    losses = [-math.log(p if y else 1 - p) for y, p in zip(labels, predicted, strict=True)]
    return sum(losses) / len(losses)


def roc_auc(labels: list[int], predicted: list[float]) -> float:
    """The share of pairs, one of each class, that the prediction puts in the right order."""
    pairs = list(zip(labels, predicted, strict=True))
    high = [p for y, p in pairs if y]
    low = [p for y, p in pairs if not y]
    wins = sum((a > b) + 0.5 * (a == b) for a in high for b in low)
    return wins / (len(high) * len(low))


def recomputed(model: Path) -> dict[str, Any]:
    """The figures by their definitions, from the committed model."""
    data = train.split()
    labels: list[int] = data.held_out_labels.tolist()
    predicted: list[float] = load(model).predict(xgb.DMatrix(data.held_out)).astype(float).tolist()
    counts = {(truth, guess): 0 for truth in (0, 1) for guess in (0, 1)}
    for truth, probability in zip(labels, predicted, strict=True):
        counts[truth, int(probability > 0.5)] += 1
    true_positives, misses = counts[1, 1], counts[1, 0] + counts[0, 1]
    return {
        "held_out_rows": len(labels),
        "threshold": 0.5,
        "accuracy": (counts[0, 0] + true_positives) / len(labels),
        "f1": 2 * true_positives / (2 * true_positives + misses),
        "roc_auc": roc_auc(labels, predicted),
        "log_loss": log_loss(labels, predicted),
        "confusion_matrix": {
            "true_negatives": counts[0, 0],
            "false_positives": counts[0, 1],
            "false_negatives": counts[1, 0],
            "true_positives": counts[1, 1],
        },
    }


def test_metrics_follow_from_the_committed_model(model: Path) -> None:
    metrics = json.loads(tumor_classifier.METRICS.read_text())
    expected = recomputed(model)
    assert metrics.pop("confusion_matrix") == expected.pop("confusion_matrix")
    assert metrics == pytest.approx(expected, abs=TOLERANCE)


def test_model_card_shows_the_metrics() -> None:
    card = tumor_classifier.MODEL_CARD.read_text()
    metrics = json.loads(tumor_classifier.METRICS.read_text())
    matrix = metrics["confusion_matrix"]
    for name in ("accuracy", "f1", "roc_auc", "log_loss"):
        assert f"| {name} | {metrics[name]:.4f} |" in card
    assert f"| Benign | {matrix['true_negatives']} | {matrix['false_positives']} |" in card
    assert f"| Malignant | {matrix['false_negatives']} | {matrix['true_positives']} |" in card
    assert f"On {metrics['held_out_rows']} held-out rows" in card
    malignant = matrix["false_negatives"] + matrix["true_positives"]
    assert f"misses {matrix['false_negatives']} of {malignant} malignant" in card


def test_library_container_and_card_name_the_same_version() -> None:
    table = resources.files("mla_constructs.inference") / "built_in_images.json"
    tag = json.loads(table.read_text())["images"]["xgboost"]["tag"]
    requirements = (tumor_classifier.ARTIFACT.parent / "requirements.in").read_text()
    pins = re.findall(r"^xgboost(?:-cpu)?==([\d.]+)", requirements, re.MULTILINE)
    assert set(pins) == {xgb.__version__}
    assert tag.replace("-", ".") == xgb.__version__
    card = tumor_classifier.MODEL_CARD.read_text()
    assert f"XGBoost {xgb.__version__}," in card
    assert f"sagemaker-xgboost:{tag}`" in card
    assert f"sagemaker-xgboost:{tag}." in requirements
