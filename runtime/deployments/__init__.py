"""Templates that pipelines deploy, for what does not come from a repository."""

from __future__ import annotations

from pathlib import Path

REGISTERED_MODEL = Path(__file__).parent / "registered_model"
"""endpoint.yml: an endpoint that serves a version of the model registry."""
