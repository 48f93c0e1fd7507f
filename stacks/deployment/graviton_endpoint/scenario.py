"""What a user tries first, and what proves the architecture: equal shares, equal answers."""

from __future__ import annotations

from collections import Counter

from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier
from stacks.deployment.graviton_endpoint.stack import CPU

REQUESTS = 200
TOLERANCE = 1e-5
LEAST_SHARE = 0.35
"""Of two equal shares in 200 requests: chance stays above it, a wrong weight does not."""


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Sends one request and returns the answer."""
    return _ask(stack, body)[1]


def rehearse(stage: Stage) -> None:
    """Both processors get half of the requests and give the same answers."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    known = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    asked: Counter[str] = Counter()
    far = 0
    for number in range(REQUESTS):
        variant, answer = _ask(stage.stack, rows[number % len(rows)].encode())
        asked[variant] += 1
        far += abs(float(answer) - known[number % len(rows)]) > TOLERANCE
    stage.expect(f"{REQUESTS} requests answered as the model answers", not far, f"{far} not")
    stage.show("requests by processor", dict(asked))
    even = min(asked[name] for name in CPU) >= LEAST_SHARE * REQUESTS
    stage.expect("the processors share them", even, dict(asked))
    for name in CPU:
        lines = _ask(stage.stack, "\n".join(rows).encode(), name)[1].split()
        far = sum(abs(float(a) - b) > TOLERANCE for a, b in zip(lines, known, strict=True))
        stage.expect(f"{name}, when it is named, answers {len(rows)} rows alike", not far, far)
    stage.show("not shown here", "how fast processors are: both variants ran on this machine")


def _ask(stack: DeployedStack, body: bytes, variant: str | None = None) -> tuple[str, bytes]:
    answer = stack.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=stack.outputs["EndpointName"],
        ContentType=tumor_classifier.CONTENT_TYPE,
        Body=body,
        **({"TargetVariant": variant} if variant else {}),
    )
    return answer["InvokedProductionVariant"], bytes(answer["Body"].read())
