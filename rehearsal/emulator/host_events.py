"""EventBridge and Scheduler of the emulator that hosts ours: it matches, we deliver."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rehearsal.emulator import host  # before MiniStack: it sets the environment

from ministack.services import cloudwatch, eventbridge, scheduler  # isort: skip

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


def on_alarm(tell: Callable[[Record, str, str, str], None]) -> None:
    """Calls something with an alarm, the states before and after, and why, when it changes."""
    dispatch = cloudwatch._dispatch_alarm_actions

    def dispatched(alarm: Record, before: str, after: str, reason: str) -> None:
        dispatch(alarm, before, after, reason)
        tell(alarm, before, after, reason)

    cloudwatch._dispatch_alarm_actions = dispatched
