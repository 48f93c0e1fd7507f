"""What there is in the emulated account, to see what a destroyed stack has left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.emulator import host

HISTORY = {
    "cloudtrail",
    "cloudwatch.alarm_history",
    "cloudwatch.metrics",
    "eventbridge.events_log",
    "sts",
}
"""Services, or their collections, that remember what was: nothing that exists."""


def inventory() -> list[str]:
    """Returns every resource of every service as `service.collection: name`."""
    return sorted(
        f"{service}.{collection}: {name}"
        for service, state in host.states()
        if service not in HISTORY
        for collection, resources in state.items()
        if f"{service}.{collection}" not in HISTORY
        for name in _names(resources)
    )


def _names(resources: Any) -> Iterator[str]:
    if isinstance(resources, Mapping):
        for key in resources:
            # Scoped collections key by account, Region and name.
            yield str(key[-1] if isinstance(key, tuple) else key)
