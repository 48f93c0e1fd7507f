"""The container's steps behind Lambda's HTTP events."""

from __future__ import annotations

import base64
import importlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from catalogue.discover import ROOT
from runtime.models import tumor_classifier

SAMPLES = tumor_classifier.SAMPLE_REQUESTS.read_text()
ANSWERS = np.loadtxt(tumor_classifier.SAMPLE_ANSWERS)
MODULE = "runtime.containers.inference.lambda_handler"


@dataclass
class Context:
    aws_request_id: str = "f00d"


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module, imported as when an environment starts."""
    monkeypatch.setenv("SM_MODEL_DIR", str(tumor_classifier.ONNX_MODEL.parent))
    sys.modules.pop(MODULE, None)
    return importlib.import_module(MODULE)


def call(function: ModuleType, body: str | None, **event: Any) -> dict[str, Any]:
    event = {"headers": {"content-type": "text/csv"}, "isBase64Encoded": False, **event}
    answer: dict[str, Any] = function.handler({"body": body, **event}, Context())
    json.dumps(answer)  # what Lambda does with it
    return answer


def predictions(answer: dict[str, Any]) -> list[float]:
    assert answer["statusCode"] == 200, answer
    return [float(line) for line in answer["body"].splitlines()]


def test_text_body(function: ModuleType) -> None:
    answer = call(function, SAMPLES)
    np.testing.assert_allclose(predictions(answer), ANSWERS, rtol=0, atol=1e-6)
    assert answer["headers"] == {"content-type": "text/csv"}


def test_base64_body_as_function_urls_send_binary_types(function: ModuleType) -> None:
    body = base64.b64encode(SAMPLES.encode()).decode()
    answer = call(function, body, isBase64Encoded=True)
    np.testing.assert_allclose(predictions(answer), ANSWERS, rtol=0, atol=1e-6)


def test_header_names_in_any_case(function: ModuleType) -> None:
    headers = {"Content-Type": "text/csv", "ACCEPT": "application/json"}
    answer = call(function, SAMPLES, headers=headers)
    assert answer["headers"] == {"content-type": "application/json"}
    assert len(json.loads(answer["body"])["predictions"]) == len(ANSWERS)


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"body": None}, 400, "undecodable_body"),
        ({"body": "1,2,3"}, 422, "wrong_shape"),
        ({"body": ",".join(["nan"] * 30)}, 422, "invalid_value"),
        ({"body": "{", "headers": {"content-type": "application/json"}}, 400, "undecodable_body"),
        ({"body": SAMPLES, "headers": None}, 415, "unsupported_content_type"),
        ({"body": "%%%", "isBase64Encoded": True}, 400, "undecodable_body"),
    ],
)
def test_bad_input_is_the_same_error_as_from_the_server(
    function: ModuleType, event: dict[str, Any], status: int, code: str
) -> None:
    answer = call(function, **event)
    assert (answer["statusCode"], json.loads(answer["body"])["error"]["code"]) == (status, code)


def test_one_log_line_without_values(
    function: ModuleType, capfd: pytest.CaptureFixture[str]
) -> None:
    call(function, "4711.08154,2")
    output = capfd.readouterr().out
    line = json.loads(output)
    assert (line["status"], line["code"], line["request_id"]) == (422, "wrong_shape", "f00d")
    assert "4711" not in output


def test_what_fails_inside_is_a_500_that_tells_nothing(
    function: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Broken:
        def respond(self, *_: object) -> None:
            raise RuntimeError("secret-4711")

    monkeypatch.setattr(function, "STEP", Broken())
    answer = call(function, SAMPLES)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["error"]["code"] == "internal_error"
    output = capfd.readouterr().out
    assert "RuntimeError" in output
    assert "4711" not in output + answer["body"]


def test_environment_without_a_model_does_not_start(tmp_path: Path) -> None:
    process = subprocess.run(
        [sys.executable, "-c", f"import {MODULE}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "SM_MODEL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert "model.onnx cannot be read" in json.loads(process.stdout)["message"]
