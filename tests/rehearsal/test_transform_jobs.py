"""Batch transform runs the model for real, under its role, and fails in the service's words."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import EmulatedAccount
from runtime.models import tumor_classifier
from tests.rehearsal.workflows import IMAGE, Workflows

BATCH = tumor_classifier.SAMPLE_BATCH.read_text()
ROWS = BATCH.splitlines()
ANSWERS = [float(line) for line in tumor_classifier.SAMPLE_ANSWERS.read_text().splitlines()]
JOINED = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}


@pytest.fixture(scope="module")
def flows(account: EmulatedAccount) -> Workflows:
    return Workflows(account)


@pytest.fixture(scope="module")
def model(flows: Workflows) -> str:
    uri = flows.put("model.tar.gz", tumor_classifier.ARTIFACT.read_bytes())
    return create_model(flows, uri, flows.job_role())


def create_model(flows: Workflows, uri: str, role: str) -> str:
    name = flows.name("model")
    flows.client("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=role,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": uri},
    )
    return name


def start_transform(flows: Workflows, model: str, uri: str, **changes: Any) -> str:
    name = flows.name("transform")
    request: dict[str, Any] = {
        "ModelName": model,
        "TransformInput": {
            "ContentType": "text/csv",
            "SplitType": "Line",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
        },
        "TransformOutput": {
            "S3OutputPath": f"s3://{flows.bucket}/{name}",
            "AssembleWith": "Line",
        },
        "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
    }
    for key, value in changes.items():
        old = request.get(key)
        request[key] = old | value if isinstance(old, dict) else value
    flows.client("sagemaker").create_transform_job(TransformJobName=name, **request)
    return name


def test_answers_are_joined_to_their_rows_below_their_names(flows: Workflows, model: str) -> None:
    flows.put("rows/a.csv", BATCH)
    flows.put("rows/deep/b.csv", BATCH)
    name = start_transform(flows, model, f"s3://{flows.bucket}/rows/", DataProcessing=JOINED)
    assert flows.ended("transform", name)["TransformJobStatus"] == "Completed"
    assert flows.keys(name) == [f"{name}/a.csv.out", f"{name}/deep/b.csv.out"]
    pairs = [line.split(",") for line in flows.get(f"{name}/a.csv.out").splitlines()]
    assert [pair[0] for pair in pairs] == [row.split(",")[0] for row in ROWS]
    assert [float(pair[1]) for pair in pairs] == pytest.approx(ANSWERS)


@pytest.mark.parametrize("strategy", ["SingleRecord", "MultiRecord"])
def test_a_manifest_and_compressed_rows_are_read(
    flows: Workflows, model: str, strategy: str
) -> None:
    bare = "\n".join(row.partition(",")[2] for row in ROWS[:3]) + "\n"
    flows.put("packed/rows.csv.gz", gzip.compress(bare.encode()))
    listed = [{"prefix": f"s3://{flows.bucket}/packed/"}, "rows.csv.gz"]
    uri = flows.put("manifest.json", json.dumps(listed))
    source = {"S3DataSource": {"S3DataType": "ManifestFile", "S3Uri": uri}}
    name = start_transform(
        flows,
        model,
        uri,
        BatchStrategy=strategy,
        TransformInput={"DataSource": source, "CompressionType": "Gzip"},
    )
    assert flows.ended("transform", name)["TransformJobStatus"] == "Completed"
    answers = flows.get(f"{name}/rows.csv.gz.out").split()
    assert [float(answer) for answer in answers] == pytest.approx(ANSWERS[:3])


def test_a_row_that_the_model_refuses_fails_the_job_and_spares_the_other_files(
    flows: Workflows, model: str
) -> None:
    flows.put("mixed/bad.csv", BATCH.replace(",", ",large,", 1))
    flows.put("mixed/good.csv", BATCH)
    name = start_transform(flows, model, f"s3://{flows.bucket}/mixed/", DataProcessing=JOINED)
    described = flows.ended("transform", name)
    assert described["TransformJobStatus"] == "Failed"
    assert described["FailureReason"] == "ClientError: See job logs for more information"
    assert flows.keys(name) == [f"{name}/good.csv.out"]
    log = flows.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=name
    )
    text = "\n".join(event["message"] for event in log["events"])
    assert "mixed/bad.csv: ClientError: 400" in text
    assert "Unable to evaluate payload" in text


def test_nothing_below_a_prefix_fails_the_job(flows: Workflows, model: str) -> None:
    name = start_transform(flows, model, f"s3://{flows.bucket}/nothing/")
    reason = flows.ended("transform", name)["FailureReason"]
    assert "No S3 objects found under S3 URL" in reason


def test_a_role_that_may_not_write_fails_the_job(flows: Workflows) -> None:
    uri = flows.put("model.tar.gz", tumor_classifier.ARTIFACT.read_bytes())
    model = create_model(flows, uri, flows.job_role(writes=False))
    rows = flows.put("one.csv", BATCH)
    name = start_transform(flows, model, rows, DataProcessing=JOINED)
    reason = flows.ended("transform", name)["FailureReason"]
    assert "Data upload failed:AccessDenied (403)" in reason


def test_a_role_that_may_not_use_the_key_fails_the_job(flows: Workflows, model: str) -> None:
    key = flows.client("kms").create_key()["KeyMetadata"]["Arn"]
    rows = flows.put("one.csv", BATCH)
    output = {"KmsKeyId": key}
    name = start_transform(flows, model, rows, DataProcessing=JOINED, TransformOutput=output)
    reason = flows.ended("transform", name)["FailureReason"]
    assert "is not authorized to perform: kms:GenerateDataKey" in reason


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MaxConcurrentTransforms": 20}, "must not exceed 100MB"),
        ({"DataProcessing": {"InputFilter": "$.features"}}, "does not know the JSONPath"),
        ({"TransformInput": {"SplitType": "RecordIO"}}, "does not split by RecordIO"),
        ({"ModelName": "nobody"}, 'Could not find model "arn:aws:sagemaker'),
        (
            {"DataProcessing": JOINED, "TransformInput": {"ContentType": "application/json"}},
            "does not filter or join application/json",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(
    flows: Workflows, model: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message):
        start_transform(flows, model, "s3://b/k", **changes)
