"""What a user tries first, and what proves the architecture: a good model stays, a bad one goes."""

from __future__ import annotations

from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.stage import DeployedStack, Stage, read
from rehearsal.traffic import traffic
from runtime.models import tumor_classifier

TOLERANCE = 1e-6


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Sends one request and returns the answer."""
    return _ask(stack.client("sagemaker-runtime"), stack.outputs["EndpointName"], body)


def rehearse(stage: Stage) -> None:
    """The challenger takes over by canary; the broken model is rolled back by its alarm."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    expected = float(read(tumor_classifier.SAMPLE_ANSWERS)[0])
    runtime = stage.client("sagemaker-runtime")
    name = stage.stack.outputs["EndpointName"]

    def answer() -> float:
        return float(_ask(runtime, name, rows[0].encode()))

    def told() -> str:
        try:
            return f"{answer():.6f}"
        except runtime.exceptions.ModelError:
            return "ModelError"

    stage.expect("the champion answers", abs(answer() - expected) < TOLERANCE, answer())

    with traffic(told) as answers:
        stage.redeploy({"model": "challenger"})
    challenger = answer()
    stage.expect("the challenger answers now", abs(challenger - expected) > TOLERANCE, challenger)
    stage.expect(
        "meanwhile clients got answers of both models, and no error",
        answers.keys() == {f"{expected:.6f}", f"{challenger:.6f}"},
        dict(answers),
    )
    config = _endpoint(stage)["EndpointConfigName"]

    with traffic(told) as answers:
        refused = _refusal(stage, {"model": "broken"})
    stage.expect(
        "the broken model is rolled back by its alarm", "NewFleetErrors" in refused, refused
    )
    stage.expect("meanwhile some clients met it", answers["ModelError"] > 0, dict(answers))
    stage.expect("the challenger still answers", abs(answer() - challenger) < TOLERANCE, answer())
    endpoint = _endpoint(stage)
    stage.expect(
        "the endpoint is in service under the configuration that it had",
        (endpoint["EndpointStatus"], endpoint["EndpointConfigName"]) == ("InService", config),
        endpoint,
    )


def _ask(runtime: Any, name: str, body: bytes) -> bytes:
    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType=tumor_classifier.CONTENT_TYPE, Body=body
    )
    return bytes(answer["Body"].read())


def _endpoint(stage: Stage) -> dict[str, Any]:
    name = stage.stack.outputs["EndpointName"]
    return dict(stage.client("sagemaker").describe_endpoint(EndpointName=name))


def _refusal(stage: Stage, options: dict[str, str]) -> str:
    """Returns why a deployment failed, empty if it did not."""
    try:
        stage.redeploy(options)
    except RehearsalError as error:
        return str(error)
    return ""
