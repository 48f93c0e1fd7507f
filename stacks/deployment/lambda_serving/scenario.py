"""What a user tries first, and what proves the architecture: the alias answers, its log tells."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier

REQUESTS = 40
AT_ONCE = 4
TOLERANCE = 1e-5
OK = 200
UNSUPPORTED = 415


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Sends one request and returns the answer."""
    return str(_ask(stack, body)["body"]).encode()


def rehearse(stage: Stage) -> None:
    """Requests at a time are answered side by side; a wrong one is a 4xx and no failure."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    known = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    sent = [rows[number % len(rows)] for number in range(REQUESTS)]
    with ThreadPoolExecutor(AT_ONCE) as clients:
        answers = list(clients.map(lambda row: float(invoke(stage.stack, row.encode())), sent))
    far = sum(abs(a - known[n % len(rows)]) > TOLERANCE for n, a in enumerate(answers))
    stage.expect(
        f"{REQUESTS} requests, {AT_ONCE} at a time, answered as the model answers", not far, far
    )
    wrong = _ask(stage.stack, rows[0].encode(), "text/html")
    stage.expect("HTML is refused", wrong["statusCode"] == UNSUPPORTED, wrong)
    lines = [
        json.loads(event["message"])
        for event in stage.client("logs").filter_log_events(
            logGroupName=stage.stack.outputs["LogGroupName"], filterPattern='{ $.status = "*" }'
        )["events"]
        if event["message"].startswith("{")
    ]
    seen = [line["status"] for line in lines if line.get("message") == "request"]
    stage.expect(
        "each left a line of JSON in the log",
        sorted(seen) == [OK] * REQUESTS + [UNSUPPORTED],
        f"{len(seen)} lines",
    )
    stage.advance(minutes=2)
    off = [
        alarm["AlarmName"]
        for alarm in stage.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    ]
    stage.expect("no alarm went off", not off, off)


def _ask(
    stack: DeployedStack, body: bytes, content_type: str = tumor_classifier.CONTENT_TYPE
) -> dict[str, Any]:
    answer = stack.client("lambda").invoke(
        FunctionName=stack.outputs["AliasArn"],
        Payload=json.dumps(
            {"headers": {"content-type": content_type}, "body": body.decode()}
        ).encode(),
    )
    return dict(json.loads(answer["Payload"].read()))
