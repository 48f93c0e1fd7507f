"""What clients of an endpoint get, and what is captured, logged and measured of it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.hosting import (
    ANSWERS,
    BUCKET,
    ROWS,
    Hosting,
    code,
    hosted,
    until,
    variant,
)

CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    yield from hosted(account)


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> str:
    return hosting.endpoint(hosting.config(variant(hosting.model())))


@pytest.fixture(scope="module")
def shadowed(hosting: Hosting) -> str:
    """One whose requests are copied to a shadow, both captured."""
    config = hosting.config(
        variant(hosting.model(), "Production"),
        ShadowProductionVariants=[variant(hosting.model("challenger"), "Shadow")],
        DataCaptureConfig=CAPTURE,
    )
    return hosting.endpoint(config)


def test_every_row_is_answered_as_the_model_answers(hosting: Hosting, endpoint: str) -> None:
    answer = hosting.invoke(endpoint, "\n".join(ROWS))
    assert [float(line) for line in answer["Body"].split()] == pytest.approx(ANSWERS)
    assert answer["ContentType"].startswith("text/csv")
    assert answer["InvokedProductionVariant"] == "AllTraffic"


def test_a_model_error_tells_what_the_container_said(hosting: Hosting, endpoint: str) -> None:
    with pytest.raises(ClientError) as refused:
        hosting.invoke(endpoint, "1,2,3")
    response = refused.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert response["Error"]["Code"] == "ModelError"
    assert response["OriginalStatusCode"] == 400
    assert "Feature size" in response["OriginalMessage"]
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    assert response["LogStreamArn"] == f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    assert response["Error"]["Message"].startswith(
        f'Received client error (400) from primary with message "{response["OriginalMessage"]}"'
    )


def test_the_content_type_is_passed_on(hosting: Hosting, endpoint: str) -> None:
    with pytest.raises(ClientError) as refused:
        hosting.invoke(endpoint, ContentType="application/json")
    assert refused.value.response["OriginalStatusCode"] == 415


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"CustomAttributes": "x" * 1025}, "ValidationError"),
        ({"InferenceId": "x" * 65}, "ValidationError"),
        ({"TargetVariant": "under_score"}, "ValidationError"),
        ({"TargetModel": "other.tar.gz"}, "ValidationError"),
        ({"body": "1," * 3_145_729}, "413"),
    ],
)
def test_limits_of_a_request(
    hosting: Hosting, endpoint: str, parameters: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ClientError) as refused:
        hosting.invoke(endpoint, **parameters)
    assert code(refused)[0] == expected


def test_a_stream_is_refused_by_name(hosting: Hosting, endpoint: str) -> None:
    with pytest.raises(ClientError) as refused:
        hosting.runtime.invoke_endpoint_with_response_stream(EndpointName=endpoint, Body=b"1")
    assert "rehearsal does not" in code(refused)[1]


def test_only_those_who_may_invoke_do(hosting: Hosting, endpoint: str) -> None:
    import boto3

    iam = hosting.account.client("iam")
    name = hosting.name("user")
    iam.create_user(UserName=name)
    key = iam.create_access_key(UserName=name)["AccessKey"]

    def client(secret: str) -> Any:
        return boto3.client(
            "sagemaker-runtime",
            endpoint_url=hosting.account.url,
            region_name=REGION,
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=secret,
        )

    request = {"EndpointName": endpoint, "ContentType": "text/csv", "Body": ROWS[0]}
    with pytest.raises(ClientError) as denied:
        client(key["SecretAccessKey"]).invoke_endpoint(**request)
    assert code(denied)[0] == "AccessDeniedException"
    assert "is not authorized to perform: sagemaker:InvokeEndpoint" in code(denied)[1]
    arn = hosting.describe(endpoint)["EndpointArn"]
    iam.put_user_policy(
        UserName=name,
        PolicyName="p",
        PolicyDocument=(
            '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", '
            f'"Action": "sagemaker:InvokeEndpoint", "Resource": "{arn}"}}]}}'
        ),
    )
    client(key["SecretAccessKey"]).invoke_endpoint(**request)
    with pytest.raises(ClientError) as forged:
        client("not-the-secret").invoke_endpoint(**request)
    assert code(forged)[0] != "ModelError"


def test_both_sides_of_both_variants_are_captured(hosting: Hosting, shadowed: str) -> None:
    told = [
        hosting.invoke(shadowed, row, InferenceId=f"row-{number}")
        for number, row in enumerate(ROWS[:5])
    ]
    assert {answer["InvokedProductionVariant"] for answer in told} == {"Production"}

    def copies() -> float:
        names = {"EndpointName": shadowed, "VariantName": "Shadow"}
        return sum(hosting.statistics("AWS/SageMaker", "Invocations", "Sum", **names))

    until(copies, lambda count: count == 5)
    hosting.account.advance(60)
    production = hosting.captured(shadowed, "Production")
    shadow = hosting.captured(shadowed, "Shadow")
    assert [line["eventVersion"] for line in production + shadow] == ["0"] * 10
    for number, line in enumerate(production):
        data = line["captureData"]
        assert data["endpointInput"] == {
            "observedContentType": "text/csv",
            "mode": "INPUT",
            "data": ROWS[number],
            "encoding": "CSV",
        }
        assert data["endpointOutput"]["data"] == told[number]["Body"]
        assert data["endpointOutput"]["encoding"] == "CSV"
        assert line["eventMetadata"]["inferenceId"] == f"row-{number}"
        assert set(line["eventMetadata"]) == {"eventId", "inferenceId", "inferenceTime"}
    pairs = {line["eventMetadata"]["inferenceId"]: line for line in shadow}
    assert set(pairs) == {f"row-{number}" for number in range(5)}
    assert pairs["row-0"]["captureData"]["endpointOutput"]["data"] != told[0]["Body"]
    prefix = f"capture/{shadowed}/Production/"
    for each in hosting.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]:
        assert re.fullmatch(prefix + r"\d{4}/\d\d/\d\d/\d\d/[^/]+\.jsonl", each["Key"])


def test_without_a_named_type_base64_is_captured(hosting: Hosting) -> None:
    capture = {key: value for key, value in CAPTURE.items() if key != "CaptureContentTypeHeader"}
    only_input = {**capture, "CaptureOptions": [{"CaptureMode": "Input"}]}
    name = hosting.endpoint(hosting.config(variant(hosting.model()), DataCaptureConfig=only_input))
    hosting.invoke(name)
    hosting.account.advance(60)
    (line,) = hosting.captured(name, "AllTraffic")
    assert set(line["captureData"]) == {"endpointInput"}
    assert line["captureData"]["endpointInput"]["encoding"] == "BASE64"
    assert base64.b64decode(line["captureData"]["endpointInput"]["data"]).decode() == ROWS[0]


def test_a_sample_is_captured(hosting: Hosting) -> None:
    some = {**CAPTURE, "InitialSamplingPercentage": 50}
    name = hosting.endpoint(hosting.config(variant(hosting.model()), DataCaptureConfig=some))
    for _ in range(80):
        hosting.invoke(name)
    hosting.account.advance(60)
    assert 20 <= len(hosting.captured(name, "AllTraffic")) <= 60


@pytest.mark.parametrize("missing", ["capture", "key"])
def test_a_role_that_may_not_write_captures_nothing(hosting: Hosting, missing: str) -> None:
    key = hosting.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    config = hosting.config(
        variant(hosting.model(role=hosting.role(missing))),
        DataCaptureConfig={**CAPTURE, "KmsKeyId": key},
    )
    name = hosting.endpoint(config)
    hosting.invoke(name)
    hosting.account.advance(60)
    assert hosting.captured(name, "AllTraffic") == []


def test_containers_log_under_their_role(hosting: Hosting) -> None:
    loud, mute = (
        hosting.endpoint(hosting.config(variant(hosting.model(role=hosting.role(*without)))))
        for without in ((), ("logs",))
    )
    logs = hosting.account.client("logs")

    def streams(name: str) -> list[str]:
        group = f"/aws/sagemaker/Endpoints/{name}"
        groups = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        found = logs.describe_log_streams(logGroupName=group)["logStreams"] if groups else []
        return [stream["logStreamName"] for stream in found]

    (stream,) = until(lambda: streams(loud), bool)
    assert stream.startswith("AllTraffic/i-")
    with pytest.raises(ClientError):
        hosting.invoke(loud, "1,2,3")
    group = f"/aws/sagemaker/Endpoints/{loud}"

    def said() -> list[str]:
        events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
        return [event["message"] for event in events]

    until(said, lambda lines: any("Feature size" in line for line in lines))
    assert streams(mute) == []


def test_metrics_of_invocations_and_instances(hosting: Hosting) -> None:
    config = hosting.config(variant(hosting.model()))
    name = hosting.endpoint(config)
    for _ in range(3):
        hosting.invoke(name)
    with pytest.raises(ClientError):
        hosting.invoke(name, "1,2,3")
    mine = {"EndpointName": name, "VariantName": "AllTraffic"}

    def total(metric: str, **more: str) -> float:
        return sum(hosting.statistics("AWS/SageMaker", metric, "Sum", **mine, **more))

    assert total("Invocations") == total("InvocationsPerInstance") == 4
    assert total("Invocation4XXErrors") == total("InvocationModelErrors") == 1
    assert total("Invocation5XXErrors") == 0
    assert total("Invocations", EndpointConfigName=config) == 4
    latency = hosting.statistics("AWS/SageMaker", "ModelLatency", "Maximum", **mine)
    assert 0 < max(latency) < 60e6
    hosting.account.advance(60)
    for metric in ("CPUUtilization", "MemoryUtilization", "DiskUtilization"):
        measured = hosting.statistics("/aws/sagemaker/Endpoints", metric, "Average", **mine)
        assert measured
        assert 0 <= max(measured) < 400
    memory = hosting.statistics("/aws/sagemaker/Endpoints", "MemoryUtilization", "Average", **mine)
    assert max(memory) > 0
