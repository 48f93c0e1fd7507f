"""`.sync`: a task that ends when the job that it started has ended.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import clock, host
from rehearsal.emulator.host_states import TaskError
from rehearsal.emulator.workflows.calls import call

POLL_SECONDS = 0.1
RULE_ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")


@dataclass(frozen=True)
class Job:
    """How a service tells of a job.

    Attributes:
        describe: Action that tells how it goes.
        stop: Action that ends it.
        keys: Parameters of both, from request and answer of what started it.
        status: Where the status stands in the answer.
        succeeded: Status of a job that did what it was for.
        failed: Other statuses in which it has ended.
        rule: Rule through which Step Functions hears of its end, "" if it polls.
        within: Member of the answer that has the job, "" if it is the answer.
    """

    describe: str
    stop: str
    keys: tuple[str, ...]
    status: str
    succeeded: str
    failed: tuple[str, ...]
    rule: str = ""
    within: str = ""

    def require_permissions(self, machine: dict[str, Any]) -> None:
        """Asks IAM whether the state machine's role may make the rule.

        Raises:
            TaskError: It may not.
        """
        if not self.rule:
            return
        denied = rule_denial(self.rule, machine["roleArn"], machine["stateMachineArn"])
        if denied:
            raise TaskError("States.TaskFailed", denied)


def rule_denial(rule: str, role_arn: str, machine_arn: str) -> str | None:
    """Returns why a role may not make the rule through which `.sync` hears, None if it may."""
    arn = f"arn:aws:events:{host.REGION}:{host.ACCOUNT}:rule/{rule}"
    for action in RULE_ACTIONS:
        denied = host.role_denial(
            role_arn,
            service="states.amazonaws.com",
            source_arn=machine_arn,
            action=action,
            resource=arn,
        )
        if denied:
            return f"'{role_arn}' is not authorized to create managed-rule. {denied}"
    return None


def _sagemaker(noun: str) -> Job:
    return Job(
        describe=f"Describe{noun}",
        stop=f"Stop{noun}",
        keys=(f"{noun}Name",),
        status=f"{noun}Status",
        succeeded="Completed",
        failed=("Failed", "Stopped"),
        rule=f"StepFunctionsGetEventsForSageMaker{noun}sRule",
    )


SYNC = {
    "sagemaker:createTransformJob": _sagemaker("TransformJob"),
    "sagemaker:createTrainingJob": _sagemaker("TrainingJob"),
    "sagemaker:createProcessingJob": _sagemaker("ProcessingJob"),
    "glue:startJobRun": Job(
        describe="GetJobRun",
        stop="BatchStopJobRun",
        keys=("JobName", "RunId"),
        status="JobRunState",
        succeeded="SUCCEEDED",
        failed=("FAILED", "STOPPED", "TIMEOUT", "ERROR"),
        within="JobRun",
    ),
    "states:startExecution": Job(
        describe="DescribeExecution",
        stop="StopExecution",
        keys=("ExecutionArn",),
        status="Status",
        succeeded="SUCCEEDED",
        failed=("FAILED", "ABORTED", "TIMED_OUT"),
        rule="StepFunctionsGetEventsForStepFunctionsExecutionRule",
    ),
}
"""What can be waited for, by service and action."""


def wait_for(
    job: Job,
    client: Any,
    known: dict[str, Any],
    *,
    deadline: datetime | None,
    wanted: Callable[[], bool],
) -> Any:
    """Returns what the service says of a job that has succeeded.

    Args:
        job: How to ask for it.
        client: Acts under the state machine's role.
        known: Request and answer of what started it.
        deadline: After which it is stopped.
        wanted: Whether the execution still goes on.

    Raises:
        TaskError: It failed, or went on for too long.
        ClientError: The role may not look.
    """
    known = {**known, "RunId": known.get("JobRunId")}
    request = {key: known[key] for key in job.keys}
    while True:
        answer = call(client, job.describe, request, texts=True)
        described = answer[job.within] if job.within else answer
        status = described[job.status]
        if status == job.succeeded:
            return described
        if status in job.failed:
            raise TaskError("States.TaskFailed", json.dumps(described))
        late = deadline is not None and clock.now() > deadline
        if late or not wanted():
            _stop(job, client, request)
            raise TaskError("States.Timeout", "" if late else "The execution was stopped.")
        time.sleep(POLL_SECONDS)


def _stop(job: Job, client: Any, request: dict[str, Any]) -> None:
    if job.stop == "BatchStopJobRun":
        request = {"JobName": request["JobName"], "JobRunIds": [request["RunId"]]}
    with suppress(ClientError):  # it may have ended meanwhile
        call(client, job.stop, request, texts=True)
