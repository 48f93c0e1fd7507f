"""What a user tries first, and what proves the architecture: from zero to one and back to zero."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlparse

from rehearsal.load import activities, instances
from rehearsal.stage import DeployedStack, Stage, read
from runtime.models import tumor_classifier

CALM_MINUTES = 25  # 15 of the lower alarm, 10 of the cooldown
TOLERANCE = 1e-6
Notices = Iterator[dict[str, Any] | None]
LOOKS = {"Delay": 5, "MaxAttempts": 240}  # 20 minutes: from zero it takes some


def invoke(stack: DeployedStack, body: bytes) -> bytes:
    """Sends one request, waits until its answer lies in S3, and returns it."""
    location = _place(submit(stack, body)["OutputLocation"])
    s3 = stack.client("s3")
    s3.get_waiter("object_exists").wait(**location, WaiterConfig=LOOKS)
    return bytes(s3.get_object(**location)["Body"].read())


def submit(stack: DeployedStack, body: bytes) -> dict[str, Any]:
    """Puts a payload below input/ and a request into the queue."""
    uri = f"{stack.outputs['InputUri']}/{uuid.uuid4()}.csv"
    stack.client("s3").put_object(**_place(uri), Body=body)
    return dict(
        stack.client("sagemaker-runtime").invoke_endpoint_async(
            EndpointName=stack.outputs["EndpointName"],
            InputLocation=uri,
            ContentType=tumor_classifier.CONTENT_TYPE,
        )
    )


def rehearse(stage: Stage) -> None:
    """A request wakes the endpoint; answers, failures and notices come; calm ends the instance."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    expected = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    outputs = stage.stack.outputs
    _rests(stage)
    _refuses_to_answer_at_once(stage, rows[0])
    with (
        _heard(stage, outputs["AnsweredTopicArn"]) as answered,
        _heard(stage, outputs["FailedTopicArn"]) as failed,
    ):
        request = submit(stage.stack, "\n".join(rows).encode())
        stage.show("at once", f"{request['InferenceId']} -> {request['OutputLocation']}")
        minutes = _wakes(stage)
        stage.show("minutes from zero to one instance", minutes)
        notice = _notice(stage, "success", answered, failed)
        _expect_notice(stage, notice, request, "Completed")
        stage.show("the notice", json.dumps(notice))
        stage.expect(
            "the notice names the answer's place",
            notice["responseParameters"]["outputLocation"] == request["OutputLocation"],
            notice,
        )
        answers = [float(line) for line in _read(stage, request["OutputLocation"]).split()]
        wrong = sum(
            abs(answer - known) > TOLERANCE for answer, known in zip(answers, expected, strict=True)
        )
        stage.expect(f"{len(rows)} rows answered in S3 as the model answers", not wrong, wrong)

        bad = submit(stage.stack, b"1,2,3")
        notice = _notice(stage, "error", failed, answered)
        _expect_notice(stage, notice, bad, "Failed")
        reason = _read(stage, bad["FailureLocation"])
        stage.expect("the failure path has the reason", "Feature size" in reason, reason)
    _rests(stage)
    stage.show("scaling activities", "; ".join(activities(stage, outputs["EndpointName"])))


def _rests(stage: Stage) -> None:
    """Shows that calm takes the last instance away."""
    endpoint = stage.stack.outputs["EndpointName"]
    stage.advance(minutes=CALM_MINUTES)
    seen = instances(stage, endpoint)
    stage.expect(f"no instance after {CALM_MINUTES} calm minutes", seen == 0, f"{seen} instances")


def _wakes(stage: Stage) -> int:
    """Skips minutes until there is an instance, and returns how many."""
    endpoint = stage.stack.outputs["EndpointName"]
    for minute in range(1, CALM_MINUTES):
        stage.advance(minutes=1)
        if instances(stage, endpoint):
            return minute
    stage.expect("a waiting request wakes the endpoint", False, f"{CALM_MINUTES} minutes asleep")
    return 0


def _refuses_to_answer_at_once(stage: Stage, row: str) -> None:
    runtime = stage.client("sagemaker-runtime")
    refused = ""
    try:
        runtime.invoke_endpoint(
            EndpointName=stage.stack.outputs["EndpointName"],
            ContentType=tumor_classifier.CONTENT_TYPE,
            Body=row,
        )
    except runtime.exceptions.ValidationError as error:
        refused = str(error)
    stage.expect("InvokeEndpoint is refused", bool(refused), "an answer")


def _notice(stage: Stage, topic: str, right: Notices, wrong: Notices) -> dict[str, Any]:
    """Returns the next notice, and expects it on the right topic."""
    heard: list[tuple[bool, dict[str, Any]]] = []

    def listens() -> bool:
        heard.extend(
            (hears is right, notice) for hears in (right, wrong) if (notice := next(hears))
        )
        return bool(heard)

    stage.until("a topic tells what became of the request", listens)
    fits, notice = heard[0]
    stage.expect(f"it is the {topic} topic, alone", fits and len(heard) == 1, notice)
    return notice


def _expect_notice(stage: Stage, notice: dict[str, Any], request: Any, status: str) -> None:
    told = notice["invocationStatus"], notice["inferenceId"]
    stage.expect(
        f"the notice says {status} of this request",
        told == (status, request["InferenceId"]),
        notice,
    )


@contextmanager
def _heard(stage: Stage, topic: str) -> Iterator[Notices]:
    """Subscribes a queue to a topic for as long as somebody listens, and gives what it gets."""
    sqs, sns = stage.client("sqs"), stage.client("sns")
    url = sqs.create_queue(QueueName=f"heard-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn["QueueArn"],
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def messages() -> Notices:
        while True:
            got = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1).get("Messages", [])
            for message in got:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                yield json.loads(json.loads(message["Body"])["Message"])
            if not got:
                yield None

    try:
        yield messages()
    finally:
        sns.unsubscribe(SubscriptionArn=subscription["SubscriptionArn"])
        sqs.delete_queue(QueueUrl=url)


def _read(stage: Stage, uri: str) -> str:
    return str(stage.client("s3").get_object(**_place(uri))["Body"].read().decode())


def _place(uri: str) -> dict[str, str]:
    location = urlparse(uri)
    return {"Bucket": location.netloc, "Key": location.path.lstrip("/")}
