"""What a user tries first, and what proves the architecture: many reasons, one training run."""

from __future__ import annotations

import json

from rehearsal.pipelines import PipelineRuns
from rehearsal.registry import expect_pending, versions
from rehearsal.runs import Runs
from rehearsal.stage import Stage
from rehearsal.watching import physical_ids
from runtime.jobs import tumor_workflow

GATHERING_MINUTES = 15
SKIPPED = "another execution starts the run for this event as well"


def rehearse(stage: Stage) -> None:
    """Drift and new data within a while start one run; the weekly schedule starts another."""
    outputs, name = stage.stack.outputs, stage.stack.name
    gate = Runs(stage, physical_ids(stage, "AWS::StepFunctions::StateMachine")[0])
    training = PipelineRuns(stage, name)
    stage.expect("the first data start nothing", not gate.all(), gate.all())

    drift = {"MetricName": "FeatureDrift", "Value": 0.3}
    stage.client("cloudwatch").put_metric_data(Namespace=name, MetricData=[drift])
    stage.until(
        "drift asks the gate for a run", lambda: newest(gate, "drift: "), skipping_minutes=1
    )
    stage.until("it waits for other reasons", lambda: entered(gate, "Gather"))
    bucket, _, prefix = outputs["RawDataUri"].removeprefix("s3://").partition("/")
    stage.client("s3").put_object(
        Bucket=bucket,
        Key=f"{prefix}/tumors.csv",
        Body=tumor_workflow.RAW_DATA.read_bytes(),
    )
    stage.until("new data ask as well", lambda: newest(gate, "new data: raw/"))
    second = gate.ended(gate.all()[0]["executionArn"])
    stage.expect("who comes second starts none", SKIPPED in second.get("output", ""), second)
    stage.expect("nothing runs while reasons gather", not training.all(), training.all())

    stage.until("a run starts", lambda: bool(training.all()), skipping_minutes=GATHERING_MINUTES)
    (run,) = training.all()
    stage.until("it ends", lambda: training.has_ended(run))
    stage.expect(
        "it trains a good model", training.status(run) == "Succeeded", training.reasons(run)
    )
    expect_pending(stage, outputs["ModelPackageGroupName"])

    stage.until(
        "the schedule asks for a run within a week",
        lambda: newest(gate, "schedule"),
        skipping_minutes=24 * 60,
    )
    stage.until(
        "another run starts", lambda: len(training.all()) > 1, skipping_minutes=GATHERING_MINUTES
    )
    training.stop(training.all()[0])
    approve(stage)


def newest(gate: Runs, reason: str) -> bool:
    """Returns whether the newest execution was started for a reason."""
    return any(f'"{reason}' in given for given in gate.inputs()[:1])


def entered(gate: Runs, state: str) -> bool:
    """Returns whether the newest execution is in a state."""
    return gate.states(gate.all()[0]["executionArn"])[-1:] == [state]


def approve(stage: Stage) -> None:
    """Approves the version; CodePipeline is recorded only, and its request comes back."""
    (version,) = versions(stage, stage.stack.outputs["ModelPackageGroupName"])
    stage.client("sagemaker").update_model_package(
        ModelPackageArn=version["ModelPackageArn"], ModelApprovalStatus="Approved"
    )
    (queue,) = (
        url for url in physical_ids(stage, "AWS::SQS::Queue") if "PipelineUndelivered" not in url
    )
    sqs = stage.client("sqs")

    def received() -> str:
        messages = sqs.receive_message(QueueUrl=queue).get("Messages", [])
        return str(messages[0]["Body"]) if messages else ""

    asked = stage.until(
        "the approval asks CodePipeline for a delivery, which is recorded only here", received
    )
    stage.expect(
        "it is about the approved version",
        json.loads(asked)
        == {"variables": [{"name": "version", "value": version["ModelPackageArn"]}]},
        asked,
    )
