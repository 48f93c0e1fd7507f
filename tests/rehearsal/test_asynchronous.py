"""Asynchronous endpoints: their queue, answers and failures in S3, notices, metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.hosting import ANSWERS, BUCKET, ROWS, Hosting, code, hosted, until, variant

QUEUE_METRICS = (
    "ApproximateBacklogSize",
    "ApproximateBacklogSizePerInstance",
    "HasBacklogWithoutCapacity",
    "ApproximateAgeOfOldestRequest",
)
PERMISSIONS = {
    "read": ("s3:GetObject", f"arn:aws:s3:::{BUCKET}/input/*"),
    "write": ("s3:PutObject", [f"arn:aws:s3:::{BUCKET}/{each}/*" for each in ("out", "failed")]),
    "publish": ("sns:Publish", f"arn:aws:sns:{REGION}:{ACCOUNT}:*"),
}


class Endpoint:
    """An asynchronous endpoint with topics that a queue hears, and what tests do with it.

    Args:
        hosting: Where it is.
        without: What its role may not do.
        settings: Of OutputConfig.
    """

    def __init__(self, hosting: Hosting, *without: str, **settings: Any) -> None:
        self.hosting = hosting
        sns, self.sqs = (hosting.account.client(service) for service in ("sns", "sqs"))
        name = hosting.name()
        self.notices: list[dict[str, Any]] = []
        self.queue = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.topics = {
            kind: sns.create_topic(Name=hosting.name(kind))["TopicArn"] for kind in ("Good", "Bad")
        }
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        self.sqs.set_queue_attributes(QueueUrl=self.queue, Attributes={"Policy": policy})
        for topic in self.topics.values():
            sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        role = hosting.role(*without)
        statements = [
            {"Effect": "Allow", "Action": action, "Resource": resource}
            for key, (action, resource) in PERMISSIONS.items()
            if key not in without
        ]
        self.role = role.rsplit("/", 1)[-1]
        hosting.account.client("iam").put_role_policy(
            RoleName=self.role,
            PolicyName="asynchronous",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )
        output = {
            "S3OutputPath": f"s3://{BUCKET}/out",
            "S3FailurePath": f"s3://{BUCKET}/failed/",
            "NotificationConfig": {
                "SuccessTopic": self.topics["Good"],
                "ErrorTopic": self.topics["Bad"],
            },
            **settings,
        }
        self.config = hosting.config(
            variant(hosting.model(role=role)),
            AsyncInferenceConfig={
                "ClientConfig": {"MaxConcurrentInvocationsPerInstance": 2},
                "OutputConfig": output,
            },
        )
        self.name = hosting.endpoint(self.config)

    def ask(self, payload: str = ROWS[0], **parameters: Any) -> dict[str, Any]:
        """Puts a payload into S3 and a request into the queue."""
        key = f"input/{self.hosting.name()}"
        self.hosting.s3.put_object(Bucket=BUCKET, Key=key, Body=payload)
        location = {"InputLocation": f"s3://{BUCKET}/{key}"}
        if "Body" in parameters:
            location = {}
        return dict(
            self.hosting.runtime.invoke_endpoint_async(
                EndpointName=self.name, ContentType="text/csv", **{**location, **parameters}
            )
        )

    def heard(self, request: dict[str, Any]) -> dict[str, Any]:
        """Returns the topic and the notice of a request."""

        def look() -> list[dict[str, Any]]:
            got = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10)
            for message in got.get("Messages", []):
                body = json.loads(message["Body"])
                self.notices.append({"topic": body["TopicArn"], **json.loads(body["Message"])})
            return [each for each in self.notices if each["inferenceId"] == request["InferenceId"]]

        return dict(until(look, bool)[0])

    def object(self, uri: str) -> dict[str, Any]:
        """Returns an object when it is there, its body as text."""
        key = uri.removeprefix(f"s3://{BUCKET}/")

        def look() -> Any:
            try:
                return self.hosting.s3.get_object(Bucket=BUCKET, Key=key)
            except self.hosting.s3.exceptions.NoSuchKey:
                return None

        found = until(look, bool)
        return {**found, "Body": found["Body"].read().decode()}

    def scale(self, count: int) -> None:
        """Changes the number of instances."""
        self.hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=self.name,
            DesiredWeightsAndCapacities=[
                {"VariantName": "AllTraffic", "DesiredInstanceCount": count}
            ],
        )
        self.hosting.settled(self.name)

    def metric(self, name: str, statistic: str = "Sum", **dimensions: str) -> list[float]:
        """Returns a metric of the endpoint, with VariantName unless it is one of the queue."""
        names = {"EndpointName": self.name}
        if name not in QUEUE_METRICS:
            names["VariantName"] = "AllTraffic"
        return self.hosting.statistics("AWS/SageMaker", name, statistic, **names, **dimensions)

    def waiting(self) -> list[str]:
        """Returns what the inventory counts of its queue."""
        found = self.hosting.account.control("inventory")["resources"]
        return [each for each in found if f"async-request: {self.name}/" in each]


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    yield from hosted(account)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> Endpoint:
    return Endpoint(hosting)


def test_an_answer_comes_into_the_bucket_and_the_topic_hears_of_it(endpoint: Endpoint) -> None:
    request = endpoint.ask("\n".join(ROWS), InferenceId="mine-1")
    assert request["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert request["InferenceId"] == "mine-1"
    answer = endpoint.object(request["OutputLocation"])
    assert [float(line) for line in answer["Body"].split()] == pytest.approx(ANSWERS)
    assert answer["ContentType"].startswith("text/csv")
    notice = endpoint.heard(request)
    assert notice["topic"] == endpoint.topics["Good"]
    assert notice["invocationStatus"] == "Completed"
    assert notice["requestParameters"]["endpointName"] == endpoint.name
    assert notice["requestParameters"]["contentType"] == "text/csv"
    assert notice["requestParameters"]["inputLocation"].startswith(f"s3://{BUCKET}/input/")
    assert notice["responseParameters"]["outputLocation"] == request["OutputLocation"]
    assert (notice["eventSource"], notice["eventName"]) == ("aws:sagemaker", "InferenceResult")


def test_a_payload_may_come_with_the_request(endpoint: Endpoint) -> None:
    request = endpoint.ask(Body=ROWS[0])
    answer = endpoint.object(request["OutputLocation"])["Body"]
    assert float(answer) == pytest.approx(ANSWERS[0])
    assert "inputLocation" not in endpoint.heard(request)["requestParameters"]


def test_a_failure_leaves_its_reason(endpoint: Endpoint) -> None:
    request = endpoint.ask("1,2,3")
    assert "Feature size" in endpoint.object(request["FailureLocation"])["Body"]
    notice = endpoint.heard(request)
    assert notice["topic"] == endpoint.topics["Bad"]
    assert notice["invocationStatus"] == "Failed"
    assert notice["failureReason"].startswith("ClientError: Received client error (400)")
    until(lambda: endpoint.metric("InvocationFailures"), lambda seen: sum(seen) >= 1)
    assert sum(endpoint.metric("Invocation4XXErrors")) == 1


def test_a_payload_that_is_not_there(endpoint: Endpoint) -> None:
    request = endpoint.ask(InputLocation=f"s3://{BUCKET}/input/nothing")
    assert "input/nothing cannot be read" in endpoint.heard(request)["failureReason"]
    until(lambda: endpoint.metric("RequestDownloadFailures"), lambda seen: sum(seen) == 1)


@pytest.mark.parametrize(
    "parameters",
    [
        {"RequestTTLSeconds": 21_601},
        {"InvocationTimeoutSeconds": 3601},
        {"Filename": "name.out"},
        {"Body": b"1", "InputLocation": f"s3://{BUCKET}/input/one"},
        {"Body": b"1" * 128_001},
        {"InputLocation": "https://example.com/input"},
    ],
)
def test_limits_of_a_request(endpoint: Endpoint, parameters: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        endpoint.ask(**parameters)
    assert code(refused)[0] == "ValidationError"


def test_each_kind_of_endpoint_has_its_own_call(hosting: Hosting, endpoint: Endpoint) -> None:
    with pytest.raises(ClientError) as refused:
        hosting.invoke(endpoint.name)
    assert code(refused)[0] == "ValidationError"
    other = hosting.endpoint(hosting.config(variant(hosting.model())))
    with pytest.raises(ClientError) as refused:
        hosting.runtime.invoke_endpoint_async(
            EndpointName=other, InputLocation=f"s3://{BUCKET}/input/one"
        )
    assert code(refused)[0] == "ValidationError"


def test_without_an_instance_requests_wait_and_expire(hosting: Hosting) -> None:
    endpoint = Endpoint(hosting)
    endpoint.scale(0)
    patient, hasty = endpoint.ask(), endpoint.ask(RequestTTLSeconds=60)
    assert len(endpoint.waiting()) == 2
    hosting.account.advance(120)
    assert endpoint.metric("ApproximateBacklogSize", "Maximum")[-2:] == [2, 1]
    assert endpoint.metric("ApproximateBacklogSizePerInstance", "Maximum")[-2:] == [2, 1]
    assert endpoint.metric("HasBacklogWithoutCapacity", "Average")[-1] == 1
    assert endpoint.metric("ApproximateAgeOfOldestRequest", "Maximum")[-1] >= 60
    for name in QUEUE_METRICS:
        assert endpoint.metric(name, "Maximum", VariantName="AllTraffic") == []
    notice = endpoint.heard(hasty)
    assert "TTL of 60 seconds" in notice["failureReason"]
    assert sum(endpoint.metric("ExpiredRequests")) == 1
    assert len(endpoint.waiting()) == 1
    endpoint.scale(1)
    assert float(endpoint.object(patient["OutputLocation"])["Body"]) == pytest.approx(ANSWERS[0])
    until(endpoint.waiting, lambda waiting: not waiting)
    hosting.account.advance(60)
    assert endpoint.metric("HasBacklogWithoutCapacity", "Average")[-1] == 0
    assert max(endpoint.metric("TimeInBacklog", "Maximum")) >= 120_000
    assert sum(endpoint.metric("InvocationsProcessed")) == 1
    for name in ("Invocations", "InvocationsPerInstance", "OverheadLatency"):
        assert endpoint.metric(name) == []
    endpoint.scale(0)
    endpoint.ask()
    hosting.sagemaker.delete_endpoint(EndpointName=endpoint.name)
    until(endpoint.waiting, lambda waiting: not waiting)


def test_an_instance_works_on_so_many_at_a_time(hosting: Hosting, endpoint: Endpoint) -> None:
    hosting.account.fail("s3:GetObject", seconds=1, caller=endpoint.role)
    try:
        requests = [endpoint.ask() for _ in range(4)]
        ended = sorted(endpoint.heard(each)["eventTime"] for each in requests)
    finally:
        hosting.account.heal()
    times = [datetime.fromisoformat(each).timestamp() for each in ended]
    assert times[1] - times[0] < 0.8 < times[2] - times[0]


def test_a_request_survives_the_instance_that_had_it(hosting: Hosting) -> None:
    endpoint = Endpoint(hosting)
    # An instance that stops has 5 s for what it is answering: this takes it longer.
    hosting.account.fail("s3:GetObject", seconds=6, caller=endpoint.role, times=1)
    request = endpoint.ask()
    time.sleep(0.3)  # it is on its way to the payload
    endpoint.scale(0)
    assert len(endpoint.waiting()) == 1
    endpoint.scale(1)
    answer = endpoint.object(request["OutputLocation"])["Body"]
    assert float(answer) == pytest.approx(ANSWERS[0])
    assert endpoint.metric("InvocationFailures") == []


def test_a_model_that_takes_too_long_fails(endpoint: Endpoint) -> None:
    request = endpoint.ask("\n".join(ROWS * 5_000), InvocationTimeoutSeconds=1)
    assert "invocation timed out" in endpoint.heard(request)["failureReason"]


@pytest.mark.parametrize(
    ("missing", "metric"),
    [("read", "RequestDownloadFailures"), ("write", "ResponseUploadFailures")],
)
def test_the_role_reads_and_writes(hosting: Hosting, missing: str, metric: str) -> None:
    endpoint = Endpoint(hosting, missing)
    notice = endpoint.heard(endpoint.ask())
    assert notice["invocationStatus"] == "Failed"
    assert "AccessDenied" in notice["failureReason"]
    until(lambda: endpoint.metric(metric), lambda seen: sum(seen) >= 1)


def test_answers_are_encrypted_with_the_key_that_the_role_may_use(hosting: Hosting) -> None:
    key = hosting.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    allowed = Endpoint(hosting, KmsKeyId=key)
    answer = allowed.object(allowed.ask()["OutputLocation"])
    assert answer["SSEKMSKeyId"] == key
    denied = Endpoint(hosting, "key", KmsKeyId=key)
    notice = denied.heard(denied.ask())
    assert "kms:GenerateDataKey" in notice["failureReason"]


def test_keys_of_payloads_and_topics(hosting: Hosting) -> None:
    """The role of these tests may use keys for writing only."""
    endpoint = Endpoint(hosting)
    key = hosting.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    hosting.s3.put_object(
        Bucket=BUCKET,
        Key="input/secret",
        Body=ROWS[0],
        ServerSideEncryption="aws:kms",
        SSEKMSKeyId=key,
    )
    notice = endpoint.heard(endpoint.ask(InputLocation=f"s3://{BUCKET}/input/secret"))
    assert "kms:Decrypt" in notice["failureReason"]
    hosting.account.client("sns").set_topic_attributes(
        TopicArn=endpoint.topics["Good"],
        AttributeName="KmsMasterKeyId",
        AttributeValue=key,
    )
    request = endpoint.ask()
    until(lambda: endpoint.metric("NotificationFailures"), lambda seen: sum(seen) == 1)
    assert endpoint.object(request["OutputLocation"])["Body"]


def test_an_endpoint_needs_a_role_that_may_publish(hosting: Hosting) -> None:
    good = Endpoint(hosting)
    hosting.account.client("iam").delete_role_policy(RoleName=good.role, PolicyName="asynchronous")
    request = good.ask(Body=ROWS[0])
    until(lambda: good.metric("NotificationFailures"), lambda seen: sum(seen) == 1)
    assert request["OutputLocation"]
    name = hosting.name("Endpoint")
    hosting.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=good.config)
    described = hosting.settled(name)
    assert described["EndpointStatus"] == "Failed"
    assert 'has "sns:Publish" permissions for topic' in described["FailureReason"]
    hosting.sagemaker.delete_endpoint(EndpointName=name)


def test_only_those_who_may_invoke_do(hosting: Hosting, endpoint: Endpoint) -> None:
    import boto3

    iam = hosting.account.client("iam")
    name = hosting.name("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = boto3.client(
        "sagemaker-runtime",
        endpoint_url=hosting.account.url,
        region_name=REGION,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    with pytest.raises(ClientError) as denied:
        client.invoke_endpoint_async(EndpointName=endpoint.name, Body=b"1")
    assert code(denied)[0] == "AccessDeniedException"
    assert "sagemaker:InvokeEndpointAsync" in code(denied)[1]


def test_one_variant_only(hosting: Hosting) -> None:
    model = hosting.model()
    with pytest.raises(ClientError) as refused:
        hosting.config(
            variant(model, "One"),
            variant(model, "Two"),
            AsyncInferenceConfig={"OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/out"}},
        )
    assert code(refused)[0] == "ValidationException"
