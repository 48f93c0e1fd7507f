"""The function that empties buckets: run against S3, under its own role, with CloudFormation."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, Duration, RemovalPolicy, Stack
from aws_cdk.assertions import Template
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import enable_iam_authentication

from mla_constructs.security.data_key import DataKey
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket
from runtime.functions.custom_resources.handlers import empty_bucket

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "data-of-the-stack"
STACK = "arn:aws:cloudformation:us-east-1:123456789012:stack/nightly/7d3c5b60"
PRESIGNED = (
    "/arn%3Aaws%3Acloudformation%3Anightly%7CEmpty?X-Amz-Expires=7200&X-Amz-Signature=c0ffee"
)


@dataclass(frozen=True)
class Answer:
    """What the function told CloudFormation."""

    path: str
    content_type: str | None
    body: dict[str, str]

    @property
    def outcome(self) -> tuple[str, str]:
        return self.body["Status"], self.body["Reason"]


class CloudFormation(HTTPServer):
    """Takes answers at an address like the presigned one of a request, and keeps them."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.answers: list[Answer] = []

    def event(self, request_type: str, **changes: Any) -> dict[str, Any]:
        known = {} if request_type == "Create" else {"PhysicalResourceId": "given on Create"}
        return {
            "RequestType": request_type,
            "ResponseURL": f"http://127.0.0.1:{self.server_port}{PRESIGNED}",
            "StackId": STACK,
            "RequestId": "b8d1c7a4-19d5-4d4a-a5c8-2f6a5f8a7d11",
            "LogicalResourceId": "DataEmpty62FCFC90",
            "ResourceType": "Custom::EmptyBucket",
            "ResourceProperties": {"ServiceToken": "arn:of:the:function", "BucketName": BUCKET},
            **known,
            **changes,
        }

    def send(self, request_type: str, **changes: Any) -> Answer:
        """Invokes the function as CloudFormation does and returns its one answer."""
        self.answers.clear()
        empty_bucket.handler(self.event(request_type, **changes), None)
        (answer,) = self.answers
        return answer


class Receiver(BaseHTTPRequestHandler):
    server: CloudFormation

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.answers.append(Answer(self.path, self.headers["Content-Type"], body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Keeps the tests' output clean."""


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudFormation]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with CloudFormation() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    # Neither a profile nor an endpoint of whoever runs the tests.
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    # Clients of an earlier test would bring its credentials along.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with mock_aws():
        yield boto3.client("s3")


def versioned(s3: Any, name: str, **options: Any) -> None:
    s3.create_bucket(Bucket=name, **options)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})


def fill(s3: Any, name: str, keys: int) -> None:
    """Puts objects and deletes them, which leaves a version and a delete marker of each."""
    objects = [{"Key": f"part-{number:04}"} for number in range(keys)]
    for item in objects:
        s3.put_object(Bucket=name, Body=b"", **item)
    s3.delete_objects(Bucket=name, Delete={"Objects": objects})


def left(s3: Any, name: str = BUCKET) -> list[str]:
    """Returns the keys of the versions and delete markers in a bucket, up to a page."""
    page = s3.list_object_versions(Bucket=name)
    return [found["Key"] for found in page.get("Versions", []) + page.get("DeleteMarkers", [])]


# What it does to the bucket.


def test_delete_empties_the_bucket(s3: Any, cloudformation: CloudFormation) -> None:
    versioned(s3, BUCKET)
    fill(s3, BUCKET, keys=2)
    for body in (b"old", b"new"):
        s3.put_object(Bucket=BUCKET, Key="odd key/ä+b&c.csv", Body=body)
    assert len(left(s3)) == 6
    assert cloudformation.send("Delete").outcome == ("SUCCESS", "")
    assert left(s3) == []
    s3.delete_bucket(Bucket=BUCKET)


def test_delete_empties_a_bucket_of_several_pages(s3: Any, cloudformation: CloudFormation) -> None:
    versioned(s3, BUCKET)
    fill(s3, BUCKET, keys=510)
    assert cloudformation.send("Delete").outcome == ("SUCCESS", "")
    assert left(s3) == []


def test_delete_empties_a_bucket_without_versions(s3: Any, cloudformation: CloudFormation) -> None:
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="input/rows.csv", Body=b"")
    assert cloudformation.send("Delete").outcome == ("SUCCESS", "")
    assert left(s3) == []


def test_empty_bucket_is_left_as_it_is(s3: Any, cloudformation: CloudFormation) -> None:
    versioned(s3, BUCKET)
    assert cloudformation.send("Delete").outcome == ("SUCCESS", "")


