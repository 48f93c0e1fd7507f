"""The classifier as ONNX: the same answers as XGBoost's, on every row and at every threshold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import xgboost as xgb
from sklearn.datasets import load_breast_cancer

from catalogue.discover import ROOT
from runtime.containers.inference.model import Model
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier import convert, train

Floats = npt.NDArray[np.floating[Any]]

TOLERANCE = 2.5e-7
"""Some float32 steps below 1: both sum the same leaves, in another order."""


@pytest.fixture(scope="module")
def booster() -> xgb.Booster:
    return convert.booster()


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(tumor_classifier.ONNX_MODEL.parent)


def difference(model: Model, booster: xgb.Booster, rows: Floats) -> float:
    given = model.predict(rows.astype(np.float32))
    expected = booster.predict(xgb.DMatrix(rows, nthread=1))
    return float(np.abs(np.array(given) - expected).max())


def thresholds(booster: xgb.Booster) -> list[tuple[int, np.float32]]:
    """Every split: its feature and its threshold."""
    trees = json.loads(booster.save_raw(raw_format="json"))["learner"]["gradient_booster"]
    return [
        (feature, np.float32(threshold))
        for tree in trees["model"]["trees"]
        for feature, threshold, left in zip(
            tree["split_indices"], tree["split_conditions"], tree["left_children"], strict=True
        )
        if left != -1
    ]


def test_all_rows_get_the_same_answer(model: Model, booster: xgb.Booster) -> None:
    rows, _ = load_breast_cancer(return_X_y=True)
    assert rows.shape == (569, tumor_classifier.FEATURES)
    assert difference(model, booster, rows) <= TOLERANCE


def test_no_row_changes_sides(model: Model, booster: xgb.Booster) -> None:
    rows, _ = load_breast_cancer(return_X_y=True)
    given = np.array(model.predict(rows.astype(np.float32))) > 0.5
    np.testing.assert_array_equal(given, booster.predict(xgb.DMatrix(rows)) > 0.5)


def test_splits_agree_at_below_and_above_each_threshold(model: Model, booster: xgb.Booster) -> None:
    """XGBoost goes left if value < threshold: <= would differ on the threshold itself."""
    typical = np.median(load_breast_cancer(return_X_y=True)[0], axis=0).astype(np.float32)
    rows = []
    for feature, threshold in thresholds(booster):
        for value in (
            np.nextafter(threshold, np.float32(-np.inf)),
            threshold,
            np.nextafter(threshold, np.float32(np.inf)),
        ):
            rows.append(typical.copy())
            rows[-1][feature] = value
    assert len(rows) > 500
    assert difference(model, booster, np.array(rows)) <= TOLERANCE


def test_random_rows_agree(model: Model, booster: xgb.Booster) -> None:
    data, _ = load_breast_cancer(return_X_y=True)
    random = np.random.default_rng(7)
    rows = random.uniform(data.min(axis=0), data.max(axis=0), (5000, tumor_classifier.FEATURES))
    assert difference(model, booster, rows) <= TOLERANCE


def test_graph_takes_rows_and_gives_one_probability_each() -> None:
    graph = onnx.load(tumor_classifier.ONNX_MODEL).graph
    (source,), (target,) = graph.input, graph.output
    assert (source.name, target.name) == ("features", "probability")
    assert source.type.tensor_type.shape.dim[1].dim_value == tumor_classifier.FEATURES
    assert len(target.type.tensor_type.shape.dim) == 1
    modes = {
        mode
        for node in graph.node
        for attribute in node.attribute
        if attribute.name == "nodes_modes"
        for mode in attribute.strings
    }
    assert modes == {b"BRANCH_LT", b"LEAF"}
    assert "ZipMap" not in {node.op_type for node in graph.node}


def test_converting_again_gives_the_committed_bytes(tmp_path: Path) -> None:
    convert.main(["--out", str(tmp_path)])
    for committed in (tumor_classifier.ONNX_MODEL, tumor_classifier.ONNX_ARTIFACT):
        assert (tmp_path / committed.name).read_bytes() == committed.read_bytes()


def test_archive_holds_what_the_container_reads() -> None:
    with tarfile.open(tumor_classifier.ONNX_ARTIFACT) as tar:
        for file in (tumor_classifier.ONNX_MODEL, tumor_classifier.FEATURE_STATISTICS):
            member = tar.extractfile(file.name)
            assert member is not None
            assert member.read() == file.read_bytes()
        assert len(tar.getmembers()) == 2


def test_medians_are_of_the_rows_to_train_on() -> None:
    statistics = json.loads(tumor_classifier.FEATURE_STATISTICS.read_text())
    assert statistics["names"] == load_breast_cancer().feature_names.tolist()
    np.testing.assert_array_equal(statistics["medians"], np.median(train.split().train, axis=0))


def test_model_card_says_what_was_compared() -> None:
    card = tumor_classifier.MODEL_CARD.read_text()
    (stated,) = re.findall(r"differs? by at most (\d\.\d+e-\d+)", card)
    assert float(stated) == TOLERANCE
    assert "all 569 rows" in card


def test_serving_imports_neither_xgboost_nor_what_converts() -> None:
    code = (
        "import sys, runtime.containers.inference.server, runtime.containers.inference.steps;"
        "found = {'xgboost', 'onnx', 'onnxmltools', 'sklearn', 'scipy'} & set(sys.modules);"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_steps_need_no_web_server() -> None:
    code = (
        "import sys, runtime.containers.inference.steps;"
        "found = {'starlette', 'uvicorn', 'uvloop'} & set(sys.modules);"
        "sys.exit(f'imported: {found}' if found else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_runtime_prepares_no_report_to_its_makers(tmp_path: Path) -> None:
    """With telemetry on, ONNX Runtime keeps a device identifier below the home folder."""
    code = (
        "from pathlib import Path; from runtime.containers.inference.model import Model;"
        f"Model(Path({str(tumor_classifier.ONNX_MODEL.parent)!r}))"
    )
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, check=True)
    assert list(tmp_path.iterdir()) == []
