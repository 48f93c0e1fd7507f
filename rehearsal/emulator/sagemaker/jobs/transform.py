"""CreateTransformJob and its kin."""

from __future__ import annotations

import gzip
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.containers import Container
from rehearsal.emulator.sagemaker.jobs import logs
from rehearsal.emulator.sagemaker.jobs.batches import Batching
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError
from rehearsal.emulator.sagemaker.jobs.job import Job, Jobs
from rehearsal.emulator.sagemaker.jobs.storage import Found, JobStorage, listed
from rehearsal.emulator.sagemaker.models import Models
from rehearsal.emulator.sagemaker.records import Record

OK, SERVER_ERROR = 200, 500
MOST_IN_FLIGHT_MB = 100
UNSUPPORTED = ("DataCaptureConfig", "ExperimentConfig")


@dataclass
class Transform:
    """One run of a transform job.

    Attributes:
        record: What the job was asked.
        batching: How its data is cut.
        storage: S3 under the model's role.
        containers: The model's containers, in their order.
        said: Lines for the log.
    """

    record: Record
    batching: Batching
    storage: JobStorage
    containers: list[Container]
    said: list[str] = field(default_factory=list)

    def start(self, model: Record, source_arn: str) -> None:
        """Starts the model's containers and returns when all are healthy.

        Raises:
            ContainerError: One is not.
        """
        for definition in _for_batch(model, self.record):
            self.containers.append(
                Container.start(
                    definition, role_arn=model["ExecutionRoleArn"], source_arn=source_arn
                )
            )
        for container in self.containers:
            container.wait_until_healthy()

    def transform(self, found: Found) -> None:
        """Sends an object to the model and writes the answers beside its name.

        Raises:
            JobFailedError: The model refuses it, or it cannot be read or written.
        """
        content = self.storage.read(found.uri)
        if self.record["TransformInput"].get("CompressionType") == "Gzip":
            content = gzip.decompress(content)
        requests = list(self.batching.requests(self.batching.records(content)))
        concurrent = self.record.get("MaxConcurrentTransforms") or 1
        with ThreadPoolExecutor(concurrent) as pool:
            written = list(pool.map(lambda records: self._ask(found, records), requests))
        output = self.record["TransformOutput"]
        uri = f"{output['S3OutputPath'].rstrip('/')}/{found.path}.out"
        self.storage.write(uri, b"".join(written), output.get("KmsKeyId"))

    def _ask(self, found: Found, records: list[str]) -> bytes:
        body = self.batching.sent(records)
        config = self.record.get("ModelClientConfig", {})
        for _ in range(config.get("InvocationsMaxRetries", 0) + 1):
            status, answer = self._forward(body, config.get("InvocationsTimeoutInSeconds", 600))
            if status == OK:
                return self.batching.written(records, answer)
        who = "ClientError" if status < SERVER_ERROR else "AlgorithmError"
        self.said.append(f"[sagemaker logs]: {found.bucket}/{found.key}: {who}: {status}")
        self.said += [
            f"[sagemaker logs]: {found.bucket}/{found.key}: {line}"
            for line in ["Message:", *answer.decode(errors="replace").splitlines()]
        ]
        raise JobFailedError(f"{who}: See job logs for more information")

    def _forward(self, body: bytes, seconds: float) -> tuple[int, bytes]:
        content_type = self.record["TransformInput"].get("ContentType", "application/octet-stream")
        status = OK
        for container in self.containers:
            headers = {"Content-Type": content_type}
            if "Accept" in self.record["TransformOutput"]:
                headers["Accept"] = self.record["TransformOutput"]["Accept"]
            connection = HTTPConnection("127.0.0.1", container.port, timeout=seconds)
            try:
                connection.request("POST", "/invocations", body, headers)
                answer = connection.getresponse()
                status, body = answer.status, answer.read()
                content_type = answer.headers.get("Content-Type", content_type)
            except (OSError, HTTPException) as error:
                return SERVER_ERROR, str(error).encode()
            finally:
                connection.close()
            if status != OK:
                break
        return status, body


class TransformJobs(Jobs):
    """Batch transform: what lies below a prefix, through a model, below another prefix.

    Args:
        models: Where jobs find their models.
    """

    noun, kind, words = "TransformJob", "transform-job", "Transform Job"

    def __init__(self, models: Models) -> None:
        super().__init__()
        self.models = models

    def check(self, request: Record) -> None:
        """Refuses what the service does not accept, or a rehearsal does not do."""
        self.models.table.get(request["ModelName"])
        for name in UNSUPPORTED:
            if name in request:
                raise ServiceError("ValidationException", f"The rehearsal does not know {name}.")
        Batching.of(request)
        in_flight = request.get("MaxConcurrentTransforms", 1) * request.get("MaxPayloadInMB", 6)
        if in_flight > MOST_IN_FLIGHT_MB:
            raise ServiceError(
                "ValidationException",
                "The value of MaxConcurrentTransforms * MaxPayloadInMB must not exceed "
                f"{MOST_IN_FLIGHT_MB}MB.",
            )

    def work(self, job: Job) -> None:
        """Runs a job: all objects are tried, and it fails if one fails."""
        record = job.record
        model = self.models.table.get(record["ModelName"])
        storage = JobStorage(model["ExecutionRoleArn"], job.source_arn)
        found = list(listed(storage, record["TransformInput"]["DataSource"]["S3DataSource"]))
        run = Transform(record, Batching.of(record), storage, [])
        failures = []
        started = time.monotonic()
        try:
            run.start(model, job.source_arn)
            for source in found:
                if job.stopped.is_set():
                    break
                try:
                    run.transform(source)
                except JobFailedError as error:
                    failures.append(error)
        finally:
            for container in run.containers:
                container.stop()
        run.said.append(
            f"[sagemaker logs]: {len(found)} objects in {time.monotonic() - started:.1f} s"
        )
        stream = f"{record['TransformJobName']}/i-{int(record['CreationTime'].timestamp())}"
        logs.write(
            model["ExecutionRoleArn"],
            job.source_arn,
            self.log_group,
            f"{stream}/data-log",
            run.said,
        )
        if failures:
            raise failures[0]

    def create_transform_job(self, request: Record) -> Record:
        """Starts a job."""
        return self.create(request)

    def describe_transform_job(self, request: Record) -> Record:
        """Returns a job."""
        return self.describe(request)

    def list_transform_jobs(self, request: Record) -> Record:
        """Returns the jobs."""
        return self.summaries(request)

    def stop_transform_job(self, request: Record) -> None:
        """Stops a job."""
        self.stop(request)


def _for_batch(model: Record, record: Record) -> list[Record]:
    """Returns a model's containers, told that they serve a transform job."""
    told = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(record.get("MaxPayloadInMB", 6)),
        "SAGEMAKER_BATCH_STRATEGY": record.get("BatchStrategy", "MultiRecord"),
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(record.get("MaxConcurrentTransforms", 1)),
        **record.get("Environment", {}),
    }
    return [
        {**definition, "Environment": {**definition.get("Environment", {}), **told}}
        for definition in model.get("Containers") or [model["PrimaryContainer"]]
    ]
