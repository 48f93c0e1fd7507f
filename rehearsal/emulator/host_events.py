"""Events and logs of the emulator that hosts ours: it keeps and matches, we deliver."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from rehearsal.emulator import host  # before MiniStack: it sets the environment

from ministack.services import (  # isort: skip
    cloudwatch_logs,
    eventbridge,
    scheduler,
)

Record = dict[str, Any]

_firing = threading.Lock()


def use_delivery(deliver: Callable[[Record, str, Record], None]) -> None:
    """Lets what a rule or a schedule starts be ours.

    Args:
        deliver: Gets the target, what is sent to it, and the rule or the schedule.
    """
    invoke = eventbridge._invoke_target

    def invoked(target: Record, event: Record, rule: Record, view: Any = None) -> None:
        arn = target.get("Arn", "")
        if arn.startswith("arn:aws:events:"):  # other buses and destinations outside
            invoke(target, event, rule, view)
            return
        sent = _sent(target, rule, view or eventbridge._pattern_event_view(event))
        # Whoever publishes an event does not wait for what follows.
        host.in_background(lambda: deliver(target, sent, rule), arn)

    eventbridge._invoke_target = invoked


def _sent(target: Record, rule: Record, view: Any) -> str:
    if target.get("InputTransformer"):
        return str(eventbridge._apply_input_transformer(target["InputTransformer"], rule, view))
    if target.get("Input"):
        return str(target["Input"])
    event = view.event_with_detail()
    if target.get("InputPath"):
        with suppress(KeyError, TypeError):  # a path that leads nowhere leaves the whole event
            for part in filter(None, target["InputPath"].strip("$.").split(".")):
                event = event[part]
    return json.dumps(event)


def fire() -> None:
    """Lets rules and schedules that are due start what they are for, each once."""
    with _firing:
        _tick_rules()
        _tick_schedules()


_tick_rules = eventbridge._tick_scheduled_rules
_tick_schedules = scheduler._tick_schedules


def fire_by_ourselves() -> None:
    """Keeps MiniStack's own threads from firing beside the rehearsal's clock."""
    eventbridge._tick_scheduled_rules = fire
    scheduler._tick_schedules = lambda: None
    host.within_account(scheduler._ensure_default_group)()  # every account has it


def publish(source: str, detail_type: str, detail: Mapping[str, Any], resources: list[str]) -> None:
    """Puts an event of a service onto the account's default bus; times are in milliseconds."""

    def milliseconds(value: Any) -> int:
        return int(value.timestamp() * 1000)

    eventbridge._put_events(
        {
            "Entries": [
                {
                    "Source": source,
                    "DetailType": detail_type,
                    "Detail": json.dumps(detail, default=milliseconds),
                    "Resources": resources,
                }
            ]
        },
        allow_aws_source=True,
    )


def write_log(group: str, stream: str, message: str) -> None:
    """Writes a line into a log group, as a service delivers its own logs; none if it is gone."""
    if group not in cloudwatch_logs._log_groups:
        return
    cloudwatch_logs._create_log_stream({"logGroupName": group, "logStreamName": stream})
    event = {"timestamp": int(time.time() * 1000), "message": message}
    cloudwatch_logs._put_log_events(
        {"logGroupName": group, "logStreamName": stream, "logEvents": [event]}
    )


def create_log_group(name: str) -> None:
    """Creates a log group that is there before any stack."""
    host.within_account(cloudwatch_logs._create_log_group)({"logGroupName": name})
