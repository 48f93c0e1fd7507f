"""Writes the classifier's trees as matrix products, packed for SageMaker.

Accelerators have no instruction for a tree. The same decisions as comparisons and two matrix
products run on all of them: every split is evaluated, and a leaf is the one whose path agrees.
Source: https://www.usenix.org/conference/osdi20/presentation/nakandala (the GEMM strategy)

It reads model.tar.gz and features.json of the same folder; two runs write the same bytes.

    python -m runtime.models.tumor_classifier.tensor_form [--out DIR]
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import xgboost as xgb

from runtime.containers.inference.convert import INPUT, OPSET, OUTPUT
from runtime.models import tumor_classifier
from runtime.models.tumor_classifier.convert import booster
from runtime.models.tumor_classifier.train import pack, write


@dataclass
class Splits:
    """The trees laid out flat.

    Attributes:
        features: Which feature each split looks at.
        thresholds: Below which each split goes left.
        leaves: Value of each leaf, and the splits on its path: True if it goes left there.
    """

    features: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    leaves: list[tuple[float, dict[int, bool]]] = field(default_factory=list)

    def add(self, tree: dict[str, Any]) -> None:
        """Adds a tree as XGBoost saves it."""

        def leaves(node: int, path: dict[int, bool]) -> Iterator[tuple[float, dict[int, bool]]]:
            left, right = tree["left_children"][node], tree["right_children"][node]
            if left < 0:
                yield tree["split_conditions"][node], path
                return
            split = len(self.features)
            self.features.append(tree["split_indices"][node])
            self.thresholds.append(tree["split_conditions"][node])
            yield from leaves(left, path | {split: True})
            yield from leaves(right, path | {split: False})

        self.leaves.extend(leaves(0, {}))


def to_tensors(model: xgb.Booster) -> bytes:
    """Returns the graph: input and output as those of model.onnx, no operator of ai.onnx.ml."""
    learner = json.loads(model.save_raw(raw_format="json"))["learner"]
    base = float(learner["learner_model_param"]["base_score"].strip("[]"))
    splits = Splits()
    for tree in learner["gradient_booster"]["model"]["trees"]:
        splits.add(tree)

    paths = np.zeros((len(splits.features), len(splits.leaves)), np.float32)
    for leaf, (_, path) in enumerate(splits.leaves):
        for split, goes_left in path.items():
            paths[split, leaf] = 1 if goes_left else -1
    constants: dict[str, Any] = {
        "which": np.array(splits.features, np.int64),
        "thresholds": np.array(splits.thresholds, np.float32),
        "paths": paths,
        # The most that a leaf's column adds up to: if every split on its path agrees.
        "agreement": (paths > 0).sum(axis=0).astype(np.float32),
        "values": np.array([[value] for value, _ in splits.leaves], np.float32),
        "base": np.array([math.log(base / (1 - base))], np.float32),
        "shape": np.array([-1], np.int64),
    }
    node, float32 = onnx.helper.make_node, onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        [
            node("Gather", [INPUT, "which"], ["looked_at"], axis=1),
            node("Less", ["looked_at", "thresholds"], ["below"]),
            node("Cast", ["below"], ["lefts"], to=float32),
            node("MatMul", ["lefts", "paths"], ["agreeing"]),
            node("GreaterOrEqual", ["agreeing", "agreement"], ["reached"]),
            node("Cast", ["reached"], ["leaves"], to=float32),
            node("MatMul", ["leaves", "values"], ["sum"]),
            node("Reshape", ["sum", "shape"], ["sums"]),
            node("Add", ["sums", "base"], ["margin"]),
            node("Sigmoid", ["margin"], [OUTPUT]),
        ],
        "tensors",
        [onnx.helper.make_tensor_value_info(INPUT, float32, [None, tumor_classifier.FEATURES])],
        [onnx.helper.make_tensor_value_info(OUTPUT, float32, ["rows"])],
        [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", OPSET)], ir_version=8
    )
    onnx.checker.check_model(made)
    return bytes(made.SerializeToString(deterministic=True))


def outputs() -> dict[str, bytes]:
    """Returns the archive by its name."""
    statistics = tumor_classifier.FEATURE_STATISTICS
    return {
        tumor_classifier.TENSOR_ARTIFACT.name: pack(
            {
                tumor_classifier.ONNX_MODEL.name: to_tensors(booster()),
                statistics.name: statistics.read_bytes(),
            }
        )
    }


def main(arguments: list[str] | None = None) -> None:
    """Writes the file below `--out`, by default beside this file."""
    parser = argparse.ArgumentParser(description="Write the trees as matrix products.")
    parser.add_argument("--out", type=Path, default=tumor_classifier.ARTIFACT.parent)
    out: Path = parser.parse_args(arguments).out
    for name, content in outputs().items():
        write(out / name, content)
        sys.stdout.write(f"{out / name}: {len(content)} bytes\n")


if __name__ == "__main__":
    main()
