"""What a user tries first, and what proves the architecture: each tenant has its own model."""

from __future__ import annotations

from typing import Any

from rehearsal.callers import caller, refusal
from rehearsal.metrics import total
from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tenant_classifiers, tumor_classifier
from stacks.deployment.multi_model_endpoint.stack import VERSION

TOLERANCE = 1e-6


def invoke(
    stack: DeployedStack, body: bytes, *, tenant: str = tenant_classifiers.TENANTS[0]
) -> bytes:
    """Sends one request to a tenant's model and returns the answer."""
    return _ask(stack.client("sagemaker-runtime"), stack, f"{tenant}/{VERSION}", body)


def rehearse(stage: Stage) -> None:
    """Models come when they are asked for, answer as their own, and for their tenants alone."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    everything = "\n".join(rows).encode()
    for tenant in tenant_classifiers.TENANTS:
        answers = [float(line) for line in invoke(stage.stack, everything, tenant=tenant).split()]
        known = [float(line) for line in read(tenant_classifiers.sample_answers(tenant))]
        far = sum(abs(a - b) > TOLERANCE for a, b in zip(answers, known, strict=True))
        stage.expect(f"{len(rows)} answers to {tenant} are those of its model", not far, far)
    _keeps_loaded(stage, rows[0])
    _keeps_apart(stage, rows[0])
    _takes_new_tenants(stage, rows[0])


def _keeps_loaded(stage: Stage, row: str) -> None:
    """The first request of each model finds it missing, the next ones find it loaded."""
    invoke(stage.stack, row.encode())
    where = {"EndpointName": stage.stack.outputs["EndpointName"], "VariantName": "AllTraffic"}
    hits = total(stage, "ModelCacheHit", **where)
    misses = total(stage, "ModelCacheHit", "SampleCount", **where) - hits
    loaded = len(tenant_classifiers.TENANTS)
    stage.expect(
        f"{loaded} requests had to wait for their model, later ones not",
        (misses, hits) == (loaded, 1),
        f"{misses:.0f} misses, {hits:.0f} hits",
    )


def _keeps_apart(stage: Stage, row: str) -> None:
    """A tenant's policy opens its own models and no other's."""
    own, other, *_ = tenant_classifiers.TENANTS
    with caller(
        stage, stage.stack.outputs[f"{own.capitalize()}PolicyArn"], "sagemaker-runtime"
    ) as runtime:
        answer = _ask(runtime, stage.stack, f"{own}/{VERSION}", row.encode())
        stage.show(f"{own}, under its own policy", f"{float(answer):.4f}")
        code, _ = refusal(
            runtime, lambda: _ask(runtime, stage.stack, f"{other}/{VERSION}", row.encode())
        )
        stage.expect(
            f"{own} is denied {other}'s model", code == "AccessDeniedException", code or "an answer"
        )


def _takes_new_tenants(stage: Stage, row: str) -> None:
    """A tenant more is an object more: the endpoint is not touched."""
    bucket, _, prefix = stage.stack.outputs["ModelsUri"].removeprefix("s3://").partition("/")
    runtime, target = stage.client("sagemaker-runtime"), f"east/{VERSION}"
    code, message = refusal(runtime, lambda: _ask(runtime, stage.stack, target, row.encode()))
    stage.expect("a tenant without a model is told so", code == "ValidationError", message)
    stage.client("s3").put_object(
        Bucket=bucket, Key=f"{prefix}/{target}", Body=tumor_classifier.ARTIFACT.read_bytes()
    )
    answer = float(_ask(runtime, stage.stack, target, row.encode()))
    known = float(read(tumor_classifier.SAMPLE_ANSWERS)[0])
    stage.expect("its first object makes it one", abs(answer - known) < TOLERANCE, answer)


def _ask(runtime: Any, stack: DeployedStack, target: str, body: bytes) -> bytes:
    answer = runtime.invoke_endpoint(
        EndpointName=stack.outputs["EndpointName"],
        TargetModel=target,
        ContentType=tumor_classifier.CONTENT_TYPE,
        Body=body,
    )
    return bytes(answer["Body"].read())
