"""What is used of MiniStack's CloudWatch, private names included: metrics and alarms."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from rehearsal.emulator.host import Answer, Handler  # before MiniStack: it sets the environment

from ministack import app as gateway  # isort: skip
from ministack.services import cloudwatch  # isort: skip


def put_values(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    values: Mapping[float, int],
    unit: str,
    *,
    at: float,
) -> None:
    """Records values of a metric, each with how often it was seen.

    Args:
        namespace: Such as "AWS/SageMaker".
        name: Of the metric.
        dimensions: By their names.
        values: Value -> how often.
        unit: Such as "Microseconds".
        at: When, in seconds since 1970.
    """
    seen = list(values), list(values.values())
    cloudwatch._store_datum(namespace, name, dict(dimensions), at, unit, None, *seen, None)


def before_metrics_are_read(action: Callable[[], None]) -> None:
    """Lets something happen before CloudWatch answers, such as telling it what is not told yet."""
    for name in ("monitoring", "cloudwatch"):
        handler = gateway.SERVICE_HANDLERS.get(name)
        if handler is not None:
            gateway.SERVICE_HANDLERS[name] = _after(action, handler)


def _after(action: Callable[[], None], handler: Handler) -> Handler:
    async def handle(
        method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
    ) -> Answer:
        action()
        return await handler(method, path, headers, body, query)

    return handle


def alarms() -> list[dict[str, Any]]:
    """Returns the metric alarms, as DescribeAlarms has them."""
    return list(cloudwatch._alarms.values())


def alarm_states(names: Iterable[str]) -> dict[str, str]:
    """Returns the states of the metric and composite alarms of these names that there are."""
    known = {**dict(cloudwatch._composite_alarms), **dict(cloudwatch._alarms)}
    return {name: str(known[name]["StateValue"]) for name in names if name in known}


def set_alarm(alarm: dict[str, Any], state: str, reason: str) -> None:
    """Moves an alarm into another state: history, actions and composite alarms follow."""
    before = alarm["StateValue"]
    alarm["StateValue"] = state
    alarm["StateReason"] = reason
    alarm["StateUpdatedTimestamp"] = int(time.time())
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def judge_alarms_by(evaluate: Callable[[dict[str, Any]], None]) -> None:
    """Replaces MiniStack's judgement of an alarm, which asks neither dimensions nor periods."""
    cloudwatch._evaluate_alarm = evaluate


def statistic(
    namespace: str,
    name: str,
    dimensions: Mapping[str, str],
    statistic: str,
    *,
    start: float,
    end: float,
) -> float | None:
    """Returns a statistic of a metric over a period, None if there are no data."""
    key = (namespace, name, cloudwatch._dims_key(dict(dimensions)))
    points = [p for p in cloudwatch._metrics.get(key) or () if start <= p["Timestamp"] < end]
    if not points:
        return None
    value = cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points)
    return None if value is None else float(value)
