"""One workflow, process -> train -> evaluate, for every orchestrator: scripts and raw data.

The scripts run in SageMaker's built-in XGBoost container (Python 3.12, XGBoost 3.2.0, NumPy 2.1.0,
scikit-learn 1.8.0), for processing as well as for training, and on any computer with
`python -m runtime.jobs.tumor_workflow.steps.<step> --root <folder laid out as /opt/ml>`.

Source: https://github.com/aws/deep-learning-containers/blob/main/docker/xgboost/pyproject.toml
"""

from __future__ import annotations

from pathlib import Path

CODE = Path(__file__).parent
"""The folder whose archive the jobs run, once NOT_CODE is left out: a package named `steps`."""

NOT_CODE = ("__pycache__/", "data/", "write_data.py")
"""What the archive does not need, as in a .gitignore."""

RAW_DATA = CODE / "data" / "tumors.csv"
"""569 tumors as they would arrive: header, identifier, diagnosis (M or B), 30 measurements."""
