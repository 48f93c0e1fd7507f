"""Lambda of the emulator that hosts ours: it runs the functions, we tell how they failed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rehearsal.emulator import host  # noqa: F401 - before MiniStack: it sets the environment

from ministack.services import lambda_svc  # isort: skip

Record = dict[str, Any]
RAISED = re.compile(r"^(?:\w+\.)*(?P<type>\w+)(?::|$)")


def name_errors() -> None:
    """Lets a function's error have the name of its exception, as Lambda reports it."""
    execute = lambda_svc._execute_function_warm

    def executed(function: Record, event: Record, request_id: str) -> Record:
        result: Record = execute(function, event, request_id)
        body = result.get("body")
        if result.get("error") and isinstance(body, dict):
            lines = [line for line in result.get("log", "").splitlines() if line]
            raised = RAISED.match(lines[-1]) if "Traceback" in result.get("log", "") else None
            if raised and body.get("errorType") == "Runtime.HandlerError":
                body["errorType"] = raised["type"]
        return result

    lambda_svc._execute_function_warm = executed


def use_failures(tell: Callable[[Record, str, Record, Record], None]) -> None:
    """Lets what becomes of a failed asynchronous invocation be ours.

    Args:
        tell: Gets the function's configuration, the target, the event and the error.
    """

    def routed(target_arn: str, name: str, event: Record, result: Record) -> None:
        config = lambda_svc._functions.get(name, {}).get("config", {})
        body = result.get("body")
        tell(config, target_arn, event, body if isinstance(body, dict) else {})

    lambda_svc._route_async_failure = routed
