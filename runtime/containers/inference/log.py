"""One JSON object a line on standard output. No value of a payload ever gets into one."""

from __future__ import annotations

import logging
import os
import time
import traceback
from typing import Any

from .codec import to_json


def log(level: str, message: str, **fields: Any) -> None:
    """Writes a line, in one piece even if several workers share the output."""
    line = {"time": round(time.time(), 3), "level": level, "message": message, **fields}
    os.write(1, to_json(line) + b"\n")


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
