"""The emulator's time: real seconds, and what a rehearsal has skipped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

import time_machine

MINUTE = 60.0

_ticking: list[Callable[[], None]] = []
_advancing = Lock()
_traveller: time_machine.Traveller | None = None


def start() -> None:
    """Takes the time of this process, and of nothing else, into the rehearsal's hands."""
    global _traveller  # noqa: PLW0603 - there is one time
    _traveller = time_machine.travel(datetime.now(UTC), tick=True).start()


def now() -> datetime:
    """Returns the emulator's time."""
    return datetime.now(UTC)


def outside() -> datetime:
    """Returns the time outside of the emulator, which nobody skips."""
    return datetime.fromtimestamp(time_machine.escape_hatch.time.time(), UTC)


def each_minute(action: Callable[[], None]) -> None:
    """Lets something happen whenever a minute is skipped, in the order of registration."""
    _ticking.append(action)


def advance(seconds: float) -> None:
    """Skips some time, minute by minute, so that what happens each minute happens."""
    if _traveller is None:
        raise RuntimeError("the clock was not started")
    with _advancing:
        left = seconds
        while left > 0:
            step = min(left, MINUTE)
            _traveller.shift(step)
            left -= step
            for action in _ticking:
                action()
