"""What runs on the workers of Amazon MWAA Serverless."""

from __future__ import annotations

from pathlib import Path

TASKS = Path(__file__).parent / "tasks"
"""Folder of the code package: its modules lie at the root of the archive."""
