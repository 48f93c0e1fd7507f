"""What a user tries first, and what proves the architecture: who is named answers, nobody else."""

from __future__ import annotations

from functools import partial
from typing import Any

from rehearsal.callers import caller, refusal
from rehearsal.metrics import total
from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier
from stacks.deployment.multi_container_endpoint.stack import CONTAINERS

TOLERANCE = 1e-5
"""Two frameworks round differently."""


def invoke(stack: DeployedStack, body: bytes, *, container: str = CONTAINERS[0]) -> bytes:
    """Sends one request to a container and returns the answer."""
    return _ask(stack.client("sagemaker-runtime"), stack, container, body)


def rehearse(stage: Stage) -> None:
    """Both frameworks answer alike, each in its own container; a policy opens one of them."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    known = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    for name in CONTAINERS:
        lines = invoke(stage.stack, "\n".join(rows).encode(), container=name).split()
        far = sum(abs(float(a) - b) > TOLERANCE for a, b in zip(lines, known, strict=True))
        stage.expect(f"{len(rows)} rows answered by {name} as the model answers", not far, far)
    _tells_containers_apart(stage, rows[0])
    _opens_one(stage, rows[0])


def _tells_containers_apart(stage: Stage, row: str) -> None:
    """An error shows in the metrics of the container that made it."""
    runtime = stage.client("sagemaker-runtime")
    wrong = [
        refusal(runtime, partial(invoke, stage.stack, b"no,tumor", container=name))[0]
        for name in CONTAINERS
    ]
    stage.expect("what is no tumor, both refuse", set(wrong) == {"ModelError"}, wrong)
    code, message = refusal(
        runtime, lambda: invoke(stage.stack, row.encode(), container="tensorflow")
    )
    stage.expect("a container that is not there is no default", code == "ValidationError", message)
    for name in CONTAINERS:
        seen = total(
            stage,
            "ContainerLatency",
            "SampleCount",
            EndpointName=stage.stack.outputs["EndpointName"],
            VariantName="AllTraffic",
            ContainerName=name,
        )
        stage.expect(f"two requests are counted for {name}", seen == 2, seen)  # noqa: PLR2004


def _opens_one(stage: Stage, row: str) -> None:
    own, other = CONTAINERS
    policy = stage.stack.outputs[f"{own.capitalize()}PolicyArn"]
    with caller(stage, policy, "sagemaker-runtime") as runtime:
        stage.show(f"under {own}'s policy", _ask(runtime, stage.stack, own, row.encode()).decode())
        code, _ = refusal(runtime, lambda: _ask(runtime, stage.stack, other, row.encode()))
        stage.expect(f"{other} is denied", code == "AccessDeniedException", code or "an answer")


def _ask(runtime: Any, stack: DeployedStack, container: str, body: bytes) -> bytes:
    answer = runtime.invoke_endpoint(
        EndpointName=stack.outputs["EndpointName"],
        TargetContainerHostname=container,
        ContentType=tumor_classifier.CONTENT_TYPE,
        Body=body,
    )
    return bytes(answer["Body"].read())
