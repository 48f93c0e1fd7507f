"""What is used of MiniStack's metrics, private names included; alarms: host_cloudwatch.py."""

from __future__ import annotations

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


def silent(namespace: str, name: str, dimensions: Mapping[str, str], since: float) -> bool:
    """Returns whether nothing was published of a metric since a time."""
    points = cloudwatch._metrics.get((namespace, name, cloudwatch._dims_key(dict(dimensions))))
    return not points or points[-1]["Timestamp"] < since


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


def alarm_states(names: Iterable[str]) -> dict[str, str]:
    """Returns the states of the metric and composite alarms of these names that there are."""
    known = {**dict(cloudwatch._composite_alarms), **dict(cloudwatch._alarms)}
    return {name: str(known[name]["StateValue"]) for name in names if name in known}
