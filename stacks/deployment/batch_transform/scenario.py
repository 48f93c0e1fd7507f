"""What a user tries first, and what proves the architecture: rows in, rows with answers out."""

from __future__ import annotations

import json
import uuid
from typing import Any

from rehearsal.errors import RehearsalError
from rehearsal.runs import Runs
from rehearsal.stage import DeployedStack, Stage, patiently, read
from rehearsal.watching import alarm_state, heard
from runtime.models import tumor_classifier

TOLERANCE = 1e-6
SAMPLE = tumor_classifier.SAMPLE_BATCH
"""What a request is: rows with an identifier each."""


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Runs one batch over a file of rows, waits for its end, and returns the rows with answers.

    Raises:
        RehearsalError: The run failed, or takes longer than half an hour.
    """
    states, s3 = stack.client("stepfunctions"), stack.client("s3")
    bucket, _, prefix = stack.outputs["InputUri"].removeprefix("s3://").partition("/")
    folder, name = f"{prefix}{uuid.uuid4()}/", "rows.csv"
    s3.put_object(Bucket=bucket, Key=folder + name, Body=body)
    run = states.start_execution(
        stateMachineArn=stack.outputs["StateMachineArn"],
        input=json.dumps({"InputS3Uri": f"s3://{bucket}/{folder}"}),
    )["executionArn"]

    def ended() -> dict[str, Any] | None:
        described: dict[str, Any] = states.describe_execution(executionArn=run)
        return None if described["status"] == "RUNNING" else described

    execution = patiently(f"the end of {run}", ended)
    if execution["status"] != "SUCCEEDED":
        raise RehearsalError(f"{run} {execution['status']}: {execution.get('cause', '')}")
    out, _, place = stack.outputs["OutputUri"].removeprefix("s3://").partition("/")
    found = s3.list_objects_v2(Bucket=out, Prefix=place)["Contents"]
    newest = max(
        (each for each in found if each["Key"].endswith(f"{name}.out")),
        key=lambda each: each["LastModified"],
    )
    return bytes(s3.get_object(Bucket=out, Key=newest["Key"])["Body"].read())


def rehearse(stage: Stage) -> None:
    """A run that is started, the nightly one, and one over a row that no model can read."""
    outputs = stage.stack.outputs
    runs = Runs(stage, outputs["StateMachineArn"])
    ended = runs.run({"InputS3Uri": outputs["SampleInputUri"]})
    stage.expect("the started run succeeds", ended["status"] == "SUCCEEDED", ended)
    compare(stage, "the sample rows have the model's answers")

    bucket, _, prefix = outputs["InputUri"].removeprefix("s3://").partition("/")
    rows = tumor_classifier.SAMPLE_BATCH.read_bytes()
    put = stage.client("s3").put_object
    put(Bucket=bucket, Key=f"{prefix}tonight.csv", Body=rows)
    stage.until(
        "the schedule starts a run within a day", lambda: len(runs.all()) > 1, skipping_minutes=60
    )
    stage.until("the nightly run succeeds", lambda: runs.all()[0]["status"] == "SUCCEEDED")
    compare(stage, "the night's rows have the model's answers", "tonight.csv.out")

    put(Bucket=bucket, Key=f"{prefix}bad/rows.csv", Body=rows.replace(b",", b",large,", 1))
    with heard(stage, outputs["AlarmTopicArn"]) as messages:
        failed = runs.run({"InputS3Uri": f"{outputs['InputUri']}bad/"})
        stage.expect(
            "a row with a word in it fails the run",
            (failed["status"], failed.get("error")) == ("FAILED", "States.TaskFailed"),
            failed,
        )
        stage.until("the topic has the cause", lambda: "See job logs" in messages())
        stage.until(
            "the alarm of failed runs fires",
            lambda: alarm_state(stage, "FailedRuns") == "ALARM",
            skipping_minutes=1,
        )


def compare(stage: Stage, what: str, name: str = ".csv.out") -> None:
    """Expects every row's identifier with the model's answer in an object of the output."""
    bucket, _, prefix = stage.stack.outputs["OutputUri"].removeprefix("s3://").partition("/")
    s3 = stage.client("s3")
    found = s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
    (key,) = (each["Key"] for each in found if each["Key"].endswith(name)) if found else ("",)
    lines = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode().splitlines()
    identifiers = [row.partition(",")[0] for row in read(tumor_classifier.SAMPLE_BATCH)]
    answers = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    pairs = [line.split(",") for line in lines]
    right = [pair[0] for pair in pairs] == identifiers and all(
        abs(float(pair[1]) - answer) <= TOLERANCE
        for pair, answer in zip(pairs, answers, strict=True)
    )
    stage.expect(what, right, lines[:3])
    stage.show("an answer", f"{key.rpartition('/')[2][-20:]}: {lines[0]}")
