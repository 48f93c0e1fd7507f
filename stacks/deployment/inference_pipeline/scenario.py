"""What a user tries first, and what proves the architecture: raw rows in, words out."""

from __future__ import annotations

import json

from rehearsal.callers import refusal
from rehearsal.metrics import total
from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier

CONTAINERS = ("preprocess", "xgboost", "postprocess")
THRESHOLD = 0.5
DIGITS = 4


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Sends rows as they come from the laboratory and returns what is to be told of them."""
    return _ask(stack, body, "application/json")


def rehearse(stage: Stage) -> None:
    """Identifiers and missing values go in; a label and a probability a row come out."""
    rows = read(tumor_classifier.SAMPLE_BATCH)
    told = json.loads(invoke(stage.stack, "\n".join(rows).encode()))["predictions"]
    answers = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    known = [
        {
            "label": "malignant" if answer > THRESHOLD else "benign",
            "probability": round(answer, DIGITS),
        }
        for answer in answers
    ]
    stage.show("first row, first answer", f"{rows[0][:28]}... -> {told[0]}")
    stage.expect(f"{len(rows)} raw rows are answered in words", told == known, told)
    lines = _ask(stage.stack, "\n".join(rows).encode(), "text/csv").decode().split()
    wanted = [f"{each['label']},{each['probability']}" for each in known]
    stage.expect("as CSV to whoever accepts that", lines == wanted, lines[:2])
    empty = json.loads(invoke(stage.stack, b"case-1," + b"," * (tumor_classifier.FEATURES - 1)))
    stage.show("a row without any value", empty["predictions"][0])
    _stops_where_it_fails(stage)


def _stops_where_it_fails(stage: Stage) -> None:
    """What preprocessing refuses never reaches the model, which the metrics of each show."""
    runtime = stage.client("sagemaker-runtime")
    code, message = refusal(runtime, lambda: invoke(stage.stack, b"case-1,not a number"))
    stage.expect("a row that is none is refused", code == "ModelError", message or "an answer")
    counts = [_requests(stage, name) for name in CONTAINERS]
    first, *rest = counts
    stage.expect(
        "the first step saw it, the others did not",
        first > 1 and all(count == first - 1 for count in rest),
        dict(zip(CONTAINERS, counts, strict=True)),
    )


def _requests(stage: Stage, container: str) -> int:
    return int(
        total(
            stage,
            "ContainerLatency",
            "SampleCount",
            EndpointName=stage.stack.outputs["EndpointName"],
            VariantName="AllTraffic",
            ContainerName=container,
        )
    )


def _ask(stack: DeployedStack, body: bytes, accept: str) -> bytes:
    answer = stack.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=stack.outputs["EndpointName"],
        ContentType=tumor_classifier.CONTENT_TYPE,
        Accept=accept,
        Body=body,
    )
    return bytes(answer["Body"].read())
