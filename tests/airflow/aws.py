"""AWS as far as the workflow needs it: objects in memory, and jobs that run the real step scripts.

Requests go through botocore's own validation and serialization before they come here; what is not
implemented fails. Every call is noted with the resource that an IAM policy would have to allow.
"""

from __future__ import annotations

import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from botocore.exceptions import ClientError

ACCOUNT = "123456789012"
REGION = "eu-west-1"
NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


@dataclass
class Aws:
    """S3 and SageMaker of one account.

    Attributes:
        python: Interpreter with what the step scripts import.
        objects: (bucket, key) -> content.
        jobs: Name -> what DescribeProcessingJob or DescribeTrainingJob says.
        calls: Every call in its order: operation, parameters.
        asked: Every (action, resource) that the caller has to be allowed.
    """

    python: str
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    asked: set[tuple[str, str]] = field(default_factory=set)

    def answer(self, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Carries out an operation whose parameters have been validated."""
        self.calls.append((operation, parameters))
        result: dict[str, Any] = getattr(self, operation)(**parameters)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, **result}

    # S3

    def HeadBucket(self, Bucket: str) -> dict[str, Any]:  # noqa: N802, N803
        self.asked.add(("s3:ListBucket", f"arn:aws:s3:::{Bucket}"))
        return {}

    def HeadObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        self.asked.add(("s3:GetObject", f"arn:aws:s3:::{Bucket}/{Key}"))
        if (Bucket, Key) not in self.objects:
            raise _error("404", "HeadObject", 404)
        return {}

    def ListObjectsV2(self, Bucket: str, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        self.asked.add(("s3:ListBucket", f"arn:aws:s3:::{Bucket}"))
        below = {
            f"{Prefix}{key.removeprefix(Prefix).split('/')[0]}/"
            for bucket, key in self.objects
            if bucket == Bucket and key.startswith(Prefix)
        }
        return {"CommonPrefixes": [{"Prefix": prefix} for prefix in sorted(below)]}

    def GetObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        self.asked.add(("s3:GetObject", f"arn:aws:s3:::{Bucket}/{Key}"))
        return {"Body": io.BytesIO(self.objects[Bucket, Key])}

    # SageMaker

    def CreateProcessingJob(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        name = request["ProcessingJobName"]
        self._ask_for_job("CreateProcessingJob", f"processing-job/{name}", request)
        with TemporaryDirectory() as folder:
            root = Path(folder)
            for item in request["ProcessingInputs"]:
                self._download(item["S3Input"]["S3Uri"], _inside(root, item["S3Input"]["LocalPath"]))
            error = self._run(root, request["AppSpecification"], request["Environment"])
            for output in request["ProcessingOutputConfig"]["Outputs"]:
                target = output["S3Output"]
                self._upload(_inside(root, target["LocalPath"]), target["S3Uri"])
        self.jobs[name] = {"ProcessingJobName": name, **_outcome("Processing", error), **request}
        return {"ProcessingJobArn": arn("sagemaker", f"processing-job/{name}")}

    def CreateTrainingJob(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        import json

        name = request["TrainingJobName"]
        self._ask_for_job("CreateTrainingJob", f"training-job/{name}", request)
        with TemporaryDirectory() as folder:
            root = Path(folder)
            for channel in request["InputDataConfig"]:
                uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
                self._download(uri, root / "input" / "data" / channel["ChannelName"])
            config = root / "input" / "config"
            config.mkdir()
            (config / "hyperparameters.json").write_text(json.dumps(request["HyperParameters"]))
            error = self._run(root, request["AlgorithmSpecification"], request["Environment"])
            artifact = f"{request['OutputDataConfig']['S3OutputPath']}/{name}/output/model.tar.gz"
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w:gz") as tar:
                for file in sorted((root / "model").glob("*")):
                    tar.add(file, file.name)
            self._put(artifact, archive.getvalue())
        self.jobs[name] = {
            **request,
            **_outcome("Training", error),
            "ModelArtifacts": {"S3ModelArtifacts": artifact},
            "TrainingStartTime": NOW,
            "TrainingEndTime": NOW,
        }
        return {"TrainingJobArn": arn("sagemaker", f"training-job/{name}")}

    def DescribeProcessingJob(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        resource = arn("sagemaker", f"processing-job/{ProcessingJobName}")
        self.asked.add(("sagemaker:DescribeProcessingJob", resource))
        return self._job(ProcessingJobName)

    def DescribeTrainingJob(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        resource = arn("sagemaker", f"training-job/{TrainingJobName}")
        self.asked.add(("sagemaker:DescribeTrainingJob", resource))
        return self._job(TrainingJobName)

    def CreateModelPackage(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        group = request["ModelPackageGroupName"]
        self.asked.add(
            ("sagemaker:CreateModelPackage", arn("sagemaker", f"model-package/{group}/1"))
        )
        return {"ModelPackageArn": arn("sagemaker", f"model-package/{group}/1")}

    # What stands behind them

    def _ask_for_job(self, operation: str, resource: str, request: dict[str, Any]) -> None:
        for action in (operation, "AddTags"):
            self.asked.add((f"sagemaker:{action}", arn("sagemaker", resource)))
        self.asked.add(("iam:PassRole", request["RoleArn"]))

    def _job(self, name: str) -> dict[str, Any]:
        if name not in self.jobs:
            raise _error("ValidationException", "Describe", 400)
        return self.jobs[name]

    def _run(self, root: Path, container: dict[str, Any], environment: dict[str, str]) -> str:
        """Runs the container's entry point; returns what it had to say to a failure."""
        _, *arguments = container["ContainerEntrypoint"]
        process = subprocess.run(
            [self.python, *arguments, "--root", str(root)],
            env={
                "PATH": "",
                "PYTHONDONTWRITEBYTECODE": "1",
                **{
                    name: value.replace("/opt/ml", str(root)) for name, value in environment.items()
                },
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return process.stderr if process.returncode else ""

    def _download(self, uri: str, folder: Path) -> None:
        found = list(self._below(uri))
        assert found, f"nothing below {uri}"
        folder.mkdir(parents=True)
        for key, content in found:
            (folder / key.rsplit("/", 1)[-1]).write_bytes(content)

    def _upload(self, folder: Path, uri: str) -> None:
        for file in folder.glob("*"):
            self._put(f"{uri}/{file.name}", file.read_bytes())

    def _put(self, uri: str, content: bytes) -> None:
        self.objects[_split(uri)] = content

    def _below(self, uri: str) -> Iterator[tuple[str, bytes]]:
        bucket, prefix = _split(uri)
        for (holder, key), content in self.objects.items():
            if holder == bucket and key.startswith(prefix):
                yield key, content


def _split(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _inside(root: Path, path: str) -> Path:
    return root / path.removeprefix("/opt/ml/")


def _outcome(kind: str, error: str) -> dict[str, Any]:
    status = {f"{kind}JobStatus": "Failed" if error else "Completed"}
    return {**status, "FailureReason": error} if error else status


def _error(code: str, operation: str, status: int) -> ClientError:
    return ClientError(
        {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )
