"""CreateProcessingJob and its kin."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from rehearsal.emulator import session
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.jobs import logs
from rehearsal.emulator.sagemaker.jobs.container import OPT_ML, JobContainer
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError
from rehearsal.emulator.sagemaker.jobs.job import Job, Jobs
from rehearsal.emulator.sagemaker.jobs.permissions import require_job_permissions
from rehearsal.emulator.sagemaker.jobs.storage import JobStorage
from rehearsal.emulator.sagemaker.records import Record

A_DAY = 86_400.0


def credentials(record: Record, source_arn: str, isolated: bool) -> dict[str, str]:
    """Returns the role's credentials for a container, none if it has no network."""
    if isolated:
        return {}
    return session.role_environment(record["RoleArn"], principal=PRINCIPAL, source_arn=source_arn)


class ProcessingJobs(Jobs):
    """Processing: inputs from S3, a program, outputs to S3 when it has ended."""

    noun, kind, words = "ProcessingJob", "processing-job", "Processing Job"

    def check(self, request: Record) -> None:
        """Refuses what is not run here."""
        for given in request.get("ProcessingInputs", []):
            if "S3Input" not in given or given["S3Input"].get("S3InputMode", "File") != "File":
                raise ServiceError(
                    "ValidationException",
                    f"The rehearsal does not read the input {given['InputName']}: it copies from "
                    "S3 in File mode.",
                )
        if request["ProcessingResources"]["ClusterConfig"]["InstanceCount"] > 1:
            raise ServiceError(
                "ValidationException", "The rehearsal does not run jobs on several instances."
            )

    def work(self, job: Job) -> None:
        """Runs a job."""
        record = job.record
        require_job_permissions(
            record["RoleArn"],
            job.source_arn,
            image=record["AppSpecification"]["ImageUri"],
            volume_key=record["ProcessingResources"]["ClusterConfig"].get("VolumeKmsKeyId"),
        )
        storage = JobStorage(record["RoleArn"], job.source_arn)
        with tempfile.TemporaryDirectory(prefix="processing-") as folder:
            root = Path(folder)
            for given in record.get("ProcessingInputs", []):
                source = given["S3Input"]
                storage.download(source["S3Uri"], _below(root, source["LocalPath"]))
            self._run_container(job, root)
            outputs = record.get("ProcessingOutputConfig", {})
            for output in outputs.get("Outputs", []):
                local = _below(root, output["S3Output"]["LocalPath"])
                storage.upload(local, output["S3Output"]["S3Uri"], outputs.get("KmsKeyId"))

    def _run_container(self, job: Job, root: Path) -> None:
        record = job.record
        config = root / "config" / "processingjobconfig.json"
        config.parent.mkdir(parents=True)
        config.write_text(json.dumps(record, default=str))
        specification = record["AppSpecification"]
        isolated = record.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
        container = JobContainer(
            specification["ImageUri"],
            specification.get("ContainerEntrypoint", [])
            + specification.get("ContainerArguments", []),
            {
                **credentials(record, job.source_arn, isolated),
                "PROCESSING_JOB_NAME": record["ProcessingJobName"],
                **record.get("Environment", {}),
            },
            root,
        )
        job.when_stopped(container.stop)
        seconds = record.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", A_DAY)
        try:
            code, lines = container.run(seconds)
        except TimeoutError:
            job.stopped.set()
            return
        stream = f"{record['ProcessingJobName']}/algo-1-{int(record['CreationTime'].timestamp())}"
        logs.write(record["RoleArn"], job.source_arn, self.log_group, stream, lines)
        message = root / "output" / "message"
        if message.is_file():
            record["ExitMessage"] = message.read_text()[:1024]
        if code:
            raise JobFailedError(
                "AlgorithmError: See job logs for more information, exit code: " + str(code)
            )

    def create_processing_job(self, request: Record) -> Record:
        """Starts a job."""
        return self.create(request)

    def describe_processing_job(self, request: Record) -> Record:
        """Returns a job."""
        return self.describe(request)

    def list_processing_jobs(self, request: Record) -> Record:
        """Returns the jobs."""
        return self.summaries(request)

    def stop_processing_job(self, request: Record) -> None:
        """Stops a job."""
        self.stop(request)


def _below(root: Path, path: str) -> Path:
    """Returns where a path of the container lies here.

    Raises:
        JobFailedError: It is not below /opt/ml/processing.
    """
    if not path.startswith(f"{OPT_ML}/processing"):
        raise JobFailedError(f"ClientError: LocalPath {path} is not below {OPT_ML}/processing.")
    return root / Path(path).relative_to(OPT_ML)
