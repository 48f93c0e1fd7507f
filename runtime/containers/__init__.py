"""Container images of the project."""

from __future__ import annotations

from pathlib import Path

CONTEXT = Path(__file__).resolve().parents[1]
"""Folder that every build starts in: a Dockerfile copies models as well as programs."""

INFERENCE = "containers/inference/Dockerfile"
"""The inference container, which trains as well with the target "training"."""

INFERENCE_GPU = "containers/inference_gpu/Dockerfile"
"""The same server with ONNX Runtime for CUDA, x86_64 only."""
