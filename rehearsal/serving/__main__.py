"""Runs a server of this folder: `python -m rehearsal.serving xgboost`."""

from __future__ import annotations

import runpy
import sys

# Half of a process's memory: XGBoost imports it wherever it finds it, and no server needs it.
sys.modules["sklearn"] = None  # type: ignore[assignment]

runpy.run_module(f"rehearsal.serving.{sys.argv[1]}", run_name="__main__")
