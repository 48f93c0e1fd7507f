"""The step scripts: run on the real data, as a job's container runs them, and on bad input."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aws_cdk import App, IgnoreMode, Stack
from aws_cdk.aws_s3_assets import Asset

from mla_constructs.orchestration.workflow_requests import METRICS
from runtime.jobs import tumor_workflow
from runtime.jobs.tumor_workflow import write_data
from runtime.jobs.tumor_workflow.steps import evaluate, preprocess, train, tumors
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier import train as classifier

GOOD = {"max_depth": "3", "eta": "0.1", "rounds": "300", "early_stopping_rounds": "20"}
BAD = GOOD | {"max_depth": "1", "rounds": "1"}
PARTS = ("train", "validation", "test")


def lay_out(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def pack(model: Path, archive: Path) -> None:
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(model, "xgboost-model")


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What preprocess writes of the real data."""
    raw = {"processing/input/raw/tumors.csv": tumor_workflow.RAW_DATA.read_bytes()}
    root = lay_out(tmp_path_factory.mktemp("preprocess"), raw)
    preprocess.main(["--root", str(root)])
    return root / "processing" / "output"


@pytest.fixture(scope="module")
def trained(
    parted: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[dict[str, str]], Path]:
    """Trains on the real data; returns the folder."""

    def run(hyperparameters: dict[str, str]) -> Path:
        root = lay_out(
            tmp_path_factory.mktemp("train"),
            {"input/config/hyperparameters.json": json.dumps(hyperparameters).encode()},
        )
        for name in ("train", "validation"):
            shutil.copytree(parted / name, root / "input" / "data" / name)
        train.main(["--root", str(root)])
        return root

    return run


