"""CreateTrainingJob and its kin."""

from __future__ import annotations

import io
import json
import re
import tarfile
import tempfile
from pathlib import Path

from rehearsal.emulator import clock
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.jobs import logs
from rehearsal.emulator.sagemaker.jobs.container import JobContainer
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError
from rehearsal.emulator.sagemaker.jobs.job import Job, Jobs
from rehearsal.emulator.sagemaker.jobs.permissions import require_job_permissions
from rehearsal.emulator.sagemaker.jobs.processing import credentials
from rehearsal.emulator.sagemaker.jobs.storage import JobStorage
from rehearsal.emulator.sagemaker.records import Record

SECONDARY = {"InProgress": "Starting", "Stopping": "Stopping"}


class TrainingJobs(Jobs):
    """Training: channels from S3, a program, model.tar.gz to S3."""

    noun, kind, words = "TrainingJob", "training-job", "Training Job"

    def check(self, request: Record) -> None:
        """Refuses what is not run here."""
        if "ResourceConfig" not in request:
            raise ServiceError("ValidationException", "ResourceConfig is required.")
        if request["ResourceConfig"].get("InstanceCount", 1) > 1:
            raise ServiceError(
                "ValidationException", "The rehearsal does not run jobs on several instances."
            )
        if "TrainingImage" not in request["AlgorithmSpecification"]:
            raise ServiceError(
                "ValidationException", "The rehearsal trains with TrainingImage only."
            )
        if request["AlgorithmSpecification"]["TrainingInputMode"] != "File":
            raise ServiceError("ValidationException", "The rehearsal reads in File mode only.")

    def work(self, job: Job) -> None:
        """Runs a job."""
        record = job.record
        algorithm = record["AlgorithmSpecification"]
        require_job_permissions(
            record["RoleArn"],
            job.source_arn,
            image=algorithm["TrainingImage"],
            volume_key=record["ResourceConfig"].get("VolumeKmsKeyId"),
        )
        storage = JobStorage(record["RoleArn"], job.source_arn)
        with tempfile.TemporaryDirectory(prefix="training-") as folder:
            root = Path(folder)
            record["SecondaryStatus"] = "Downloading"
            self._lay_out(record, root, storage)
            record["SecondaryStatus"] = "Training"
            self._run_container(job, root)
            record["SecondaryStatus"] = "Uploading"
            output = record["OutputDataConfig"]
            uri = (
                f"{output['S3OutputPath'].rstrip('/')}/{record['TrainingJobName']}/output/"
                "model.tar.gz"
            )
            storage.write(uri, packed(root / "model"), output.get("KmsKeyId"))
            record["ModelArtifacts"] = {"S3ModelArtifacts": uri}

    def _move(self, job: Job, status: str, reason: str = "") -> None:
        job.record["SecondaryStatus"] = SECONDARY.get(status, status)
        super()._move(job, status, reason)

    def _lay_out(self, record: Record, root: Path, storage: JobStorage) -> None:
        (root / "model").mkdir()
        config = root / "input" / "config"
        config.mkdir(parents=True)
        (config / "hyperparameters.json").write_text(json.dumps(record.get("HyperParameters", {})))
        channels = record.get("InputDataConfig", [])
        (config / "inputdataconfig.json").write_text(
            json.dumps({channel["ChannelName"]: {} for channel in channels})
        )
        for channel in channels:
            source = channel["DataSource"]["S3DataSource"]
            storage.download(source["S3Uri"], root / "input" / "data" / channel["ChannelName"])

    def _run_container(self, job: Job, root: Path) -> None:
        record = job.record
        algorithm = record["AlgorithmSpecification"]
        container = JobContainer(
            algorithm["TrainingImage"],
            algorithm.get("ContainerEntrypoint", []) + algorithm.get("ContainerArguments", []),
            {
                **credentials(record, job.source_arn, record.get("EnableNetworkIsolation", False)),
                "TRAINING_JOB_NAME": record["TrainingJobName"],
                "TRAINING_JOB_ARN": record["TrainingJobArn"],
                **record.get("Environment", {}),
            },
            root,
        )
        job.when_stopped(container.stop)
        seconds = record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", 86_400)
        try:
            code, lines = container.run(seconds)
        except TimeoutError:
            job.stopped.set()
            return
        stream = f"{record['TrainingJobName']}/algo-1-{int(record['CreationTime'].timestamp())}"
        logs.write(record["RoleArn"], job.source_arn, self.log_group, stream, lines)
        record["FinalMetricDataList"] = last_metrics(algorithm, lines)
        if code:
            failure = root / "output" / "failure"
            said = failure.read_text() if failure.is_file() else "See job logs"
            raise JobFailedError(f"AlgorithmError: {said}, exit code: {code}")

    def create_training_job(self, request: Record) -> Record:
        """Starts a job."""
        return self.create(request)

    def describe_training_job(self, request: Record) -> Record:
        """Returns a job."""
        return self.describe(request)

    def list_training_jobs(self, request: Record) -> Record:
        """Returns the jobs."""
        return self.summaries(request)

    def stop_training_job(self, request: Record) -> None:
        """Stops a job."""
        self.stop(request)


def packed(folder: Path) -> bytes:
    """Returns a folder as model.tar.gz."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for file in sorted(folder.iterdir()):
            archive.add(file, file.name)
    return content.getvalue()


def last_metrics(algorithm: Record, lines: list[str]) -> list[Record]:
    """Returns the last value of each metric that the job defines, as the log has it."""
    text = "\n".join(lines)
    found = []
    for metric in algorithm.get("MetricDefinitions", []):
        values = re.findall(metric["Regex"], text)
        if values:
            found.append(
                {"MetricName": metric["Name"], "Value": float(values[-1]), "Timestamp": clock.now()}
            )
    return found
