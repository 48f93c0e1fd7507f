"""What a user tries first, and what proves the architecture: rows in, rows with answers out."""

from __future__ import annotations

from typing import Any

from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier

TOLERANCE = 1e-6
DAY_MINUTES = 24 * 60


def rehearse(stage: Stage) -> None:
    """A started run, the nightly one, and one with a row that the model cannot read."""
    execution = run(stage, stage.stack.outputs["SampleInputUri"])
    stage.expect("the started run succeeds", execution["status"] == "SUCCEEDED", execution)
    compare(stage, "sample rows are answered as the model answers", written(stage.stack))

    bucket, prefix = split(stage.stack.outputs["InputUri"])
    s3 = stage.client("s3")
    s3.put_object(
        Bucket=bucket, Key=f"{prefix}tonight.csv", Body=tumor_classifier.SAMPLE_BATCH.read_bytes()
    )
    before = len(runs(stage))
    stage.until(
        "the schedule starts a run within a day", lambda: len(runs(stage)) > before,
        skipping_minutes=60,
    )  # fmt: skip
    stage.until("the nightly run succeeds", lambda: runs(stage)[0]["status"] == "SUCCEEDED")
    compare(stage, "the night's rows are answered as well", written(stage.stack, "tonight.csv.out"))

    with_word = tumor_classifier.SAMPLE_BATCH.read_text().replace(",", ",large,", 1)
    s3.put_object(Bucket=bucket, Key=f"{prefix}bad/rows.csv", Body=with_word.encode())
    with_news = Listener(stage)
    failed = run(stage, f"{stage.stack.outputs['InputUri']}bad/")
    stage.expect(
        "a row that the model cannot read fails the run",
        (failed["status"], failed.get("error")) == ("FAILED", "States.TaskFailed"),
        failed,
    )
    stage.until("the topic tells of the cause", lambda: with_news.hears("See job logs"))
    stage.until(
        "the alarm of failed runs fires", lambda: alarm(stage, "FailedRuns") == "ALARM",
        skipping_minutes=1,
    )  # fmt: skip
    with_news.close()


def run(stage: Stage, uri: str) -> dict[str, Any]:
    """Starts a run over a prefix and returns how it ended."""
    import json

    states = stage.client("stepfunctions")
    started = states.start_execution(
        stateMachineArn=stage.stack.outputs["StateMachineArn"],
        input=json.dumps({"InputS3Uri": uri}),
    )
    ended: dict[str, Any] = stage.until(
        "a run ends",
        lambda: (
            found
            if (found := states.describe_execution(executionArn=started["executionArn"]))["status"]
            != "RUNNING"
            else None
        ),
    )
    return ended
