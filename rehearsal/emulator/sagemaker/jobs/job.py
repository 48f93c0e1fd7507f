"""The life cycle that all jobs have: created, in progress, completed, failed or stopped."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from rehearsal.emulator import clock, host, host_events
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.containers import ContainerError
from rehearsal.emulator.sagemaker.jobs.errors import JobFailedError
from rehearsal.emulator.sagemaker.records import Record, Table, arn

log = logging.getLogger(__name__)


@dataclass
class Job:
    """A job and what stops it.

    Attributes:
        record: What Describe returns.
        source_arn: Its ARN.
        stopped: Set when somebody wants it to end.
        on_stop: Ends what it waits for.
    """

    record: Record
    source_arn: str
    stopped: threading.Event = field(default_factory=threading.Event)
    on_stop: Callable[[], None] = lambda: None

    def when_stopped(self, action: Callable[[], None]) -> None:
        """Lets something happen when somebody wants it to end, at once if they already do."""
        self.on_stop = action
        if self.stopped.is_set():
            action()


class Jobs:
    """Jobs of one kind.

    Attributes:
        noun: As in the API, such as "TrainingJob".
        kind: As in ARNs, such as "training-job".
        words: As in events, such as "Training Job".
    """

    noun: str
    kind: str
    words: str

    def __init__(self) -> None:
        self.table = Table(self.kind)
        self.jobs: dict[str, Job] = {}

    @property
    def log_group(self) -> str:
        """The log group that all jobs of this kind in the account share."""
        return f"/aws/sagemaker/{self.noun}s"

    def check(self, request: Record) -> None:
        """Raises ServiceError for what the service, or the rehearsal, does not accept."""

    def work(self, job: Job) -> None:
        """Does what a job is for.

        Raises:
            JobFailedError: It cannot.
        """
        raise NotImplementedError

    def create(self, request: Record) -> Record:
        """Starts a job; Describe tells how it goes."""
        name = request[f"{self.noun}Name"]
        if name in self.table:
            raise ServiceError(
                "ResourceInUse",
                "Job name must be unique within an AWS account and region, and a job with this "
                f"name already exists ({arn(self.kind, name)})",
            )
        self.check(request)
        source_arn = arn(self.kind, name)
        record = self.table.add(name, {**request, f"{self.noun}Arn": source_arn})
        job = self.jobs[name.lower()] = Job(record, source_arn)
        self._move(job, "InProgress")
        host.in_background(lambda: self._run(job), source_arn)
        return {f"{self.noun}Arn": source_arn}

    def describe(self, request: Record) -> Record:
        """Returns a job as it is now."""
        return dict(self._of(request[f"{self.noun}Name"]).record)

    def summaries(self, request: Record) -> Record:
        """Returns the jobs, newest first, those of one status if one is named."""
        keys = ("Name", "Arn", "Status")
        found = [
            {
                **{f"{self.noun}{key}": record[f"{self.noun}{key}"] for key in keys},
                "CreationTime": record["CreationTime"],
                "LastModifiedTime": record["LastModifiedTime"],
            }
            for record in reversed(list(self.table))
            if request.get("StatusEquals") in (None, record[f"{self.noun}Status"])
            and request.get("NameContains", "") in record[f"{self.noun}Name"]
        ]
        return {f"{self.noun}Summaries": found[: request.get("MaxResults", 100)]}

    def stop(self, request: Record) -> None:
        """Ends a job before its time; one that has ended stays as it is."""
        job = self._of(request[f"{self.noun}Name"])
        if job.record[f"{self.noun}Status"] != "InProgress":
            raise ServiceError(
                "ValidationException",
                f"The request was rejected because the {self.words.lower()} is in status "
                f"{job.record[f'{self.noun}Status']}.",
            )
        self._move(job, "Stopping")
        job.stopped.set()
        job.on_stop()

    def stop_all(self) -> None:
        """Ends every process, when the rehearsal ends."""
        for job in list(self.jobs.values()):
            job.stopped.set()
            job.on_stop()

    def _of(self, name: str) -> Job:
        try:
            return self.jobs[name.lower()]
        except KeyError:
            raise ServiceError(
                "ValidationException", f"Could not find requested job with name: {name}"
            ) from None

    def _run(self, job: Job) -> None:
        verb = self.noun.removesuffix("Job")
        job.record[f"{verb}StartTime"] = clock.now()
        reason = ""
        try:
            self.work(job)
        except (JobFailedError, ContainerError) as error:
            reason = str(error)
        except Exception as error:
            log.exception("the emulator itself failed on %s", job.source_arn)
            reason = f"InternalServerError: {error}"
        job.record[f"{verb}EndTime"] = clock.now()
        if job.stopped.is_set():
            self._move(job, "Stopped")
        else:
            self._move(job, "Failed" if reason else "Completed", reason)

    def _move(self, job: Job, status: str, reason: str = "") -> None:
        job.record["LastModifiedTime"] = clock.now()
        if reason:
            job.record["FailureReason"] = reason[:1024]
        job.record[f"{self.noun}Status"] = status
        host_events.publish(
            "aws.sagemaker",
            f"SageMaker {self.words} State Change",
            job.record,
            [job.source_arn],
        )
