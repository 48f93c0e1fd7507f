"""Rules and schedules: on the rehearsal's clock, under their roles, undelivered to the queue.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-iam-roles.html
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.emulator import clock, host, host_events, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.workflows.calls import UnknownCallError, WrongTypeError
from rehearsal.emulator.workflows.targets import delivery, own_policy, queue_url

log = logging.getLogger(__name__)

ATTEMPTS = 3
"""For faults of the service; AWS goes on for up to a day."""
SERVER_ERROR = 500
THROTTLED = ("ThrottlingException", "TooManyRequestsException")

Record = dict[str, Any]


class UndeliveredError(Exception):
    """Something could not be started.

    Attributes:
        code: As the attribute of the message in the queue has it.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Source:
    """A rule or a schedule.

    Attributes:
        record: As EventBridge or Scheduler keeps it.
    """

    record: Record

    @property
    def scheduled(self) -> bool:
        """Whether it is a schedule of Scheduler."""
        return ":scheduler:" in self.arn

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.record["Arn"])

    @property
    def principal(self) -> str:
        """The service that acts for it."""
        return "scheduler.amazonaws.com" if self.scheduled else "events.amazonaws.com"

    @property
    def source_arn(self) -> str:
        """For what the service acts: Scheduler names the group, never the schedule."""
        if not self.scheduled:
            return self.arn
        group = self.record.get("GroupName", "default")
        return f"arn:aws:scheduler:{host.REGION}:{host.ACCOUNT}:schedule-group/{group}"

    def count(self, name: str) -> None:
        """Records a metric of it."""
        if self.scheduled:
            dimensions = {"ScheduleGroup": self.record.get("GroupName", "default")}
            host.put_metric("AWS/Scheduler", name, dimensions, 1, "Count")
        else:
            dimensions = {"RuleName": self.record["Name"]}
            host.put_metric("AWS/Events", name, dimensions, 1, "Count")


def register() -> None:
    """Lets rules and schedules fire each minute, under their roles."""
    host_events.use_delivery(deliver)
    host_events.fire_by_ourselves()
    clock.each_minute(host_events.fire)


def deliver(target: Record, sent: str, record: Record) -> None:
    """Starts a target; what cannot be started goes to its queue, if it has one."""
    source = Source(record)
    source.count("InvocationAttemptCount" if source.scheduled else "Invocations")
    try:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _send(target, _with_context(sent, source, attempt), source)
                return
            except ClientError as error:
                if attempt == ATTEMPTS or not _passing(error):
                    detail = error.response["Error"]
                    raise UndeliveredError(detail["Code"], str(error)) from None
    except UndeliveredError as error:
        log.warning("%s: %s not delivered: %s", source.arn, target["Arn"], error)
        source.count("TargetErrorCount" if source.scheduled else "FailedInvocations")
        queue = target.get("DeadLetterConfig", {}).get("Arn")
        if queue:
            _put_aside(queue, target, sent, source, error)


def _send(target: Record, sent: str, source: Source) -> None:
    arn = target["Arn"]
    way = delivery(arn)
    if way is None:
        raise UndeliveredError("UNSUPPORTED", f"The rehearsal does not deliver to {arn}.")
    try:
        if "RoleArn" in target:
            client = session.as_role(
                way.client,
                target["RoleArn"],
                principal=source.principal,
                source_arn=source.source_arn,
            )
        else:
            if not way.action:
                raise UndeliveredError("NO_PERMISSIONS", f"{arn} takes a role.")
            client = session.as_account(way.client)
            policy = own_policy(client, way.client, arn)
            if not host.policy_allows(policy, source.principal, way.action, arn, source.arn):
                raise UndeliveredError(
                    "NO_PERMISSIONS", f"The policy of {arn} does not allow {way.action}."
                )
        way.send(client, target, sent)
    except NotAssumableError as error:
        raise UndeliveredError("NO_PERMISSIONS", str(error)) from None
    except (BotoCoreError, UnknownCallError, WrongTypeError, ValueError) as error:
        raise UndeliveredError("INVALID_REQUEST", str(error)) from None


def _with_context(sent: str, source: Source, attempt: int) -> str:
    """Returns what Scheduler sends, the keywords of its input replaced."""
    if not source.scheduled:
        return sent
    for keyword, value in (
        ("schedule-arn", source.arn),
        ("scheduled-time", clock.now().strftime("%Y-%m-%dT%H:%M:00Z")),
        ("attempt-number", str(attempt)),
    ):
        sent = sent.replace(f"<aws.scheduler.{keyword}>", value)
    return sent


def _put_aside(
    queue: str, target: Record, sent: str, source: Source, error: UndeliveredError
) -> None:
    """Puts what was not delivered into the queue: Scheduler by its role, a rule by the policy."""
    told = {"RULE_ARN": source.arn, "TARGET_ARN": target["Arn"], "ERROR_CODE": error.code,
            "ERROR_MESSAGE": str(error)[:1024]}  # fmt: skip
    if source.scheduled:
        told["SCHEDULE_ARN"] = told.pop("RULE_ARN")
    attributes = {k: {"DataType": "String", "StringValue": v} for k, v in told.items()}
    try:
        if source.scheduled:
            client = session.as_role(
                "sqs",
                target["RoleArn"],
                principal=source.principal,
                source_arn=source.source_arn,
            )
        else:
            client = session.as_account("sqs")
            policy = own_policy(client, "sqs", queue)
            if not host.policy_allows(
                policy, source.principal, "sqs:SendMessage", queue, source.arn
            ):
                raise NotAssumableError(f"The policy of {queue} does not allow it.")
        client.send_message(
            QueueUrl=queue_url(queue), MessageBody=sent, MessageAttributes=attributes
        )
    except (ClientError, NotAssumableError) as refused:
        log.warning("%s: not even the queue: %s", source.arn, refused)
        return
    source.count("InvocationsSentToDeadLetterCount" if source.scheduled else "InvocationsSentToDlq")


def _passing(error: ClientError) -> bool:
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status >= SERVER_ERROR or error.response["Error"]["Code"] in THROTTLED
