"""What a user tries first, and what proves the architecture: the gate lets good models through."""

from __future__ import annotations

import json

from rehearsal.registry import expect_pending, versions
from rehearsal.runs import Runs
from rehearsal.stage import Stage
from rehearsal.watching import heard

TOO_SMALL = {"MaxDepth": "1", "Rounds": "1"}
"""A single stump: worse than the approved model by more than the gate allows."""


def rehearse(stage: Stage) -> None:
    """A run with the defaults registers its model; one that trains a stump is refused."""
    outputs = stage.stack.outputs
    group = outputs["ModelPackageGroupName"]
    runs = Runs(stage, outputs["StateMachineArn"])
    ended = runs.run({})
    stage.expect("a run with the defaults succeeds", ended["status"] == "SUCCEEDED", ended)
    stage.show("states", " -> ".join(runs.states(ended["executionArn"])))
    stage.show("ROC AUC", json.loads(ended["output"])["RocAuc"])
    expect_pending(stage, group)

    with heard(stage, outputs["AlarmTopicArn"]) as messages:
        refused = runs.run(TOO_SMALL)
        stage.expect(
            "a model that is not good enough fails the run",
            (refused["status"], refused.get("error")) == ("FAILED", "ModelNotGoodEnough"),
            refused,
        )
        stage.until("the topic has the cause", lambda: refused["cause"] in messages())
    stage.show("cause", refused["cause"])
    stage.expect("it is not registered", len(versions(stage, group)) == 1, versions(stage, group))

    broken = runs.run({"InputDataUri": "s3://no-such-bucket-of-anybody/raw/"})
    stage.expect(
        "a job that cannot read its data fails the run by the service's name",
        broken.get("error") == "States.TaskFailed" and "No S3 objects" in broken["cause"],
        broken,
    )
