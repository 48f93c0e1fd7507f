"""Jobs run for real, under their role, and fail in the service's words."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from runtime.models import tumor_classifier
from tests.rehearsal.workflows import IMAGE, Workflows, until

BATCH = tumor_classifier.SAMPLE_BATCH.read_text()
ROWS = BATCH.splitlines()
ANSWERS = [float(line) for line in tumor_classifier.SAMPLE_ANSWERS.read_text().splitlines()]
JOINED = {"InputFilter": "$[1:]", "JoinSource": "Input", "OutputFilter": "$[0,-1]"}

STEP = """
import json, os, sys, time
root = sys.argv[sys.argv.index("--root") + 1]
print("acc: 0.5"); print("acc: 0.75")
settings = json.loads(os.environ.get("SETTINGS", "{}"))
time.sleep(settings.get("sleep", 0))
if settings.get("fail"):
    os.makedirs(f"{root}/output", exist_ok=True)
    for name in ("failure", "message"):
        open(f"{root}/output/{name}", "w").write("no luck")
    sys.exit(3)
open(settings["to"].replace("/opt/ml", root), "w").write(open(settings["from"]).read().upper())
"""


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


def ended(flows: Workflows, kind: str, name: str) -> dict[str, Any]:
    describe = getattr(flows.client("sagemaker"), f"describe_{kind}_job")
    noun = f"{kind.capitalize()}Job"

    def look() -> Any:
        found = describe(**{f"{noun}Name": name})
        return found if found[f"{noun}Status"] not in ("InProgress", "Stopping") else None

    found: dict[str, Any] = until(look)
    return found


def test_answers_are_joined_to_their_rows_below_their_names(flows: Workflows, model: str) -> None:
    flows.put("rows/a.csv", BATCH)
    flows.put("rows/deep/b.csv", BATCH)
    name = start_transform(flows, model, f"s3://{flows.bucket}/rows/", DataProcessing=JOINED)
    assert ended(flows, "transform", name)["TransformJobStatus"] == "Completed"
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
    assert ended(flows, "transform", name)["TransformJobStatus"] == "Completed"
    answers = flows.get(f"{name}/rows.csv.gz.out").split()
    assert [float(answer) for answer in answers] == pytest.approx(ANSWERS[:3])


def test_a_row_that_the_model_refuses_fails_the_job_and_spares_the_other_files(
    flows: Workflows, model: str
) -> None:
    flows.put("mixed/bad.csv", BATCH.replace(",", ",large,", 1))
    flows.put("mixed/good.csv", BATCH)
    name = start_transform(flows, model, f"s3://{flows.bucket}/mixed/", DataProcessing=JOINED)
    described = ended(flows, "transform", name)
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
    reason = ended(flows, "transform", name)["FailureReason"]
    assert "No S3 objects found under S3 URL" in reason


def test_a_role_that_may_not_write_fails_the_job(flows: Workflows) -> None:
    uri = flows.put("model.tar.gz", tumor_classifier.ARTIFACT.read_bytes())
    model = create_model(flows, uri, flows.job_role(writes=False))
    rows = flows.put("one.csv", BATCH)
    name = start_transform(flows, model, rows, DataProcessing=JOINED)
    reason = ended(flows, "transform", name)["FailureReason"]
    assert "Data upload failed:AccessDenied (403)" in reason


def test_a_role_that_may_not_use_the_key_fails_the_job(flows: Workflows, model: str) -> None:
    key = flows.client("kms").create_key()["KeyMetadata"]["Arn"]
    rows = flows.put("one.csv", BATCH)
    output = {"KmsKeyId": key}
    name = start_transform(flows, model, rows, DataProcessing=JOINED, TransformOutput=output)
    reason = ended(flows, "transform", name)["FailureReason"]
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


# Processing and training


@pytest.fixture(scope="module")
def code(flows: Workflows) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("step.py", STEP)
    flows.put("words/one.txt", "one")
    return flows.put("code/step.zip", packed.getvalue())


def process(flows: Workflows, code: str, settings: dict[str, Any], **more: Any) -> str:
    name, base = flows.name("process"), "/opt/ml/processing"
    settings = {"from": f"{base}/in/one.txt", "to": f"{base}/out/ONE.txt"} | settings

    def given(uri: str, path: str) -> dict[str, Any]:
        source = {"S3Uri": uri, "LocalPath": f"{base}/{path}", "S3DataType": "S3Prefix"}
        return {"InputName": path, "S3Input": source | {"S3InputMode": "File"}}

    output = {
        "S3Uri": f"s3://{flows.bucket}/{name}",
        "LocalPath": f"{base}/out",
        "S3UploadMode": "EndOfJob",
    }
    request: dict[str, Any] = {
        "ProcessingJobName": name,
        "RoleArn": flows.job_role(),
        "AppSpecification": {
            "ImageUri": IMAGE,
            "ContainerEntrypoint": ["python3", "-c", "import os; os.makedirs(os.environ['OUT']); "
                                    "import step"],
        },
        "Environment": {
            "PYTHONPATH": f"{base}/code/step.zip",
            "SETTINGS": json.dumps(settings),
            "OUT": f"{base}/out",
        },
        "ProcessingInputs": [given(code, "code"), given(f"s3://{flows.bucket}/words", "in")],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": output}]},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceType": "ml.m5.large",
                "InstanceCount": 1,
                "VolumeSizeInGB": 5,
            }
        },
    }  # fmt: skip
    flows.client("sagemaker").create_processing_job(**request | more)
    return name


def test_a_processing_job_runs_its_program_over_its_inputs(flows: Workflows, code: str) -> None:
    name = process(flows, code, {})
    described = ended(flows, "processing", name)
    assert described["ProcessingJobStatus"] == "Completed", described
    assert flows.get(f"{name}/ONE.txt") == "ONE"
    log = flows.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=name
    )
    assert [event["message"] for event in log["events"]] == ["acc: 0.5", "acc: 0.75"]


def test_a_program_that_fails_fails_the_job(flows: Workflows, code: str) -> None:
    described = ended(flows, "processing", process(flows, code, {"fail": True}))
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["ExitMessage"] == "no luck"
    assert described["FailureReason"].startswith("AlgorithmError: ")


def test_a_stopped_job_is_stopped(flows: Workflows, code: str) -> None:
    name = process(flows, code, {"sleep": 60})
    flows.client("sagemaker").stop_processing_job(ProcessingJobName=name)
    assert ended(flows, "processing", name)["ProcessingJobStatus"] == "Stopped"


def test_a_job_that_goes_on_for_too_long_is_stopped(flows: Workflows, code: str) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    name = process(flows, code, {"sleep": 60}, StoppingCondition=limit)
    assert ended(flows, "processing", name)["ProcessingJobStatus"] == "Stopped"


def test_a_name_is_used_once_and_a_foreign_image_is_said(flows: Workflows, code: str) -> None:
    name = process(flows, code, {})
    with pytest.raises(ClientError, match="Job name must be unique"):
        process(flows, code, {}, ProcessingJobName=name)
    other = {"ImageUri": "somebody/thing:1", "ContainerEntrypoint": ["python3"]}
    described = ended(flows, "processing", process(flows, code, {}, AppSpecification=other))
    assert "is not one whose jobs a rehearsal can run" in described["FailureReason"]


def test_a_job_needs_a_role_that_may_pull_the_image(flows: Workflows, code: str) -> None:
    role = flows.role("sagemaker", (["s3:*"], f"arn:aws:s3:::{flows.bucket}*"))
    described = ended(flows, "processing", process(flows, code, {}, RoleArn=role))
    assert "not authorized to perform: ecr:GetAuthorizationToken" in described["FailureReason"]


def train(flows: Workflows, code: str, settings: dict[str, Any]) -> str:
    name = flows.name("train")
    channels = {"code": code, "words": f"s3://{flows.bucket}/words/"}
    settings = {"from": "/opt/ml/input/data/words/one.txt", "to": "/opt/ml/model/m"} | settings
    flows.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=flows.job_role(),
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "-m", "step"],
            "MetricDefinitions": [{"Name": "accuracy", "Regex": "acc: ([0-9.]+)"}],
        },
        Environment={
            "PYTHONPATH": "/opt/ml/input/data/code/step.zip",
            "SETTINGS": json.dumps(settings),
        },
        InputDataConfig=[
            {
                "ChannelName": channel,
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}},
            }
            for channel, uri in channels.items()
        ],
        OutputDataConfig={"S3OutputPath": f"s3://{flows.bucket}/models"},
        ResourceConfig={"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    return name


def test_a_training_job_packs_its_model(flows: Workflows, code: str) -> None:
    name = train(flows, code, {})
    described = ended(flows, "training", name)
    assert described["TrainingJobStatus"] == "Completed", described
    uri = described["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{flows.bucket}/models/{name}/output/model.tar.gz"
    body = flows.client("s3").get_object(
        Bucket=flows.bucket, Key=uri.partition(f"{flows.bucket}/")[2]
    )["Body"].read()  # fmt: skip
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.extractfile("m").read() == b"ONE"  # type: ignore[union-attr]
    (metric,) = described["FinalMetricDataList"]
    assert (metric["MetricName"], metric["Value"]) == ("accuracy", 0.75)


def test_a_training_job_says_why_it_failed_and_events_tell(flows: Workflows, code: str) -> None:
    url, arn = flows.queue()
    rule = flows.name("rule")
    events = flows.client("events")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Training Job State Change"],
        "detail": {"TrainingJobStatus": ["Failed"]},
    }
    events.put_rule(Name=rule, EventPattern=json.dumps(pattern))
    flows.allow(url, arn, f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}")
    events.put_targets(Rule=rule, Targets=[{"Id": "1", "Arn": arn}])
    name = train(flows, code, {"fail": True})
    described = ended(flows, "training", name)
    assert described["FailureReason"] == "AlgorithmError: no luck, exit code: 3"
    detail = json.loads(flows.message(url)["Body"])["detail"]
    assert (detail["TrainingJobName"], detail["SecondaryStatus"]) == (name, "Failed")


def test_versions_are_numbered_approved_and_gone_before_their_group(flows: Workflows) -> None:
    sagemaker, group = flows.client("sagemaker"), flows.name("group")
    sagemaker.create_model_package_group(ModelPackageGroupName=group)
    specification = {
        "Containers": [{"Image": IMAGE, "ModelDataUrl": "s3://b/model.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }

    def register(token: str) -> str:
        made = sagemaker.create_model_package(
            ModelPackageGroupName=group, InferenceSpecification=specification, ClientToken=token
        )
        return str(made["ModelPackageArn"])

    first = register("a" * 36)
    assert register("a" * 36) == first
    assert first.endswith(f"model-package/{group}/1")
    sagemaker.update_model_package(ModelPackageArn=first, ModelApprovalStatus="Approved")
    (version,) = sagemaker.list_model_packages(ModelPackageGroupName=group)[
        "ModelPackageSummaryList"
    ]
    assert version["ModelApprovalStatus"] == "Approved"
    with pytest.raises(ClientError, match="still contains Model Packages"):
        sagemaker.delete_model_package_group(ModelPackageGroupName=group)
    sagemaker.delete_model_package(ModelPackageName=first)
    assert register("b" * 36).endswith("/2")
