"""Processing and training run programs for real; the registry keeps what they made."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.workflows import IMAGE, Workflows

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
    described = flows.ended("processing", name)
    assert described["ProcessingJobStatus"] == "Completed", described
    assert flows.get(f"{name}/ONE.txt") == "ONE"
    log = flows.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix=name
    )
    assert [event["message"] for event in log["events"]] == ["acc: 0.5", "acc: 0.75"]


def test_a_program_that_fails_fails_the_job(flows: Workflows, code: str) -> None:
    described = flows.ended("processing", process(flows, code, {"fail": True}))
    assert described["ProcessingJobStatus"] == "Failed"
    assert described["ExitMessage"] == "no luck"
    assert described["FailureReason"].startswith("AlgorithmError: ")


def test_a_stopped_job_is_stopped(flows: Workflows, code: str) -> None:
    name = process(flows, code, {"sleep": 60})
    flows.client("sagemaker").stop_processing_job(ProcessingJobName=name)
    assert flows.ended("processing", name)["ProcessingJobStatus"] == "Stopped"


def test_a_job_that_goes_on_for_too_long_is_stopped(flows: Workflows, code: str) -> None:
    limit = {"MaxRuntimeInSeconds": 1}
    name = process(flows, code, {"sleep": 60}, StoppingCondition=limit)
    assert flows.ended("processing", name)["ProcessingJobStatus"] == "Stopped"


def test_a_name_is_used_once_and_a_foreign_image_is_said(flows: Workflows, code: str) -> None:
    name = process(flows, code, {})
    with pytest.raises(ClientError, match="Job name must be unique"):
        process(flows, code, {}, ProcessingJobName=name)
    other = {"ImageUri": "somebody/thing:1", "ContainerEntrypoint": ["python3"]}
    described = flows.ended("processing", process(flows, code, {}, AppSpecification=other))
    assert "is not one whose jobs a rehearsal can run" in described["FailureReason"]


def test_a_job_needs_a_role_that_may_pull_the_image(flows: Workflows, code: str) -> None:
    role = flows.role("sagemaker", (["s3:*"], f"arn:aws:s3:::{flows.bucket}*"))
    described = flows.ended("processing", process(flows, code, {}, RoleArn=role))
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
    described = flows.ended("training", name)
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
    described = flows.ended("training", name)
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
