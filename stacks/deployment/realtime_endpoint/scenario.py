"""What a user tries first, and what proves it: answers, capture, alarms, scaling out and in."""

from __future__ import annotations

from collections.abc import Sequence

from rehearsal.captured import captured
from rehearsal.clients import ask_endpoint
from rehearsal.load import out_and_in
from rehearsal.stage import Stage, read
from runtime.models import tumor_classifier

REQUESTS = 200
TOLERANCE = 1e-6
VARIANT = "AllTraffic"
TARGET = 1500
"""Invocations per instance and minute that the stack's policy keeps."""

invoke = ask_endpoint


def rehearse(stage: Stage) -> None:
    """Requests are answered and captured, a wrong one wakes nobody, load brings instances."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    sent = [rows[number % len(rows)] for number in range(REQUESTS)]
    _ask(stage, rows, sent)
    _look_at_capture(stage, sent)
    _send_nonsense(stage)
    out_and_in(
        stage,
        stage.stack.outputs["EndpointName"],
        lambda: invoke(stage.stack, rows[0].encode()),
        target=TARGET,
        calm_minutes=25,
    )


def _ask(stage: Stage, rows: Sequence[str], sent: Sequence[str]) -> None:
    expected = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    wrong = 0
    for number, row in enumerate(sent):
        answer = float(invoke(stage.stack, row.encode()))
        wrong += abs(answer - expected[number % len(rows)]) > TOLERANCE
    stage.show("first request, first answer", f"{rows[0][:24]}... -> {expected[0]:.4f}")
    stage.expect(f"{REQUESTS} requests answered as the model answers", wrong == 0, f"{wrong} not")


def _look_at_capture(stage: Stage, sent: Sequence[str]) -> None:
    stage.advance(minutes=1)
    lines = captured(stage, stage.stack.outputs["CaptureUri"], VARIANT)
    requests = [line["captureData"]["endpointInput"]["data"] for line in lines]
    stage.expect("every request is captured", sorted(requests) == sorted(sent), len(requests))
    first = lines[0]["captureData"]["endpointOutput"]
    stage.show("a captured answer", f"{first['data'].strip()}, {first['encoding']}")


def _send_nonsense(stage: Stage) -> None:
    runtime = stage.client("sagemaker-runtime")
    status = 0
    try:
        invoke(stage.stack, b"no,tumor")
    except runtime.exceptions.ModelError as error:
        status = error.response["OriginalStatusCode"]
    stage.expect("a wrong row is refused by the model with 400", status == 400, status)  # noqa: PLR2004

    group = f"/aws/sagemaker/Endpoints/{stage.stack.outputs['EndpointName']}"
    logs = stage.client("logs")
    stage.until(
        "its log says why",
        lambda: next(
            (
                event["message"]
                for event in logs.filter_log_events(logGroupName=group)["events"]
                if "payload" in event["message"]
            ),
            None,
        ),
    )
    stage.advance(minutes=2)
    states = {
        alarm["AlarmName"].removeprefix(f"{stage.stack.name}-Alarms"): alarm["StateValue"]
        for alarm in stage.client("cloudwatch").describe_alarms()["MetricAlarms"]
        if alarm["AlarmName"].startswith(f"{stage.stack.name}-Alarms")
    }
    stage.expect(
        "no alarm goes off for what a client did wrong", set(states.values()) == {"OK"}, states
    )
