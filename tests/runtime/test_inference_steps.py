"""Three containers of one image in a row, as SageMaker chains them, and each step alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.containers.inference.errors import ModelError
from runtime.containers.inference.settings import Settings
from runtime.containers.inference.steps import Answer, Step, load
from runtime.models import tumor_classifier
from tests.runtime.conftest import Container, Reply, Start

CSV, JSON = "text/csv", "application/json"
BATCH = tumor_classifier.SAMPLE_BATCH.read_bytes()
SAMPLES = tumor_classifier.SAMPLE_REQUESTS.read_bytes()
ANSWERS = np.loadtxt(tumor_classifier.SAMPLE_ANSWERS)
MEDIANS = json.loads(tumor_classifier.FEATURE_STATISTICS.read_text())["medians"]
ROW = [float(field) for field in SAMPLES.splitlines()[0].split(b",")]


@pytest.fixture(scope="module")
def pipeline(start: Start) -> list[Container]:
    containers = [start(SERVING_STEP=step) for step in ("preprocess", "predict", "postprocess")]
    for container in containers:
        container.wait_for_ping()
    return containers


def through(pipeline: list[Container], body: bytes, content_type: str, accept: str) -> Reply:
    """Each container gets the body and the type that the one before it gave."""
    for container in pipeline:
        reply = container.invoke(body, content_type, Accept=accept)
        assert reply.status == 200, reply.body
        body, content_type = reply.body, reply.content_type
    return reply


def labels() -> list[dict[str, Any]]:
    return [
        {"label": "malignant" if answer > 0.5 else "benign", "probability": round(answer, 4)}
        for answer in ANSWERS.tolist()
    ]


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_raw_rows_become_labels(pipeline: list[Container], accept: str) -> None:
    reply = through(pipeline, BATCH, CSV, accept)
    assert reply.content_type == JSON
    assert reply.json == {"predictions": labels()}
    assert {verdict["label"] for verdict in labels()} == {"benign", "malignant"}


def test_labels_as_csv(pipeline: list[Container]) -> None:
    reply = through(pipeline, BATCH, CSV, "text/csv")
    expected = [f"{verdict['label']},{verdict['probability']}" for verdict in labels()]
    assert (reply.content_type, reply.body.decode().splitlines()) == (CSV, expected)


def test_json_goes_through(pipeline: list[Container]) -> None:
    rows = [line.decode().split(",") for line in BATCH.splitlines()]
    values = [[row[0], *map(float, row[1:])] for row in rows]
    reply = through(pipeline, json.dumps({"instances": values}).encode(), JSON, "*/*")
    assert reply.json == {"predictions": labels()}


def test_missing_values_are_filled_before_the_model_sees_them(pipeline: list[Container]) -> None:
    body = b"case-1," + b"," * 29
    assert pipeline[1].invoke(body).status == 422
    (verdict,) = through(pipeline, body, CSV, "*/*").json["predictions"]
    (expected,) = through(pipeline, ",".join(map(repr, MEDIANS)).encode(), CSV, "*/*").json[
        "predictions"
    ]
    assert verdict == expected


# --- each step alone ---


def step(name: str, folder: Path = tumor_classifier.ONNX_MODEL.parent, **more: Any) -> Step:
    return load(Settings(step=name, model_dir=str(folder), **more))  # type: ignore[arg-type]


def code(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.code


def rows_of(answer: Answer) -> list[list[float]]:
    assert (answer.status, answer.content_type) == (200, CSV), answer.body
    return [[float(field) for field in line.split(",")] for line in answer.body.decode().split()]


def changed(value: Any, place: int = 2) -> list[Any]:
    return [*ROW[:place], value, *ROW[place + 1 :]]


def test_preprocessing_drops_identifiers_and_changes_no_number() -> None:
    answer = step("preprocess").respond(BATCH, CSV, "*/*")
    assert answer.body == SAMPLES
    assert step("preprocess").respond(SAMPLES, CSV, "*/*").body == SAMPLES


@pytest.mark.parametrize("missing", ["", " ", "nan", "NaN"])
def test_missing_values_get_the_median(missing: str) -> None:
    body = ",".join(map(str, changed(missing))).encode()
    assert rows_of(step("preprocess").respond(body, CSV, "*/*")) == [changed(MEDIANS[2])]


def test_null_gets_the_median() -> None:
    body = json.dumps({"instances": [["case-7", *changed(None)], ["case-8", *ROW]]}).encode()
    answer = step("preprocess").respond(body, JSON, "application/json")
    assert rows_of(answer) == [changed(MEDIANS[2]), ROW]


@pytest.mark.parametrize("value", [-0.1, float("inf"), "big", "1e999"])
def test_preprocessing_refuses_what_no_measurement_is(value: Any) -> None:
    body = ",".join(map(str, changed(value))).encode()
    answer = step("preprocess").respond(body, CSV, "*/*")
    assert code(answer) == (422, "invalid_value")
    assert b"Row 1, value 3 " in answer.body


def test_text_is_no_measurement_in_json_either() -> None:
    body = json.dumps({"instances": [["case-7", *changed("big")]]}).encode()
    assert code(step("preprocess").respond(body, JSON, "*/*")) == (422, "invalid_value")


@pytest.mark.parametrize("columns", [1, 29, 32])
def test_preprocessing_refuses_other_widths(columns: int) -> None:
    body = ",".join(["1"] * columns).encode()
    assert code(step("preprocess").respond(body, CSV, "*/*")) == (422, "wrong_shape")


@pytest.mark.parametrize("body", [b"0.2\n0.7\n", b"0.2,0.7", b"0.2,0.7\n"])
def test_postprocessing_reads_rows_parted_by_commas_or_by_newlines(body: bytes) -> None:
    answer = step("postprocess").respond(body, CSV, "*/*")
    assert json.loads(answer.body)["predictions"] == [
        {"label": "benign", "probability": 0.2},
        {"label": "malignant", "probability": 0.7},
    ]


def test_threshold_is_the_last_that_is_benign() -> None:
    body = b'{"predictions": [0.2, 0.20001]}'
    answer = step("postprocess", threshold=0.2).respond(body, JSON, "*/*")
    verdicts = json.loads(answer.body)["predictions"]
    assert [verdict["label"] for verdict in verdicts] == ["benign", "malignant"]


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"1.5", CSV, (422, "invalid_value")),
        (b"nan", CSV, (422, "invalid_value")),
        (b"benign", CSV, (422, "invalid_value")),
        (b'{"predictions": [-0.1]}', JSON, (422, "invalid_value")),
        (b'{"predictions": []}', JSON, (422, "wrong_shape")),
        (b'{"predictions": {}}', JSON, (422, "wrong_shape")),
        (b"0.1\n" * 10_001, CSV, (413, "too_large")),
    ],
)
def test_postprocessing_refuses_what_is_no_probability(
    body: bytes, content_type: str, expected: tuple[int, str]
) -> None:
    assert code(step("postprocess").respond(body, content_type, "*/*")) == expected


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{}", b'{"medians": ["a"]}'])
def test_preprocessing_does_not_start_without_medians(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "features.json").write_bytes(content)
    with pytest.raises(ModelError, match=r"features\.json (cannot be read|holds no medians): "):
        step("preprocess", tmp_path)


def test_postprocessing_needs_no_model(tmp_path: Path) -> None:
    assert step("postprocess", tmp_path).respond(b"0.2", CSV, "*/*").status == 200