@pytest.fixture(scope="module")
def judged(
    parted: Path,
    trained: Callable[[dict[str, str]], Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., dict[str, Any]]:
    """Trains and evaluates on the real data; returns the evaluation."""

    def run(hyperparameters: dict[str, str], *, approved: bool = True) -> dict[str, Any]:
        root = tmp_path_factory.mktemp("evaluate")
        inputs = root / "processing" / "input"
        shutil.copytree(parted / "test", inputs / "test")
        pack(trained(hyperparameters) / "model" / "xgboost-model", inputs / "model/model.tar.gz")
        if approved:
            lay_out(inputs, {"approved/5d1c.gz": tumor_classifier.ARTIFACT.read_bytes()})
        evaluate.main(["--root", str(root)])
        file = root / "processing" / "output" / "evaluation" / "evaluation.json"
        result: dict[str, Any] = json.loads(file.read_text())
        return result

    return run


@pytest.fixture(scope="module")
def good(judged: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    return judged(GOOD)


# The data.


def test_raw_data_is_what_the_script_writes() -> None:
    assert tumor_workflow.RAW_DATA.read_bytes() == write_data.raw_data()


def test_raw_data_is_569_tumors_with_a_header() -> None:
    header, *lines = tumor_workflow.RAW_DATA.read_text().splitlines()
    assert header.startswith("id,diagnosis,radius_mean,")
    assert len(header.split(",")) == 2 + tumor_classifier.FEATURES
    assert len({line.split(",")[0] for line in lines}) == len(lines) == 569
    assert {line.split(",")[1] for line in lines} == {"M", "B"}


# preprocess


def test_parts_are_disjoint_and_together_all_rows(parted: Path) -> None:
    rows = {name: tumors.read(parted / name / f"{name}.csv") for name in PARTS}
    assert {name: len(part) for name, part in rows.items()} == {
        "train": 318,
        "validation": 80,
        "test": 171,
    }
    every = np.vstack([part.features for part in rows.values()])
    assert len(np.unique(every, axis=0)) == 569


def test_diagnoses_are_as_frequent_in_every_part(parted: Path) -> None:
    for name in PARTS:
        rows = tumors.read(parted / name / f"{name}.csv")
        assert rows.labels.mean() == pytest.approx(212 / 569, abs=0.01), name


def test_test_rows_are_those_that_the_approved_model_never_saw(parted: Path) -> None:
    """Otherwise a new model would be compared with one that knows the answers."""
    test = tumors.read(parted / "test" / "test.csv")
    held_out = classifier.split()
    np.testing.assert_array_equal(test.features, held_out.held_out)
    np.testing.assert_array_equal(test.labels, held_out.held_out_labels)


def test_parting_again_writes_the_same_bytes(parted: Path, tmp_path: Path) -> None:
    raw = {"processing/input/raw/tumors.csv": tumor_workflow.RAW_DATA.read_bytes()}
    preprocess.main(["--root", str(lay_out(tmp_path, raw))])
    for name in PARTS:
        again = tmp_path / "processing" / "output" / name / f"{name}.csv"
        assert again.read_bytes() == (parted / name / f"{name}.csv").read_bytes()


def test_files_of_a_prefix_are_read_together(parted: Path, tmp_path: Path) -> None:
    header, *lines = tumor_workflow.RAW_DATA.read_bytes().splitlines(keepends=True)
    raw = {
        "processing/input/raw/2026-11-21.csv": b"".join([header, *lines[:300]]),
        "processing/input/raw/2026-11-22.csv": b"".join([header, *lines[300:]]),
    }
    preprocess.main(["--root", str(lay_out(tmp_path, raw))])
    again = tmp_path / "processing" / "output" / "train" / "train.csv"
    assert again.read_bytes() == (parted / "train" / "train.csv").read_bytes()


HEADER, FIRST, *REST = tumor_workflow.RAW_DATA.read_text().splitlines()
FIELDS = FIRST.split(",")


def with_first(*fields: str) -> str:
    return "\n".join([HEADER, ",".join(fields), *REST])


BAD_RAW = {
    "no rows": (HEADER, "There are 0 rows of diagnosis M: at least 10 are needed."),
    "empty file": ("", "tumors.csv has other columns than expected: missing ['id', "),
    "no header": ("\n".join([FIRST, *REST]), "tumors.csv has other columns than expected"),
    "other order": (
        "\n".join([HEADER.replace("id,diagnosis", "diagnosis,id"), FIRST]),
        "missing [], unknown [], or in another order.",
    ),
    "missing column": (
        HEADER.replace("area_mean,", ""),
        "missing ['area_mean'], unknown [], or in another order.",
    ),
    "short row": (with_first(*FIELDS[:-1]), "tumors.csv line 2 has 31 fields, not 32."),
    "unknown diagnosis": (
        with_first(FIELDS[0], "X", *FIELDS[2:]),
        "tumors.csv line 2: diagnosis is neither M nor B.",
    ),
    "word": (
        with_first(*FIELDS[:2], "large", *FIELDS[3:]),
        "tumors.csv line 2: radius_mean is no number from 0 upwards.",
    ),
    "not a number": (with_first(*FIELDS[:2], "nan", *FIELDS[3:]), "radius_mean is no number"),
    "infinite": (with_first(*FIELDS[:2], "inf", *FIELDS[3:]), "radius_mean is no number"),
    "negative": (with_first(*FIELDS[:2], "-1", *FIELDS[3:]), "radius_mean is no number"),
    "id twice": ("\n".join([HEADER, FIRST, FIRST]), "line 3: its id has occurred before."),
    "broken quotes": (with_first('"' + FIELDS[0], *FIELDS[1:]), "tumors.csv is no CSV in UTF-8"),
}


@pytest.mark.parametrize("name", BAD_RAW)
def test_bad_raw_data_ends_preprocess_with_one_sentence(name: str, tmp_path: Path) -> None:
    content, message = BAD_RAW[name]
    lay_out(tmp_path, {"processing/input/raw/tumors.csv": content.encode()})
    with pytest.raises(SystemExit) as ended:
        preprocess.main(["--root", str(tmp_path)])
    said = str(ended.value.code)
    assert message in said
    assert "\n" not in said
    # What DescribeProcessingJob shows as ExitMessage.
    assert (tmp_path / "output" / "message").read_text() == said
    assert not (tmp_path / "processing" / "output").exists()


@pytest.mark.parametrize("value", ["X-17", "tumor-001"])
def test_nobodys_values_are_in_what_is_said(value: str, tmp_path: Path) -> None:
    content = with_first(value, value, *FIELDS[2:])
    lay_out(tmp_path, {"processing/input/raw/tumors.csv": content.encode()})
    with pytest.raises(SystemExit) as ended:
        preprocess.main(["--root", str(tmp_path)])
    assert value not in str(ended.value.code)


def test_other_encodings_and_missing_files_are_said(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"There is no \.csv file below"):
        preprocess.main(["--root", str(tmp_path)])
    lay_out(tmp_path, {"processing/input/raw/tumors.csv": "id,diagnosé".encode("latin-1")})
    with pytest.raises(SystemExit, match=r"tumors\.csv is no CSV in UTF-8"):
        preprocess.main(["--root", str(tmp_path)])


# train


def test_training_stops_early_and_keeps_the_best_rounds(
    trained: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = trained(GOOD)
    log = capsys.readouterr().out
    losses = [float(found) for found in re.findall(METRICS["validation:logloss"], log)]
    kept = int(re.findall(r"kept (\d+) rounds", log)[0])
    assert len(losses) < int(GOOD["rounds"]), "it did not stop early"
    assert kept == int(np.argmin(losses)) + 1
    assert [file.name for file in (root / "model").iterdir()] == ["xgboost-model"]


def test_every_metric_is_found_in_the_log_once_a_round(
    trained: Callable[[dict[str, str]], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    trained(GOOD | {"rounds": "5"})
    log = capsys.readouterr().out
    for name, regex in METRICS.items():
        found = re.findall(regex, log)
        assert len(found) == 5, name
        assert all(0 < float(value) <= 1 for value in found), name


def test_training_again_gives_the_same_model(trained: Callable[[dict[str, str]], Path]) -> None:
    first, second = ((trained(GOOD) / "model" / "xgboost-model").read_bytes() for _ in "12")
    assert first == second


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_depth": "0"}, "max_depth is '0': give a number from 1 to 10."),
        ({"max_depth": "three"}, "max_depth is 'three': give a number from 1 to 10."),
        ({"max_depth": "2.5"}, "max_depth is '2.5': give a number from 1 to 10."),
        ({"eta": "nan"}, "eta is 'nan': give a number from 0.001 to 1."),
        ({"rounds": "2001"}, "rounds is '2001': give a number from 1 to 2000."),
        ({"depth": "3"}, "give max_depth, eta, rounds, early_stopping_rounds."),
    ],
)
def test_bad_hyperparameters_end_training_with_one_sentence(
    changes: dict[str, str], message: str, tmp_path: Path
) -> None:
    config = {"input/config/hyperparameters.json": json.dumps(GOOD | changes).encode()}
    with pytest.raises(SystemExit) as ended:
        train.main(["--root", str(lay_out(tmp_path, config))])
    said = str(ended.value.code)
    assert message in said
    # What DescribeTrainingJob shows as FailureReason.
    assert (tmp_path / "output" / "failure").read_text() == said


def test_missing_and_foreign_channels_are_said(tmp_path: Path) -> None:
    config = {"input/config/hyperparameters.json": json.dumps(GOOD).encode()}
    lay_out(tmp_path, config)
    with pytest.raises(SystemExit, match=r"train\.csv cannot be read as rows of numbers"):
        train.main(["--root", str(tmp_path)])
    lay_out(tmp_path, {"input/data/train/train.csv": b"1,2,3\n"})
    with pytest.raises(SystemExit, match=r"train\.csv has 3 columns, not 31\."):
        train.main(["--root", str(tmp_path)])


# evaluate


def test_evaluation_follows_from_its_confusion_matrix(good: dict[str, Any]) -> None:
    figures = good["binary_classification_metrics"]
    matrix = figures["confusion_matrix"]
    (tn, fp), (fn, tp) = ((matrix[truth]["0"], matrix[truth]["1"]) for truth in "01")
    assert tn + fp + fn + tp == 171
    for name, value in {
        "accuracy": (tn + tp) / 171,
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "accuracy_best_constant_classifier": (tn + fp) / 171,
        "recall_best_constant_classifier": 0,
    }.items():
        assert figures[name]["value"] == pytest.approx(value, abs=1e-6), name


def test_area_below_the_curve_is_the_roc_auc(good: dict[str, Any]) -> None:
    figures = good["binary_classification_metrics"]
    curve = figures["receiver_operating_characteristic_curve"]
    area = np.trapezoid(curve["true_positive_rates"], curve["false_positive_rates"])
    assert area == pytest.approx(figures["auc"]["value"], abs=1e-5)


def test_approved_model_has_the_figures_of_its_own_card(good: dict[str, Any]) -> None:
    known = json.loads(tumor_classifier.METRICS.read_text())
    approved = good["compared_with"]["approved"]
    for name in ("accuracy", "f1", "roc_auc", "log_loss"):
        assert approved[name] == pytest.approx(known[name], abs=1e-6), name


def test_good_model_leads_and_bad_one_does_not(
    good: dict[str, Any], judged: Callable[..., dict[str, Any]]
) -> None:
    assert good["gate"]["roc_auc"] > 0.97
    assert good["gate"]["lead"] == pytest.approx(
        good["gate"]["roc_auc"] - good["compared_with"]["approved"]["roc_auc"], abs=1e-6
    )
    bad = judged(BAD)["gate"]
    assert bad["roc_auc"] < 0.95
    assert bad["lead"] < -0.05


def test_without_an_approved_model_the_constant_is_to_be_beaten(
    judged: Callable[..., dict[str, Any]],
) -> None:
    evaluation = judged(BAD, approved=False)
    assert evaluation["compared_with"].keys() == {"constant"}
    gate = evaluation["gate"]
    assert gate["lead"] == pytest.approx(gate["roc_auc"] - 0.5, abs=1e-6)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "model has 0 archives of a model, not one."),
        ({"model/model.tar.gz": b"no archive"}, "model.tar.gz is no archive of an xgboost-model"),
    ],
)
def test_bad_models_end_evaluation_with_one_sentence(
    files: dict[str, bytes], message: str, parted: Path, tmp_path: Path
) -> None:
    inputs = tmp_path / "processing" / "input"
    shutil.copytree(parted / "test", inputs / "test")
    lay_out(inputs, files)
    with pytest.raises(SystemExit) as ended:
        evaluate.main(["--root", str(tmp_path)])
    assert message in str(ended.value.code)


