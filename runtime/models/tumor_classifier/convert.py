"""Writes the classifier as ONNX, bare and packed for SageMaker.

It reads model.tar.gz and features.json of the same folder; two runs write the same bytes.

    python -m runtime.models.tumor_classifier.convert [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
import tarfile
from pathlib import Path

import xgboost as xgb

from runtime.containers.inference.convert import to_onnx
from runtime.jobs.tumor_workflow.steps.classifier import MEMBER
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier.train import pack, write


def booster() -> xgb.Booster:
    """Returns the committed model."""
    with tarfile.open(tumor_classifier.ARTIFACT) as tar:
        file = tar.extractfile(MEMBER)
        assert file is not None, MEMBER  # noqa: S101 - a regular file, as train.py packs it
        return xgb.Booster(model_file=bytearray(file.read()))


def outputs() -> dict[str, bytes]:
    """Returns every file that the conversion gives, by its name."""
    model = to_onnx(booster(), tumor_classifier.FEATURES)
    statistics = tumor_classifier.FEATURE_STATISTICS
    members = {
        tumor_classifier.ONNX_MODEL.name: model,
        statistics.name: statistics.read_bytes(),
    }
    return {
        tumor_classifier.ONNX_MODEL.name: model,
        tumor_classifier.ONNX_ARTIFACT.name: pack(members),
    }


def main(arguments: list[str] | None = None) -> None:
    """Writes the files below `--out`, by default beside this file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=tumor_classifier.ARTIFACT.parent)
    out: Path = parser.parse_args(arguments).out
    for name, content in outputs().items():
        write(out / name, content)
        sys.stdout.write(f"{out / name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
