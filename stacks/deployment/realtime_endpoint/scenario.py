"""What a user tries first, and what proves the architecture: answers, capture, scaling."""

from __future__ import annotations

from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier

REQUESTS = 200
TOLERANCE = 1e-6


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Sends one request and returns the answer."""
    answer = stack.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=stack.outputs["EndpointName"],
        ContentType=tumor_classifier.CONTENT_TYPE,
        Body=body,
    )
    return bytes(answer["Body"].read())


def rehearse(stage: Stage) -> None:
    """200 requests are answered as the model answers them."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    expected = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    wrong = 0
    for number in range(REQUESTS):
        answer = float(invoke(stage.stack, rows[number % len(rows)].encode()))
        wrong += abs(answer - expected[number % len(rows)]) > TOLERANCE
    stage.show("first request, first answer", f"{rows[0][:24]}... -> {expected[0]:.4f}")
    stage.expect(f"{REQUESTS} requests answered as the model answers", wrong == 0, f"{wrong} not")