def test_bucket_that_is_gone_counts_as_empty(s3: Any, cloudformation: CloudFormation) -> None:
    assert s3.list_buckets()["Buckets"] == []
    assert cloudformation.send("Delete").outcome == ("SUCCESS", "")


def test_other_buckets_keep_what_they_have(s3: Any, cloudformation: CloudFormation) -> None:
    for name in (BUCKET, "other-data"):
        versioned(s3, name)
        s3.put_object(Bucket=name, Key="rows.csv", Body=b"")
    cloudformation.send("Delete")
    assert left(s3, "other-data") == ["rows.csv"]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_create_and_update_delete_nothing(
    request_type: str, s3: Any, cloudformation: CloudFormation
) -> None:
    versioned(s3, BUCKET)
    fill(s3, BUCKET, keys=1)
    assert cloudformation.send(request_type).outcome == ("SUCCESS", "")
    assert left(s3) == ["part-0000", "part-0000"]


def test_what_s3_refuses_to_delete_fails_the_request(
    s3: Any, cloudformation: CloudFormation
) -> None:
    versioned(s3, BUCKET, ObjectLockEnabledForBucket=True)
    fill(s3, BUCKET, keys=1)
    s3.put_object(Bucket=BUCKET, Key="held.csv", Body=b"", ObjectLockLegalHoldStatus="ON")
    assert cloudformation.send("Delete").outcome == (
        "FAILED",
        "RuntimeError: 1 of 3 not deleted, first: AccessDenied",
    )
    assert left(s3) == ["held.csv"]


# What it tells CloudFormation.


def test_answer_names_the_request_it_belongs_to(s3: Any, cloudformation: CloudFormation) -> None:
    versioned(s3, BUCKET)
    assert cloudformation.send("Delete").body == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "given on Create",
        "StackId": STACK,
        "RequestId": "b8d1c7a4-19d5-4d4a-a5c8-2f6a5f8a7d11",
        "LogicalResourceId": "DataEmpty62FCFC90",
        "Data": {},
    }


def test_answer_goes_to_the_presigned_address_without_a_content_type(
    s3: Any, cloudformation: CloudFormation
) -> None:
    """The signature covers an empty content type: with another one S3 rejects the answer."""
    versioned(s3, BUCKET)
    answer = cloudformation.send("Delete")
    assert answer.path == PRESIGNED
    assert answer.content_type == ""


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_resource_is_named_after_its_bucket(
    request_type: str, cloudformation: CloudFormation
) -> None:
    """With another bucket it is another resource, and CloudFormation deletes the one it had."""
    assert cloudformation.send(request_type).body["PhysicalResourceId"] == BUCKET


@pytest.mark.usefixtures("s3")
def test_request_that_cannot_be_read_is_answered(cloudformation: CloudFormation) -> None:
    answer = cloudformation.send("Delete", ResourceProperties={})
    assert answer.outcome == ("FAILED", "KeyError: 'BucketName'")


# What its role lets it do.

Assume = Callable[[list[dict[str, Any]]], None]


@dataclass(frozen=True)
class Role:
    """The emptier's role in a template, its references resolved to the names used here."""

    trust: dict[str, Any]
    statements: list[dict[str, Any]]
    buckets: list[str]

    def without(self, action: str) -> list[dict[str, Any]]:
        """Returns the statements without one of their actions."""
        changed = []
        for statement in self.statements:
            actions = statement["Action"]
            actions = [actions] if isinstance(actions, str) else actions
            changed.append(statement | {"Action": [name for name in actions if name != action]})
        assert changed != self.statements, action
        return [statement for statement in changed if statement["Action"]]


@pytest.fixture(scope="module")
def role() -> Role:
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    stack = Stack(App(context=flags), "Test")
    logs = AccessLogBucket(stack, "AccessLogs", removal_policy=RemovalPolicy.DESTROY)
    DataBucket(
        stack,
        "Data",
        key=DataKey(stack, "Key", removal_policy=RemovalPolicy.DESTROY),
        access_logs=logs,
        removal_policy=RemovalPolicy.DESTROY,
        expire_after=Duration.days(1),
    )
    template = Template.from_stack(stack)
    buckets = {name: name.lower() for name in template.find_resources("AWS::S3::Bucket")}
    (log_group,) = template.find_resources("AWS::Logs::LogGroup")
    arns = {name: f"arn:aws:s3:::{bucket}" for name, bucket in buckets.items()}
    arns[log_group] = "arn:aws:logs:us-east-1:123456789012:log-group:emptier"
    ((name, found),) = template.find_resources("AWS::IAM::Role").items()
    policies = template.find_resources(
        "AWS::IAM::Policy", {"Properties": {"Roles": [{"Ref": name}]}}
    )
    return Role(
        trust=found["Properties"]["AssumeRolePolicyDocument"],
        statements=[
            resolved(statement, arns)
            for policy in policies.values()
            for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        ],
        buckets=list(buckets.values()),
    )