def test_archive_of_something_else_is_said(parted: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "processing" / "input"
    shutil.copytree(parted / "test", inputs / "test")
    for name, content in (("other", b"text"), ("xgboost-model", b"text")):
        (tmp_path / name).write_bytes(content)
        archive = inputs / "model" / "model.tar.gz"
        archive.parent.mkdir(exist_ok=True)
        with tarfile.open(archive, "w:gz") as tar:
            tar.add(tmp_path / name, name)
        with pytest.raises(SystemExit, match="is no archive of an xgboost-model"):
            evaluate.main(["--root", str(tmp_path)])


# As the jobs run them.


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that a deployment uploads."""
    app = App()
    code = Asset(
        Stack(app, "Test"),
        "Code",
        path=str(tumor_workflow.CODE),
        exclude=list(tumor_workflow.NOT_CODE),
        ignore_mode=IgnoreMode.GIT,
    )
    (staged,) = Path(app.synth().directory).glob("asset.*")
    file = tmp_path_factory.mktemp("archive") / f"{code.asset_hash}.zip"
    with zipfile.ZipFile(file, "w") as packed:
        for path in sorted(staged.rglob("*.py")):
            packed.write(path, path.relative_to(staged))
    assert {path.suffix for path in staged.rglob("*") if path.is_file()} == {".py"}
    return file


def test_archive_is_the_steps_alone(archive: Path) -> None:
    steps = (tumor_workflow.CODE / "steps").glob("*.py")
    with zipfile.ZipFile(archive) as packed:
        assert set(packed.namelist()) == {"__init__.py", *(f"steps/{file.name}" for file in steps)}


def test_container_runs_a_step_from_the_archive(archive: Path, tmp_path: Path) -> None:
    raw = {"processing/input/raw/tumors.csv": tumor_workflow.RAW_DATA.read_bytes()}
    process = subprocess.run(
        [sys.executable, "-m", "steps.preprocess", "--root", str(lay_out(tmp_path, raw))],
        env={"PYTHONPATH": str(archive)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[0] == "train: 318 rows, 118 malignant"


def test_container_ends_with_one_line_and_a_code_on_bad_input(
    archive: Path, tmp_path: Path
) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "steps.evaluate", "--root", str(tmp_path)],
        env={"PYTHONPATH": str(archive)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 1
    assert len(process.stderr.splitlines()) == 1, process.stderr


def test_steps_import_what_the_container_has() -> None:
    known = {"numpy", "sklearn", "xgboost", *sys.stdlib_module_names}
    for file in (tumor_workflow.CODE / "steps").glob("*.py"):
        names = re.findall(r"^(?:from|import) (\w+)", file.read_text(), re.MULTILINE)
        assert set(names) <= known, file.name
