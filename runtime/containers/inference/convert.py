"""XGBoost's trees as an ONNX graph; needs requirements-train.txt, serving does not."""

from __future__ import annotations

from typing import Any

import onnx
from onnxmltools import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

INPUT, OUTPUT = "features", "probability"
# What ONNX Runtime has read for years and the converter writes: nothing newer is needed for trees.
OPSET = 15


def to_onnx(booster: Any, features: int) -> bytes:
    """Returns a model with one input, float32 rows, and one output, P(positive class) per row.

    Args:
        booster: A trained xgboost.Booster with the objective binary:logistic.
        features: Numbers in one row.
    """
    model = convert_xgboost(
        booster, initial_types=[(INPUT, FloatTensorType([None, features]))], target_opset=OPSET
    )
    graph = model.graph
    # The converter gives a label and both classes' probabilities; callers want one number.
    graph.initializer.append(onnx.helper.make_tensor("positive", onnx.TensorProto.INT64, [], [1]))
    graph.node.append(
        onnx.helper.make_node("Gather", [graph.output[1].name, "positive"], [OUTPUT], axis=1)
    )
    del graph.output[:]
    graph.output.append(
        onnx.helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["rows"])
    )
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    graph.name = "trees"  # the converter's is random
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))
