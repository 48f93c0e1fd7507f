"""Requests that go on while a scenario does something else."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PAUSE_SECONDS = 0.01
STOP_SECONDS = 70.0


@contextmanager
def traffic(send: Callable[[], str], *, pause: float = PAUSE_SECONDS) -> Iterator[Counter[str]]:
    """Sends requests as long as it is open, one after the other.

    Args:
        send: Sends a request and tells what became of it.
        pause: Seconds between an answer and the next request.

    Yields:
        What became of the requests, counted so far.

    Raises:
        Exception: What `send` raised, after it is closed.
    """
    outcomes: Counter[str] = Counter()
    enough = threading.Event()
    failed: list[Exception] = []

    def run() -> None:
        try:
            while not enough.wait(pause):
                outcomes[send()] += 1
        except Exception as error:  # raised where somebody can see it
            failed.append(error)

    sender = threading.Thread(target=run, daemon=True)
    sender.start()
    try:
        yield outcomes
    finally:
        enough.set()
        sender.join(STOP_SECONDS)
    if failed:
        raise failed[0]
