"""What build projects do: a file of commands each, for a shell in the folder of the source."""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

VERIFY = _HERE / "verify" / "buildspec.yml"
"""Lint, unit tests, synth and checks of a repository to be delivered."""

INTEGRATION_TEST = _HERE / "integration_test" / "buildspec.yml"
"""Compares the answers of a deployed endpoint with those of its samples."""
