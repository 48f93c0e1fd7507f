"""The pipeline's three containers in a row, the first and the last of them over HTTP.

SageMaker's part is played here: it sends each container's answer, with its Content-Type, to the
next one. XGBoost's built-in container is imitated by XGBoost itself.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xgboost as xgb

from catalogue.discover import ROOT
from catalogue.template import Template
from runtime.models import tumor_classifier

ROUNDED = 0.5e-4 + 1e-6
"""The last container rounds to four digits: what it adds, beside what the model may differ."""


class Message(NamedTuple):
    """What goes from one container to the next."""

    status: int
    content_type: str
    body: bytes


Container = Callable[[Message, str], Message]


class Pipeline(NamedTuple):
    """The containers in their order."""

    preprocess: Container
    xgboost: Container
    postprocess: Container

    def invoke(self, body: bytes, content_type: str = "text/csv", accept: str = "") -> Message:
        """Returns the last answer, or the first that is none."""
        message = Message(200, content_type, body)
        for container, wanted in ((self.preprocess, accept), (self.xgboost, "")):
            message = container(message, wanted)
            if message.status != 200:
                return message
        return self.postprocess(message, accept)


def started(environment: Mapping[str, str], folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """Starts the container's program as SageMaker starts it, and returns it with its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "runtime.containers.inference", "serve"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "SERVING_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(port),
            "SM_MODEL_DIR": str(folder),
            **environment,
        },
        stdout=subprocess.DEVNULL,
    )
    return process, port


def send(url: str, message: Message, accept: str) -> Message:
    headers = {"Content-Type": message.content_type} | ({"Accept": accept} if accept else {})
    request = urllib.request.Request(url, message.body, headers)  # noqa: S310 - our own server
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return Message(answer.status, answer.headers["Content-Type"], answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return Message(error.code, error.headers["Content-Type"], error.read())


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def environments(templates: Mapping[str, Template]) -> dict[str, dict[str, str]]:
    """Container -> what the template puts into its environment."""
    containers = templates["inference_pipeline"].only("AWS::SageMaker::Model")["Containers"]
    return {c["ContainerHostname"]: c.get("Environment", {}) for c in containers}


@pytest.fixture(scope="module")
def pipeline(
    environments: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pipeline]:
    folder = tmp_path_factory.mktemp("statistics")
    with tarfile.open(tumor_classifier.ONNX_ARTIFACT) as tar:
        tar.extractall(folder, filter="data")
    # The last container gets no artifact.
    empty = tmp_path_factory.mktemp("empty")
    running = [
        started(environments["preprocess"], folder),
        started(environments["postprocess"], empty),
    ]
    try:
        deadline = time.monotonic() + 30
        while not all(answers(port) for _, port in running):
            assert time.monotonic() < deadline, "the containers did not answer /ping"
            time.sleep(0.05)
        first, last = (
            lambda message, accept, port=port: send(
                f"http://127.0.0.1:{port}/invocations", message, accept
            )
            for _, port in running
        )
        yield Pipeline(first, built_in_xgboost(environments["xgboost"]), last)
    finally:
        for process, _ in running:
            process.terminate()
        for process, _ in running:
            process.wait(timeout=10)


def built_in_xgboost(environment: Mapping[str, str]) -> Container:
    """XGBoost behind what the built-in container reads and writes: text/csv."""
    booster = xgb.Booster()
    with tarfile.open(tumor_classifier.ARTIFACT) as tar:
        model = tar.extractfile("xgboost-model")
        assert model
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            booster.load_model(bytearray(model.read()))

    def respond(message: Message, accept: str) -> Message:
        assert message.content_type.split(";")[0] == "text/csv"
        accept = accept or environment["SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"]
        assert accept == "text/csv"
        rows = np.array([line.split(",") for line in message.body.decode().split()], dtype=float)
        assert rows.shape[1] == tumor_classifier.FEATURES
        predicted = booster.predict(xgb.DMatrix(rows, nthread=1)).tolist()
        # As the container parts them outside of batch transform.
        return Message(200, "text/csv; charset=utf-8", ",".join(map(str, predicted)).encode())

    return respond


def probabilities() -> list[float]:
    return [float(line) for line in tumor_classifier.SAMPLE_ANSWERS.read_text().split()]


def labels() -> list[str]:
    return ["malignant" if answer > 0.5 else "benign" for answer in probabilities()]


def verdicts(message: Message) -> list[dict[str, Any]]:
    assert message.status == 200, message.body
    assert message.content_type == "application/json"
    return list(json.loads(message.body)["predictions"])


@pytest.mark.parametrize(
    "rows", [tumor_classifier.SAMPLE_REQUESTS, tumor_classifier.SAMPLE_BATCH], ids=lambda p: p.stem
)
def test_rows_come_back_as_the_models_labels(rows: Path, pipeline: Pipeline) -> None:
    """With an identifier in front or without one."""
    found = verdicts(pipeline.invoke(rows.read_bytes()))
    assert [row["label"] for row in found] == labels()
    assert {"malignant", "benign"} == set(labels())
    np.testing.assert_allclose(
        [row["probability"] for row in found], probabilities(), rtol=0, atol=ROUNDED
    )


def test_one_row_is_a_request(pipeline: Pipeline) -> None:
    line = tumor_classifier.SAMPLE_REQUESTS.read_bytes().splitlines()[2]
    (found,) = verdicts(pipeline.invoke(line))
    assert found["label"] == labels()[2]
    assert found["probability"] == pytest.approx(probabilities()[2], abs=ROUNDED)


def test_client_that_speaks_json_gets_json_though_the_model_reads_csv(pipeline: Pipeline) -> None:
    rows = np.loadtxt(tumor_classifier.SAMPLE_REQUESTS, delimiter=",").tolist()
    body = json.dumps({"instances": rows}).encode()
    found = verdicts(pipeline.invoke(body, "application/json", "application/json"))
    assert [row["label"] for row in found] == labels()


def test_client_that_accepts_csv_gets_csv(pipeline: Pipeline) -> None:
    message = pipeline.invoke(tumor_classifier.SAMPLE_REQUESTS.read_bytes(), accept="text/csv")
    assert message.content_type.split(";")[0] == "text/csv"
    lines = message.body.decode().split()
    assert [line.split(",")[0] for line in lines] == labels()


def test_what_is_missing_is_the_median_before_the_model_sees_it(pipeline: Pipeline) -> None:
    medians = json.loads(tumor_classifier.FEATURE_STATISTICS.read_text())["medians"]
    fields = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()[0].split(",")
    with_gap = ",".join(["case-1", "", *fields[1:]]).encode()
    completed = ",".join([repr(medians[0]), *fields[1:]]).encode()
    assert verdicts(pipeline.invoke(with_gap)) == verdicts(pipeline.invoke(completed))


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"1,2,3", 422), (b"", 400), (b"-1" + b",1" * 29, 422), (b"a,b" + b",1" * 28, 422)],
    ids=["width", "empty", "negative", "words"],
)
def test_bad_rows_end_at_the_first_container(body: bytes, status: int, pipeline: Pipeline) -> None:
    def never(message: Message, _: str) -> Message:
        raise AssertionError(f"{message.body!r} reached the model")

    stopped = pipeline._replace(xgboost=never).invoke(body)
    assert stopped.status == status
    assert json.loads(stopped.body)["error"]["message"]
