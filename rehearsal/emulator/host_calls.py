"""Every call of a service passes here before the emulator that hosts ours answers it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator.host import Answer  # before MiniStack: it sets the environment

from ministack import app as gateway  # isort: skip
from ministack.core import iam_actions, iam_evaluator, router  # isort: skip


DATA_PLANE = {"invocations": "InvokeEndpoint", "async-invocations": "InvokeEndpointAsync"}
"""End of a path -> operation of SageMaker's runtime."""


@dataclass(frozen=True)
class Call:
    """A request to a service.

    Attributes:
        service: As MiniStack calls it.
        action: As IAM calls it, such as "s3:GetObject".
        caller: ARN of the caller.
        headers: Of the request, lower case.
    """

    service: str
    action: str
    caller: str
    headers: dict[str, str]


def intercept(first: Callable[[Call], Awaitable[Answer | None]]) -> None:
    """Asks somebody before a service answers; an answer of theirs stands for the service's."""
    dispatch = gateway._dispatch_service_request

    async def dispatched(*request: Any) -> Answer:
        method, path, headers, body, query, _ = request
        parameters = gateway._routing_params(method, path, headers, body, query)
        service = router.detect_service(method, path, headers, parameters)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
        if action is None:
            action = f"{service}:{_operation(path, headers)}"
        caller = iam_evaluator.request_caller_arn(headers, query)
        answer = await first(Call(service, action, caller, headers))
        if answer is not None:
            return answer
        return await dispatch(*request)  # type: ignore[no-any-return]

    gateway._dispatch_service_request = dispatched


def _operation(path: str, headers: dict[str, str]) -> str:
    """Returns the operation of a service of ours, by target or, on SageMaker's data plane, path."""
    if "x-amz-target" in headers:
        return headers["x-amz-target"].rpartition(".")[2]
    return DATA_PLANE.get(path.rpartition("/")[2], path)


def failure(call: Call, code: str, message: str, status: int) -> Answer:
    """Returns an error in the protocol of the service that was called."""
    _, headers, body = iam_actions.access_denied_response(
        call.service,
        call.action,
        call.caller,
        "rehearsal",
        error_code=code,
        message=message,
        headers=call.headers,
    )
    return status, headers, body
