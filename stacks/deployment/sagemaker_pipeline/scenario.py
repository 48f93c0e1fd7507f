"""What a user tries first, and what proves the architecture: the gate lets good models through."""

from __future__ import annotations

from rehearsal.pipelines import PipelineRuns
from rehearsal.registry import expect_pending, versions
from rehearsal.stage import Stage
from rehearsal.watching import alarm_state, heard

TOO_SMALL = {"MaxDepth": "1", "Rounds": "1"}
"""A single stump: worse than the approved model by more than the gate allows."""


def rehearse(stage: Stage) -> None:
    """A run with the defaults registers its model; one that trains a stump is refused."""
    outputs = stage.stack.outputs
    group = outputs["ModelPackageGroupName"]
    runs = PipelineRuns(stage, outputs["PipelineName"])
    good = runs.run({})
    steps = runs.steps(good)
    stage.expect(
        "a run with the defaults succeeds", runs.status(good) == "Succeeded", runs.reasons(good)
    )
    stage.show("steps", ", ".join(steps))
    expect_pending(stage, group)

    with heard(stage, outputs["AlarmTopicArn"]) as messages:
        refused = runs.run(TOO_SMALL)
        steps = runs.steps(refused)
        stage.expect(
            "a model that is not good enough fails the run",
            (runs.status(refused), list(steps.items())[-1]) == ("Failed", ("Reject", "Failed")),
            steps,
        )
        stage.until("the topic names the execution", lambda: refused in messages())
        stage.until(
            "the alarm of failed executions fires",
            lambda: alarm_state(stage, "FailedExecutions") == "ALARM",
            skipping_minutes=1,
        )
    stage.expect("it is not registered", len(versions(stage, group)) == 1, versions(stage, group))
