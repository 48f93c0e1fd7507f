"""The trees as matrix products: the same answers, from operators that accelerators have."""

from __future__ import annotations

import tarfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from runtime.containers.inference.model import Model
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier import tensor_form, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The artifact as SageMaker unpacks it."""
    folder = tmp_path_factory.mktemp("model")
    with tarfile.open(tumor_classifier.TENSOR_ARTIFACT) as tar:
        tar.extractall(folder, filter="data")
    return folder


def rows() -> train.Floats:
    return train.split().held_out.astype(np.float32)


def test_conversion_gives_the_committed_bytes(tmp_path: Path) -> None:
    tensor_form.main(["--out", str(tmp_path)])
    written = tmp_path / tumor_classifier.TENSOR_ARTIFACT.name
    assert written.read_bytes() == tumor_classifier.TENSOR_ARTIFACT.read_bytes()


def test_answers_are_those_of_the_trees(folder: Path) -> None:
    trees = onnxruntime.InferenceSession(
        tumor_classifier.ONNX_MODEL.read_bytes(), providers=["CPUExecutionProvider"]
    )
    (told,) = trees.run(None, {"features": rows()})
    np.testing.assert_allclose(Model(folder).predict(rows()), told, rtol=0, atol=1e-6)


def test_container_serves_the_sample_answers(folder: Path) -> None:
    requests = np.loadtxt(tumor_classifier.SAMPLE_REQUESTS, delimiter=",", dtype=np.float32)
    answers = np.loadtxt(tumor_classifier.SAMPLE_ANSWERS)
    np.testing.assert_allclose(Model(folder).predict(requests), answers, rtol=0, atol=1e-6)


def test_values_at_a_threshold_go_right_as_in_xgboost(folder: Path) -> None:
    graph = onnx.load(folder / "model.onnx").graph
    constants = {c.name: onnx.numpy_helper.to_array(c) for c in graph.initializer}
    edge = np.zeros((1, tumor_classifier.FEATURES), np.float32)
    edge[0, constants["which"][0]] = constants["thresholds"][0]
    trees = onnxruntime.InferenceSession(
        tumor_classifier.ONNX_MODEL.read_bytes(), providers=["CPUExecutionProvider"]
    )
    for row in (edge, np.nextafter(edge, np.float32(-np.inf))):
        (told,) = trees.run(None, {"features": row})
        np.testing.assert_allclose(Model(folder).predict(row), told, rtol=0, atol=1e-6)


def test_no_operator_is_one_for_trees(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    assert [opset.domain for opset in model.opset_import] == [""]
    assert {node.op_type for node in model.graph.node} == {
        "Add",
        "Cast",
        "Gather",
        "GreaterOrEqual",
        "Less",
        "MatMul",
        "Reshape",
        "Sigmoid",
    }


def test_every_row_reaches_one_leaf_of_each_tree(folder: Path) -> None:
    model = onnx.load(folder / "model.onnx")
    model.graph.output.append(
        onnx.helper.make_tensor_value_info("leaves", onnx.TensorProto.FLOAT, None)
    )
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (leaves,) = session.run(["leaves"], {"features": rows()})
    assert (leaves.sum(axis=1) == train.ROUNDS).all()
