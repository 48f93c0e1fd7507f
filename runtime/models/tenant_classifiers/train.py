"""Trains one classifier per tenant and writes the artifacts and their answers.

Needs what runtime/models/tumor_classifier/requirements.txt names; two runs write the same bytes.

    python -m runtime.models.tenant_classifiers.train [--out DIR]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from runtime.jobs.tumor_workflow.steps.classifier import MEMBER, probabilities
from runtime.models.tenant_classifiers import TENANTS
from runtime.models.tumor_classifier.train import SAMPLES, csv_lines, fit, pack, split, write


def outputs() -> dict[str, bytes]:
    """Returns every file that training gives, by its path below the output folder."""
    data = split()
    files: dict[str, bytes] = {}
    for number, tenant in enumerate(TENANTS):
        own = slice(number, None, len(TENANTS))
        booster = fit(data.train[own], data.train_labels[own])
        answers = probabilities(booster, data.held_out[:SAMPLES])
        files[f"{tenant}.tar.gz"] = pack({MEMBER: bytes(booster.save_raw(raw_format="ubj"))})
        files[f"answers/{tenant}.csv"] = csv_lines(answers[:, np.newaxis])
    return files


def main(arguments: list[str] | None = None) -> None:
    """Trains the models and writes their files."""
    parser = argparse.ArgumentParser(description="Train one tumor classifier per tenant.")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder to write to"
    )
    out: Path = parser.parse_args(arguments).out
    for name, content in outputs().items():
        write(out / name, content)
        sys.stdout.write(f"{out / name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
