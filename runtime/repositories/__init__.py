"""Source repositories that the architectures deliver from: each an application of its own."""

from __future__ import annotations

from pathlib import Path

TUMOR_CLASSIFIER = Path(__file__).parent / "tumor_classifier"
"""The tumor classifier and the endpoints it is served from; the first commit of its repository."""

NOT_SOURCE = ["**/__pycache__", "**/.pytest_cache", "**/.ruff_cache", "build"]
"""What running it leaves behind, in .gitignore's manner."""