def resolved(value: Any, arns: dict[str, str]) -> Any:
    match value:
        case {"Fn::GetAtt": [name, "Arn"]}:
            return arns[name]
        case {"Fn::Join": ["", parts]}:
            return "".join(resolved(part, arns) for part in parts)
        case dict():
            return {key: resolved(item, arns) for key, item in value.items()}
        case list():
            return [resolved(item, arns) for item in value]
    return value


@pytest.fixture
def assume(role: Role, monkeypatch: pytest.MonkeyPatch) -> Assume:
    """Makes every client that is created from now on act under these statements."""

    def assume(statements: list[dict[str, Any]]) -> None:
        iam = boto3.client("iam")
        created = iam.create_role(
            RoleName="emptier", AssumeRolePolicyDocument=json.dumps(role.trust)
        )
        iam.put_role_policy(
            RoleName="emptier",
            PolicyName="emptier",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )
        credentials = boto3.client("sts").assume_role(
            RoleArn=created["Role"]["Arn"], RoleSessionName="function"
        )["Credentials"]
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", credentials["AccessKeyId"])
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", credentials["SecretAccessKey"])
        monkeypatch.setenv("AWS_SESSION_TOKEN", credentials["SessionToken"])
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    return assume


def test_role_lists_every_bucket_it_has_to_empty(
    s3: Any, role: Role, assume: Assume, cloudformation: CloudFormation
) -> None:
    for bucket in role.buckets:
        versioned(s3, bucket)
    assume(role.statements)
    for bucket in role.buckets:
        with enable_iam_authentication():
            answer = cloudformation.send("Delete", ResourceProperties={"BucketName": bucket})
        assert answer.outcome == ("SUCCESS", "")
    assert len(role.buckets) == 2


def denied(answer: Answer) -> bool:
    return answer.body["Status"] == "FAILED" and "(AccessDenied)" in answer.body["Reason"]


def test_role_does_not_reach_another_bucket(
    s3: Any, role: Role, assume: Assume, cloudformation: CloudFormation
) -> None:
    versioned(s3, BUCKET)
    assume(role.statements)
    with enable_iam_authentication():
        assert denied(cloudformation.send("Delete"))


def test_handler_fails_without_the_right_to_list(
    s3: Any, role: Role, assume: Assume, cloudformation: CloudFormation
) -> None:
    bucket = role.buckets[0]
    versioned(s3, bucket)
    assume(role.without("s3:ListBucketVersions"))
    with enable_iam_authentication():
        assert denied(cloudformation.send("Delete", ResourceProperties={"BucketName": bucket}))


# S3 authorizes DeleteObjects object by object, moto by the bucket's ARN, which the policy rightly
# does not name: the same right is proven here with DeleteObject.


def versions(s3: Any, name: str) -> list[dict[str, str]]:
    """Returns a version and a delete marker in a new bucket."""
    versioned(s3, name)
    fill(s3, name, keys=1)
    page = s3.list_object_versions(Bucket=name)
    found = [*page["Versions"], *page["DeleteMarkers"]]
    return [{"Bucket": name, "Key": it["Key"], "VersionId": it["VersionId"]} for it in found]


def test_role_deletes_versions_and_delete_markers(s3: Any, role: Role, assume: Assume) -> None:
    found = [version for bucket in role.buckets for version in versions(s3, bucket)]
    assert len(found) == 4
    assume(role.statements)
    with enable_iam_authentication():
        for version in found:
            boto3.client("s3").delete_object(**version)
    assert [left(s3, bucket) for bucket in role.buckets] == [[], []]


def test_role_deletes_no_object_of_another_bucket(s3: Any, role: Role, assume: Assume) -> None:
    version, _ = versions(s3, BUCKET)
    assume(role.statements)
    with enable_iam_authentication(), pytest.raises(ClientError, match=r"\(AccessDenied\)"):
        boto3.client("s3").delete_object(**version)


def test_role_deletes_nothing_without_the_right_to(s3: Any, role: Role, assume: Assume) -> None:
    version, _ = versions(s3, role.buckets[0])
    assume(role.without("s3:DeleteObjectVersion"))
    with enable_iam_authentication(), pytest.raises(ClientError, match=r"\(AccessDenied\)"):
        boto3.client("s3").delete_object(**version)


def test_role_reads_nothing(s3: Any, role: Role, assume: Assume) -> None:
    version, _ = versions(s3, role.buckets[0])
    assume(role.statements)
    with enable_iam_authentication(), pytest.raises(ClientError, match=r"\(AccessDenied\)"):
        boto3.client("s3").get_object(**version)
