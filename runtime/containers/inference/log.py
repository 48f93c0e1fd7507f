"""One JSON object a line on standard output. No value of a payload ever gets into one."""

from __future__ import annotations

import asyncio
import logging
import os
import time
import traceback
from typing import Any

from .codec import to_json

# Longer writes to a pipe could mix with those of other workers (PIPE_BUF on Linux is 4096).
MOST_LINES = 8


def line(level: str, message: str, **fields: Any) -> bytes:
    """Returns a line."""
    content = {"time": round(time.time(), 3), "level": level, "message": message, **fields}
    return to_json(content) + b"\n"


def log(level: str, message: str, **fields: Any) -> None:
    """Writes a line, in one piece even if several workers share the output."""
    os.write(1, line(level, message, **fields))


class RequestLog:
    """Writes at once what one turn of the event loop logs: a system call less for most requests."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def log(self, level: str, message: str, **fields: Any) -> None:
        """Writes a line before the event loop waits again."""
        self._lines.append(line(level, message, **fields))
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_soon(self._flush)
        if len(self._lines) == MOST_LINES:
            self._flush()

    def _flush(self) -> None:
        if self._lines:
            os.write(1, b"".join(self._lines))
            self._lines.clear()


def log_failure(message: str, error: BaseException, **fields: Any) -> None:
    """Writes what was raised and where; not its text, which may quote what was sent."""
    frames = traceback.extract_tb(error.__traceback__)
    where = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    log("error", message, error=type(error).__name__, where=where, **fields)


class JsonHandler(logging.Handler):
    """Brings what libraries log into the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record."""
        if record.exc_info and record.exc_info[1]:
            log_failure(record.name, record.exc_info[1])
        else:
            log(record.levelname.lower(), record.getMessage(), logger=record.name)
