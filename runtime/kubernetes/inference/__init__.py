"""The inference container on Kubernetes: two to eight pods behind one service."""

from __future__ import annotations

from pathlib import Path

MANIFESTS = Path(__file__).parent
"""The folder; its files are applied together, in the order of their names."""

NAMESPACE = "inference"

NAME = "inference"
"""Of the Deployment, the Service, and everything else in the namespace."""

PORT = 8080
"""On which the container answers."""
