"""What a user tries first, and what proves the architecture: copies that nobody waits for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from rehearsal.captured import captured
from rehearsal.clients import ask_endpoint
from rehearsal.stage import Stage, read
from runtime.models import tumor_classifier

PRODUCTION, SHADOW = "Production", "Shadow"
TOLERANCE = 1e-6

invoke = ask_endpoint


def rehearse(stage: Stage) -> None:
    """Clients get production's answers only; both are captured under the client's inference ID."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    expected = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    runtime = stage.client("sagemaker-runtime")
    told = {}
    variants = set()
    for number, row in enumerate(rows):
        answer = runtime.invoke_endpoint(
            EndpointName=stage.stack.outputs["EndpointName"],
            ContentType=tumor_classifier.CONTENT_TYPE,
            Body=row,
            InferenceId=f"row-{number}",
        )
        told[f"row-{number}"] = float(answer["Body"].read())
        variants.add(answer["InvokedProductionVariant"])
    wrong = sum(abs(a - b) > TOLERANCE for a, b in zip(told.values(), expected, strict=True))
    stage.expect(f"{len(rows)} requests answered as production answers", wrong == 0, f"{wrong} not")
    stage.expect("by production alone", variants == {PRODUCTION}, variants)

    stage.until("the shadow has got a copy of each", lambda: _copies(stage) == len(rows))
    production, shadow = _answers(stage, PRODUCTION), _answers(stage, SHADOW)
    stage.expect("what production answered is captured", production == told, len(production))
    stage.expect("what the shadow answered, too", shadow.keys() == told.keys(), len(shadow))
    apart = [abs(shadow[key] - production[key]) for key in told]
    other = sum((shadow[key] > 0.5) != (production[key] > 0.5) for key in told)  # noqa: PLR2004
    stage.expect("the shadow is another model", max(apart) > TOLERANCE, max(apart))
    stage.show("answers of another class", f"{other} of {len(told)}")
    stage.show("largest difference", f"{max(apart):.3f}")


def _copies(stage: Stage) -> float:
    names = {"EndpointName": stage.stack.outputs["EndpointName"], "VariantName": SHADOW}
    now = stage.account.now()
    found = stage.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": key, "Value": value} for key, value in names.items()],
        StartTime=now - timedelta(hours=1),
        EndTime=now,
        Period=60,
        Statistics=["Sum"],
    )
    return sum(float(point["Sum"]) for point in found["Datapoints"])


def _answers(stage: Stage, variant: str) -> dict[str, float]:
    """Returns the captured answers of a variant by inference ID."""
    stage.advance(minutes=1)
    database = stage.stack.name.replace("-", "_")
    table: dict[str, Any] = stage.client("glue").get_table(DatabaseName=database, Name="captured")
    root = table["Table"]["StorageDescriptor"]["Location"].rstrip("/").rpartition("/")[0]
    return {
        line["eventMetadata"]["inferenceId"]: float(line["captureData"]["endpointOutput"]["data"])
        for line in captured(stage, root, variant)
    }
