"""The tenants' models: what is committed, that training gives it again, and that they differ."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tarfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import xgboost as xgb

from runtime.models import tenant_classifiers, tumor_classifier
from runtime.models.tenant_classifiers import TENANTS, train

Floats = npt.NDArray[np.floating[Any]]

TOLERANCE = 1e-6


def served(archive: Path, folder: Path) -> Floats:
    """What the built-in container answers to the sample requests with this archive."""
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    (model,) = folder.iterdir()
    assert model.name == "xgboost-model"
    booster = xgb.Booster()
    with warnings.catch_warnings():
        # The file has no suffix, and XGBoost says that it tells the format by the content.
        warnings.simplefilter("ignore", UserWarning)
        booster.load_model(str(model))
    rows = np.loadtxt(tumor_classifier.SAMPLE_REQUESTS, delimiter=",")
    answers: Floats = booster.predict(xgb.DMatrix(rows, nthread=1))
    return answers


@pytest.fixture(scope="module")
def retrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("retrained")
    train.main(["--out", str(folder)])
    return folder


def test_importing_the_package_needs_the_standard_library_only() -> None:
    code = (
        "import sys, runtime.models.tenant_classifiers as package;"
        "assert not {'numpy', 'sklearn', 'xgboost'} & set(sys.modules);"
        "assert package.artifact('north').is_file()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("tenant", TENANTS)
def test_committed_model_gives_the_committed_answers(tenant: str, tmp_path: Path) -> None:
    answers = np.loadtxt(tenant_classifiers.sample_answers(tenant))
    np.testing.assert_allclose(
        served(tenant_classifiers.artifact(tenant), tmp_path), answers, rtol=0, atol=TOLERANCE
    )


@pytest.mark.parametrize("tenant", TENANTS)
def test_training_again_gives_the_same_answers(
    tenant: str, retrained: Path, tmp_path: Path
) -> None:
    answers = np.loadtxt(tenant_classifiers.sample_answers(tenant))
    np.testing.assert_allclose(
        served(retrained / f"{tenant}.tar.gz", tmp_path), answers, rtol=0, atol=TOLERANCE
    )


def test_every_two_tenants_get_different_answers() -> None:
    for one, other in itertools.combinations(TENANTS, 2):
        answers = [np.loadtxt(tenant_classifiers.sample_answers(name)) for name in (one, other)]
        assert np.abs(answers[0] - answers[1]).max() > 0.01, (one, other)


def test_every_tenant_agrees_with_the_diagnosis_on_the_samples() -> None:
    labels = train.split().held_out_labels[: train.SAMPLES]
    for tenant in TENANTS:
        answers = np.loadtxt(tenant_classifiers.sample_answers(tenant))
        assert np.mean((answers > 0.5) == labels) >= 0.9, tenant
