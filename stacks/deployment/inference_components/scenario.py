"""What a user tries first, and what proves the architecture: copies come, share, go and wake."""

from __future__ import annotations

from rehearsal.callers import refusal
from rehearsal.clients import ask_endpoint
from rehearsal.load import instances
from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier

COMPONENTS = ("Xgboost", "Onnx")
TOLERANCE = 1e-5


def invoke(stack: DeployedStack, body: bytes, *, component: str = COMPONENTS[0]) -> bytes:
    """Sends one request to a component and returns the answer."""
    name = stack.outputs[f"{component}Component"]
    return ask_endpoint(stack, body, InferenceComponentName=name)


def rehearse(stage: Stage) -> None:
    """Two models share an instance, go down to no copy and no instance, and one call wakes one."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    known = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    endpoint = stage.stack.outputs["EndpointName"]
    for name in COMPONENTS:
        lines = invoke(stage.stack, "\n".join(rows).encode(), component=name).split()
        far = sum(abs(float(a) - b) > TOLERANCE for a, b in zip(lines, known, strict=True))
        stage.expect(f"{len(rows)} rows answered by {name} as the model answers", not far, far)
    stage.expect(
        "both on one instance", instances(stage, endpoint) == 1, instances(stage, endpoint)
    )

    stage.until(
        "without requests both go down to no copy",
        lambda: not any(copies(stage, name) for name in COMPONENTS),
        skipping_minutes=1,
    )
    stage.until("and the endpoint to no instance", lambda: instances(stage, endpoint) == 0)

    runtime, first = stage.client("sagemaker-runtime"), COMPONENTS[0]
    code, message = refusal(runtime, lambda: invoke(stage.stack, rows[0].encode()))
    stage.expect(
        "the next request fails for want of a copy",
        code == "ValidationError" and "no capacity" in message,
        message or "an answer",
    )
    stage.until(
        f"that failure alone wakes {first}", lambda: copies(stage, first), skipping_minutes=1
    )
    answer = float(invoke(stage.stack, rows[0].encode()))
    stage.expect("it answers again", abs(answer - known[0]) < TOLERANCE, answer)
    other = COMPONENTS[1]
    stage.expect(f"{other}, which nobody called, sleeps on", not copies(stage, other), "a copy")


def copies(stage: Stage, component: str) -> int:
    """Returns how many copies of a component run."""
    described = stage.client("sagemaker").describe_inference_component(
        InferenceComponentName=stage.stack.outputs[f"{component}Component"]
    )
    return int(described["RuntimeConfig"]["CurrentCopyCount"])
