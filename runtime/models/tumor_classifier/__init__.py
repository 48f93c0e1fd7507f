"""A small XGBoost classifier that tells malignant from benign tumors, ready to be served.

The artifact fits SageMaker's built-in XGBoost container in algorithm mode: no inference code.
A request is one row or more of FEATURES numbers each, without header and label. The answer is the
probability of "malignant" for each row, as text/csv: parted by commas or by newlines, depending on
the version of the container, so that a client splits at both.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/xgboost-how-to-use.html
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

ARTIFACT = _HERE / "model.tar.gz"
"""The archive that SageMaker unpacks into /opt/ml/model."""

ONNX_MODEL = _HERE / "model.onnx"
"""The same trees for ONNX Runtime: `features` in, the probability of "malignant" per row out."""

ONNX_ARTIFACT = _HERE / "onnx_model.tar.gz"
"""ONNX_MODEL and FEATURE_STATISTICS as SageMaker unpacks them for the inference container."""

TENSOR_ARTIFACT = _HERE / "tensor_model.tar.gz"
"""As ONNX_ARTIFACT, with the same trees as matrix products, which run on accelerators too."""

FEATURE_STATISTICS = _HERE / "features.json"
"""Names of the features in their order, and the medians that stand for missing values."""

CHALLENGER = _HERE / "challenger.tar.gz"
"""Another model of the same rows, in the same form as ARTIFACT, to compare it with."""

CHALLENGER_METRICS = _HERE / "challenger_metrics.json"
"""The challenger's figures on the held-out rows."""

BROKEN = _HERE / "broken.tar.gz"
"""A model that loads and then fails every request: it expects one feature less than they have."""

TRAINING_DATA = _HERE / "training.csv"
"""The rows it was trained on, the label (1 is malignant) before the features."""

SAMPLE_REQUESTS = _HERE / "samples" / "requests.csv"
"""Held-out rows, one request body per line or all lines as one."""

SAMPLE_BATCH = _HERE / "samples" / "batch.csv"
"""The same rows with an identifier before the features, as a batch job gets them."""

SAMPLE_ANSWERS = _HERE / "samples" / "answers.csv"
"""The probability that the model gives for the same line of SAMPLE_REQUESTS."""

METRICS = _HERE / "metrics.json"
"""Figures on the held-out rows."""

MODEL_CARD = _HERE / "MODEL_CARD.md"
"""What the model is for, and what it is not."""

CONTENT_TYPE = "text/csv"
"""Of requests and of answers."""

FEATURES = 30
"""Numbers in one row."""
