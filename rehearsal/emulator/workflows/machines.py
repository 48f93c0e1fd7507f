"""What Step Functions asks of a state machine's role beforehand, and what it tells of its runs.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
Source: https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from rehearsal.emulator import clock, host, host_events, host_states
from rehearsal.emulator.workflows.sync import SYNC, rule_denial

PRINCIPAL = "states.amazonaws.com"
NAMESPACE = "AWS/States"
RESOURCE = re.compile(r"arn:aws:states:::(?P<name>[\w:-]+)\.sync")
LOG_DELIVERY = ("logs:CreateLogDelivery", "logs:PutResourcePolicy", "logs:DescribeLogGroups")
COUNTED = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "ABORTED": "ExecutionsAborted",
    "TIMED_OUT": "ExecutionsTimedOut",
}

LEVELS = {"ALL": re.compile(""), "ERROR": re.compile("Failed|TimedOut|Aborted"),
          "FATAL": re.compile("Execution(Failed|TimedOut|Aborted)")}  # fmt: skip

Record = dict[str, Any]


def register() -> None:
    """Lets machines be checked, runs be counted, logged and timed out."""
    host_states.on_definition(check)
    host_states.on_status(count)
    host_states.on_event(write)
    clock.each_minute(host.within_account(time_out))


def check(machine_arn: str, role_arn: str, definition: str, machine: Record) -> None:
    """Asks IAM for what CreateStateMachine asks it.

    Raises:
        ValueError: The role cannot be assumed, or lacks a permission.
    """
    try:
        for name in {match["name"] for match in RESOURCE.finditer(definition)}:
            job = SYNC.get(name)
            denied = job and job.rule and rule_denial(job.rule, role_arn, machine_arn)
            if denied:
                raise ValueError(denied)
        logging = _logging(machine)
        for action in LOG_DELIVERY if logging["level"] != "OFF" else ():
            denied = host.role_denial(
                role_arn, service=PRINCIPAL, source_arn=machine_arn, action=action, resource="*"
            )
            if denied:
                raise ValueError(
                    "The state machine IAM Role is not authorized to access the Log Destination. "
                    + denied
                )
    except host.NotAssumableError as error:
        raise ValueError(
            "Neither the global service principal states.amazonaws.com, nor the regional one is "
            f"authorized to assume the provided role. {error}"
        ) from None


def count(execution: Record) -> None:
    """Records the metrics of an execution whose status has changed."""
    dimensions = {"StateMachineArn": execution["stateMachineArn"]}
    status = execution["status"]
    host.put_metric(NAMESPACE, COUNTED[status], dimensions, 1, "Count")
    if status != "RUNNING" and execution.get("stopDate"):
        took = _time(execution["stopDate"]) - _time(execution["startDate"])
        milliseconds = took.total_seconds() * 1000
        host.put_metric(NAMESPACE, "ExecutionTime", dimensions, milliseconds, "Milliseconds")


def write(machine: Record, event: Record) -> None:
    """Writes an event of an execution into the log group of its machine."""
    logging = _logging(machine)
    wanted = LEVELS.get(logging["level"])
    if wanted is None or not wanted.search(event["type"]):
        return
    told = {key: value for key, value in event.items() if not key.endswith("EventDetails")}
    if logging["includeExecutionData"]:
        told["details"] = next((v for k, v in event.items() if k.endswith("EventDetails")), {})
    for group in logging["groups"]:
        host_events.write_log(
            group, f"states/{machine['name']}/{clock.now():%Y-%m-%d-%H}", json.dumps(told)
        )


def time_out() -> None:
    """Ends the executions that went on for longer than their machine lets them."""
    for execution, definition in host_states.running():
        seconds = definition.get("TimeoutSeconds")
        started = _time(execution["startDate"])
        if seconds and (clock.now() - started).total_seconds() > seconds:
            host_states.time_out(execution, clock.now().isoformat())


def _logging(machine: Record) -> Record:
    """Returns a logging configuration, written by the API or by CloudFormation, in one form."""
    given = {
        key[:1].lower() + key[1:]: value
        for key, value in (machine.get("loggingConfiguration") or {}).items()
    }
    arns = []
    for destination in given.get("destinations", []):
        group = destination.get("CloudWatchLogsLogGroup") or destination["cloudWatchLogsLogGroup"]
        arns.append(group.get("LogGroupArn") or group["logGroupArn"])
    return {
        "level": given.get("level", "OFF"),
        "includeExecutionData": str(given.get("includeExecutionData", False)).lower() == "true",
        "groups": [arn.split(":log-group:")[1].removesuffix(":*") for arn in arns],
    }


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
