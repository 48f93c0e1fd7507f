"""The custom resources that place or write objects and build images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from runtime.functions.custom_resources.handlers import (
    build_image,
    builds,
    cloudformation,
    place_objects,
    write_object,
)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws():
        yield


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What CloudFormation is told."""
    found: list[dict[str, Any]] = []

    def keep(_: Any, status: str, reason: str, done: cloudformation.Done) -> None:
        found.append({"status": status, "reason": reason, "id": done.physical_id, **done.data})

    monkeypatch.setattr(cloudformation, "_answer", keep)
    return found


def event(request_type: str, **properties: Any) -> dict[str, Any]:
    return {
        "RequestType": request_type,
        "RequestId": "b8d1c7a4-19d5-4d4a-a5c8-2f6a5f8a7d11",
        "LogicalResourceId": "Placed",
        "ResourceProperties": properties,
    }


PLACED = {
    "BucketName": "data",
    "Objects": [
        {"Key": "models/a.tar.gz", "SourceBucket": "assets", "SourceKey": "0123.gz"},
        {"Key": "models/b.tar.gz", "SourceBucket": "assets", "SourceKey": "4567.gz"},
    ],
}


def bucket_with(name: str, **objects: bytes) -> Any:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=name)
    for key, body in objects.items():
        s3.put_object(Bucket=name, Key=f"{key.strip('_')}.gz", Body=body)
    return s3


def test_objects_are_copied_to_their_keys(answers: list[dict[str, Any]]) -> None:
    bucket_with("assets", _0123=b"first", _4567=b"second")
    s3 = bucket_with("data")
    place_objects.handler(event("Create", **PLACED), None)
    assert answers == [{"status": "SUCCESS", "reason": "", "id": "Placed"}]
    placed = {
        item["Key"]: s3.get_object(Bucket="data", Key=item["Key"])["Body"].read()
        for item in s3.list_objects_v2(Bucket="data")["Contents"]
    }
    assert placed == {"models/a.tar.gz": b"first", "models/b.tar.gz": b"second"}


def test_missing_asset_is_a_failure_that_names_it(answers: list[dict[str, Any]]) -> None:
    bucket_with("assets", _0123=b"first")
    bucket_with("data")
    place_objects.handler(event("Update", PhysicalResourceId="Placed", **PLACED), None)
    assert answers[0]["status"] == "FAILED"
    assert "NoSuchKey" in answers[0]["reason"]


def test_deletion_leaves_the_objects_to_the_bucket(answers: list[dict[str, Any]]) -> None:
    place_objects.handler(event("Delete", **PLACED) | {"PhysicalResourceId": "was"}, None)
    assert answers == [{"status": "SUCCESS", "reason": "", "id": "was"}]


WRITTEN = {"BucketName": "data", "Key": "workflows/a.yaml", "Document": '{"name": "Zürich"}'}


def test_document_is_written_and_its_version_told(answers: list[dict[str, Any]]) -> None:
    s3 = bucket_with("data")
    s3.put_bucket_versioning(Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    write_object.handler(event("Create", **WRITTEN), None)
    changed = {**WRITTEN, "Document": "{}"}
    write_object.handler(event("Update", **changed) | {"PhysicalResourceId": "Placed"}, None)
    assert [(a["status"], a["id"]) for a in answers] == [("SUCCESS", "Placed")] * 2
    first, second = (
        s3.get_object(Bucket="data", Key="workflows/a.yaml", VersionId=a["VersionId"])
        for a in answers
    )
    assert first["Body"].read() == '{"name": "Zürich"}'.encode()
    assert second["Body"].read() == b"{}"


def test_deletion_leaves_the_document_to_the_bucket(answers: list[dict[str, Any]]) -> None:
    write_object.handler(event("Delete", **WRITTEN) | {"PhysicalResourceId": "was"}, None)
    assert answers == [{"status": "SUCCESS", "reason": "", "id": "was"}]


class Context:
    """A Lambda context with so much time left."""

    def __init__(self, seconds: int = 900) -> None:
        self.seconds = seconds

    def get_remaining_time_in_millis(self) -> int:
        return self.seconds * 1000


def build_answer(status: str, **more: Any) -> dict[str, Any]:
    found = {"id": "images:7", "buildStatus": status, "exportedEnvironmentVariables": []}
    return {"builds": [found | {"logs": {"groupName": "group", "streamName": "stream"}} | more]}


def run_build(
    monkeypatch: pytest.MonkeyPatch, *answers: dict[str, Any], seconds: int = 900
) -> None:
    client = boto3.client("codebuild")
    monkeypatch.setattr(build_image.boto3, "client", lambda _: client)
    monkeypatch.setattr(builds.time, "sleep", lambda _: None)
    request = event("Create", ProjectName="images")
    with Stubber(client) as stub:
        stub.add_response(
            "start_build",
            {"build": {"id": "images:7"}},
            {"projectName": "images", "idempotencyToken": request["RequestId"]},
        )
        for answer in answers:
            stub.add_response("batch_get_builds", answer, {"ids": ["images:7"]})
        build_image.handler(request, Context(seconds))
        stub.assert_no_pending_responses()


def test_digest_of_the_build_is_the_result(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    digest = [{"name": "IMAGE_DIGEST", "value": "sha256:0b1d"}]
    run_build(
        monkeypatch,
        build_answer("IN_PROGRESS"),
        build_answer("SUCCEEDED", exportedEnvironmentVariables=digest),
    )
    assert answers == [
        {"status": "SUCCESS", "reason": "", "id": "images", "ImageDigest": "sha256:0b1d"}
    ]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "SUCCEEDED"])
def test_build_without_an_image_is_a_failure_that_names_the_log(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]], status: str
) -> None:
    run_build(monkeypatch, build_answer(status))
    assert answers[0]["status"] == "FAILED"
    assert (
        f"ended as {status} without IMAGE_DIGEST: read its log group/stream" in answers[0]["reason"]
    )


def test_build_that_outlasts_the_function_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, answers: list[dict[str, Any]]
) -> None:
    run_build(monkeypatch, build_answer("IN_PROGRESS"), seconds=10)
    assert "build images:7 still runs" in answers[0]["reason"]


def test_deletion_builds_nothing(answers: list[dict[str, Any]]) -> None:
    request = event("Delete", ProjectName="images") | {"PhysicalResourceId": "images"}
    build_image.handler(request, Context())
    assert answers == [{"status": "SUCCESS", "reason": "", "id": "images"}]
