"""The handler that deletes what a pipeline has delivered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from runtime.functions.custom_resources.handlers import cloudformation as answering
from runtime.functions.custom_resources.handlers import delete_stack

NAME = "cicd-pipeline-staging"
ID = f"arn:aws:cloudformation:us-east-1:123456789012:stack/{NAME}/8d0e2c5b"


class Context:
    """A Lambda context with time left."""

    def __init__(self, milliseconds: int = 900_000) -> None:
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    client = boto3.client(
        "cloudformation",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106
    )
    monkeypatch.setattr(delete_stack.boto3, "client", lambda _: client)
    monkeypatch.setattr(delete_stack, "POLL_SECONDS", 0)
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    class Answer:
        status = 200

        def __enter__(self) -> Answer:
            return self

        def __exit__(self, *_: Any) -> None:
            return None

    def urlopen(request: Any, timeout: int) -> Answer:
        assert timeout
        sent.append(json.loads(request.data))
        return Answer()

    monkeypatch.setattr(answering.urllib.request, "urlopen", urlopen)
    return sent


def event(kind: str) -> dict[str, Any]:
    known = {} if kind == "Create" else {"PhysicalResourceId": NAME}
    return {
        "RequestType": kind,
        "ResponseURL": "https://cloudformation-custom-resource-response.s3.amazonaws.com/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Delivered",
        "ResourceProperties": {"StackName": NAME},
        **known,
    }


def found(stub: Stubber, asked: str, status: str) -> None:
    stack = {"StackId": ID, "StackName": NAME, "StackStatus": status, "CreationTime": 1}
    stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": asked})


def absent(stub: Stubber) -> None:
    stub.add_client_error(
        "describe_stacks",
        "ValidationError",
        f"Stack with id {NAME} does not exist",
        expected_params={"StackName": NAME},
    )


@pytest.mark.usefixtures("stub")
@pytest.mark.parametrize("kind", ["Create", "Update"])
def test_nothing_is_deleted_before_the_end(kind: str, answers: list[dict[str, Any]]) -> None:
    delete_stack.handler(event(kind), Context())
    assert (answers[0]["Status"], answers[0]["PhysicalResourceId"]) == ("SUCCESS", NAME)


def test_stack_is_deleted_and_waited_for(stub: Stubber, answers: list[dict[str, Any]]) -> None:
    found(stub, NAME, "UPDATE_COMPLETE")
    stub.add_response("delete_stack", {}, {"StackName": ID})
    found(stub, ID, "DELETE_IN_PROGRESS")
    found(stub, ID, "DELETE_COMPLETE")
    delete_stack.handler(event("Delete"), Context())
    assert answers[0]["Status"] == "SUCCESS"


def test_stack_that_was_never_delivered_is_no_failure(
    stub: Stubber, answers: list[dict[str, Any]]
) -> None:
    absent(stub)
    delete_stack.handler(event("Delete"), Context())
    assert answers[0]["Status"] == "SUCCESS"


def test_failed_deletion_is_a_failure(stub: Stubber, answers: list[dict[str, Any]]) -> None:
    found(stub, NAME, "CREATE_COMPLETE")
    stub.add_response("delete_stack", {}, {"StackName": ID})
    found(stub, ID, "DELETE_FAILED")
    delete_stack.handler(event("Delete"), Context())
    assert answers[0]["Status"] == "FAILED"
    assert "DELETE_FAILED" in answers[0]["Reason"]


def test_deletion_that_outlasts_the_function_is_a_failure(
    stub: Stubber, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delete_stack, "POLL_SECONDS", 10)
    found(stub, NAME, "CREATE_COMPLETE")
    stub.add_response("delete_stack", {}, {"StackName": ID})
    found(stub, ID, "DELETE_IN_PROGRESS")
    delete_stack.handler(event("Delete"), Context(29_000))
    assert answers[0]["Status"] == "FAILED"
    assert "still being deleted" in answers[0]["Reason"]


def test_denied_call_is_a_failure_and_no_missing_stack(
    stub: Stubber, answers: list[dict[str, Any]]
) -> None:
    stub.add_client_error("describe_stacks", "AccessDenied", "not authorized")
    delete_stack.handler(event("Delete"), Context())
    assert answers[0]["Status"] == "FAILED"
