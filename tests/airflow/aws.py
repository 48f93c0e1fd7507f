"""AWS as far as the workflow needs it: objects in a folder, and jobs that run the step scripts.

Requests have passed botocore's own validation when they come here; what is not implemented fails.
Every call is noted.
"""

from __future__ import annotations

import io
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.support.local_jobs import JobFailed, LocalSageMaker

NOW = datetime(2026, 11, 22, tzinfo=UTC)


class SageMaker(LocalSageMaker):
    """Runs the steps with another Python: that of Airflow has neither XGBoost nor scikit-learn."""

    python: str

    def _run(self, container: dict[str, Any], environment: dict[str, str], root: Path) -> None:
        _, *arguments = container["ContainerEntrypoint"]
        variables = {name: v.replace("/opt/ml", str(root)) for name, v in environment.items()}
        process = subprocess.run(
            [self.python, *arguments, "--root", str(root)],
            env={"PATH": "", "PYTHONDONTWRITEBYTECODE": "1", **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        if process.returncode:
            raise JobFailed(process.stderr)


@dataclass
class Aws:
    """S3 and SageMaker of one account; each operation is a method.

    Attributes:
        sagemaker: Runs the jobs.
        calls: Every call in its order: service as its requests are signed, operation, parameters.
    """

    sagemaker: SageMaker
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    ended: dict[str, dict[str, Any]] = field(default_factory=dict)

    def answer(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        self.calls.append((service, operation, parameters))
        result: dict[str, Any] = getattr(self, operation)(**parameters)
        return {"ResponseMetadata": {"HTTPStatusCode": 200}, **result}

    def has(self, uri: str) -> bool:
        return self._object(uri).is_file()

    def HeadBucket(self, **_: Any) -> dict[str, Any]:  # noqa: N802
        return {}

    def HeadObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        if not self.has(f"s3://{Bucket}/{Key}"):
            raise _refusal("404", 404)
        return {}

    def ListObjectsV2(self, Bucket: str, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N802, N803
        holder, _, start = Prefix.rpartition("/")
        folders = [
            f"{holder}/{entry.name}/"
            for entry in sorted(self._object(f"s3://{Bucket}/{holder}").glob(f"{start}*"))
            if entry.is_dir()
        ]
        return {"CommonPrefixes": [{"Prefix": folder} for folder in folders]}

    def GetObject(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N802, N803
        return {"Body": io.BytesIO(self.sagemaker.get(f"s3://{Bucket}/{Key}"))}

    def CreateProcessingJob(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return self._create("Processing", request)

    def CreateTrainingJob(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return self._create("Training", request)

    def DescribeProcessingJob(self, ProcessingJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        return self._describe(ProcessingJobName)

    def DescribeTrainingJob(self, TrainingJobName: str) -> dict[str, Any]:  # noqa: N802, N803
        return self._describe(TrainingJobName)

    def CreateModelPackage(self, **request: Any) -> dict[str, Any]:  # noqa: N802
        return self.sagemaker.create_model_package(**request)

    def _create(self, kind: str, request: dict[str, Any]) -> dict[str, Any]:
        name = request[f"{kind}JobName"]
        run = {
            "Processing": self.sagemaker.create_processing_job,
            "Training": self.sagemaker.create_training_job,
        }[kind]
        try:
            described = {**run(**request), f"{kind}JobStatus": "Completed"}
        except JobFailed as failure:
            described = {f"{kind}JobStatus": "Failed", "FailureReason": str(failure)}
        times = {"TrainingStartTime": NOW, "TrainingEndTime": NOW} if kind == "Training" else {}
        self.ended[name] = {**described, **times}
        return {}

    def _describe(self, name: str) -> dict[str, Any]:
        if name not in self.ended:
            raise _refusal("ValidationException", 400)
        return self.ended[name]

    def _object(self, uri: str) -> Path:
        return self.sagemaker.folder / "s3" / uri.removeprefix("s3://")


def _refusal(code: str, status: int) -> ClientError:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "operation")
