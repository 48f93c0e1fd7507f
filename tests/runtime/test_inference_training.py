"""A training job in the container, and that the server serves what it has trained."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xgboost as xgb

from catalogue.discover import ROOT
from runtime.containers.inference import train as job
from runtime.containers.inference.model import Model
from runtime.containers.inference.settings import Settings
from runtime.containers.inference.steps import load
from runtime.models.tumor_classifier import train as reference


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """/opt/ml as a training job finds it."""
    data = reference.split()
    lines = reference.csv_lines(np.column_stack([data.train_labels, data.train])).splitlines()
    channel = tmp_path / "input" / "data" / "train"
    channel.mkdir(parents=True)
    (channel / "part-1.csv").write_bytes(b"\n".join(lines[:200]))
    (channel / "part-2.csv").write_bytes(b"\n".join(lines[200:]) + b"\n")
    (tmp_path / "input" / "config").mkdir()
    return tmp_path


def set_hyperparameters(root: Path, **values: str) -> None:
    (root / "input" / "config" / "hyperparameters.json").write_text(json.dumps(values))


def failure(root: Path) -> str:
    assert job.main(root) == 1
    assert not (root / "model").exists()
    return (root / "output" / "failure").read_text()


def test_job_gives_the_reference_model(root: Path) -> None:
    set_hyperparameters(root, num_round="60", max_depth="3", eta="0.1", seed="7")
    assert job.main(root) == 0
    assert not (root / "output").exists()
    data = reference.split()
    expected = reference.probabilities(reference.fit(data.train, data.train_labels), data.held_out)
    given = Model(root / "model").predict(data.held_out.astype(np.float32))
    np.testing.assert_allclose(given, expected, rtol=0, atol=1e-6)
    booster = xgb.Booster(model_file=bytearray((root / "model" / "xgboost-model").read_bytes()))
    np.testing.assert_allclose(booster.predict(xgb.DMatrix(data.held_out)), expected, atol=1e-6)


def test_model_of_the_job_serves_every_step(root: Path) -> None:
    set_hyperparameters(root, num_round="2")
    assert job.main(root) == 0
    folder = str(root / "model")
    body, content_type = b"case-1" + b"," * 30, "text/csv"
    for name in ("preprocess", "predict", "postprocess"):
        step = load(Settings(step=name, model_dir=folder))  # type: ignore[arg-type]
        answer = step.respond(body, content_type, "*/*")
        assert answer.status == 200, answer.body
        body, content_type = answer.body, answer.content_type


@pytest.mark.parametrize(
    ("name", "value"), [("num_round", "0"), ("max_depth", "deep"), ("eta", "2"), ("depth", "3")]
)
def test_hyperparameter_that_cannot_work_fails_the_job(root: Path, name: str, value: str) -> None:
    set_hyperparameters(root, **{name: value})
    assert name in failure(root)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "needs *.csv files"),
        ("", "needs *.csv files"),
        ("1,2,3\n0,1\n", "Row 2 does not have 3 columns"),
        ("label,radius\n1,2\n", "Row 1, value 1 is not a number"),
        ("2,2\n0,1\n", "Row 1, value 1 is a label"),
        ("1,2\n1,1\n", "All labels are the same"),
        ("1,nan\n0,1\n", "Row 1, value 2 is not a finite number"),
    ],
)
def test_data_that_cannot_work_fails_the_job(root: Path, content: str | None, said: str) -> None:
    channel = root / "input" / "data" / "train"
    for file in channel.iterdir():
        file.unlink()
    if content is not None:
        (channel / "train.csv").write_text(content)
    assert said in failure(root)


@pytest.mark.parametrize("arguments", [[], ["predict"], ["serve", "now"]])
def test_other_commands_are_refused(arguments: list[str]) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "runtime.containers.inference", *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert json.loads(process.stdout)["message"] == "The command has to be serve or train."
