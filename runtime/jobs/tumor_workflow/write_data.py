"""Writes the raw data from scikit-learn's copy: nothing is downloaded, always the same bytes.

The copy has no identifiers: they are counted in its order.

    python -m runtime.jobs.tumor_workflow.write_data
"""

from __future__ import annotations

from sklearn.datasets import load_breast_cancer

from runtime.jobs.tumor_workflow import RAW_DATA
from runtime.jobs.tumor_workflow.steps.tumors import COLUMNS


def raw_data() -> bytes:
    """Returns the file; repr() is the shortest text that reads back as the same number."""
    features, target = load_breast_cancer(return_X_y=True)
    lines = [",".join(COLUMNS)]
    for number, (row, benign) in enumerate(zip(features.tolist(), target, strict=True), start=1):
        lines.append(",".join([f"tumor-{number:03d}", "B" if benign else "M", *map(repr, row)]))
    return ("\n".join(lines) + "\n").encode()


if __name__ == "__main__":
    RAW_DATA.write_bytes(raw_data())
