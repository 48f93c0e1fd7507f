"""The emulator's time: real seconds, and what a rehearsal has skipped."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Condition, Lock, Thread, get_ident

import time_machine

log = logging.getLogger(__name__)

MINUTE = 60.0
PATIENCE_SECONDS = 60.0
"""Real seconds that a skipped minute waits for those who keep pace."""

_ticking: list[Callable[[], None]] = []
_advancing = Lock()
_traveller: time_machine.Traveller | None = None

_passing = Condition()
_skipped = 0
_seen: dict[int, int] = {}
"""Thread that keeps pace -> the last skipped minute that it has dealt with."""


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
    """Lets something happen whenever a minute passes, in the order of registration."""
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
            _tick()


def follow() -> None:
    """Lets what happens each minute happen in real minutes, too, for those who skip none."""
    Thread(target=_live, name="clock", daemon=True).start()


def _live() -> None:
    while True:
        time.sleep(MINUTE)
        try:
            with _advancing:
                _tick()
        except Exception:  # nobody waits for it
            log.exception("what happens each minute failed")


def _tick() -> None:
    global _skipped  # noqa: PLW0603 - there is one time
    for action in _ticking:
        action()
    with _passing:
        _skipped += 1
        _passing.notify_all()
        _passing.wait_for(_all_have_seen, PATIENCE_SECONDS)


def _all_have_seen() -> bool:
    return all(minute >= _skipped for minute in _seen.values())


@contextmanager
def keeping_pace() -> Iterator[Callable[[float], None]]:
    """Lets a thread see every minute: the next one is skipped when it has dealt with the last.

    Yields:
        Waits until a minute is skipped, for so many real seconds at most.
    """
    me = get_ident()
    with _passing:
        _seen[me] = woken = _skipped

    def pause(seconds: float) -> None:
        nonlocal woken
        with _passing:
            _seen[me] = woken
            _passing.notify_all()
            _passing.wait_for(lambda: _skipped > woken, seconds)
            woken = _skipped

    try:
        yield pause
    finally:
        with _passing:
            del _seen[me]
            _passing.notify_all()
