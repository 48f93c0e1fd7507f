"""A Greengrass component that scores samples on the device, with or without a network.

    python -m tumor_classifier check    scores the samples that came along, and compares the answers
    python -m tumor_classifier run      scores what is put into a folder, until SIGTERM

Whoever measures writes a CSV file without header into `inbox`, one sample of 30 numbers a line,
under a name that ends with .csv once it is complete. The answers come into `outbox` under the same
name, one probability of "malignant" a line; what cannot be scored goes to `rejected` with the
reason beside it. The measurements stay on the device: AWS hears of counts, mean probabilities and
durations alone.

Files here know each other by relative imports, and nothing else of the project: the folder above is
what a device gets.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

ARCHIVE = _HERE.parent
"""The folder that a device gets as a ZIP archive: this package, importable from its root."""

RECIPE = _HERE / "recipe.yaml"
"""What Greengrass installs and runs; `$name` stands for what is known when it is deployed."""
