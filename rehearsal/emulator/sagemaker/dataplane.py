"""Requests to endpoints, answered before MiniStack's dispatch, which costs more than they do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator import faults, host
from rehearsal.emulator.sagemaker.runtime import Runtime

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/endpoints/"


class DataPlane:
    """Answers below PREFIX and passes everything else on; signature and IAM are checked alike.

    Args:
        app: The emulated AWS.
        runtime: Answers.
    """

    def __init__(self, app: App, runtime: Runtime) -> None:
        self.app = app
        self.runtime = runtime

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if (
            scope["type"] != "http"
            or scope["method"] != "POST"
            or not scope["path"].startswith(PREFIX)
            or faults.wanted()
        ):
            await self.app(scope, receive, send)
            return
        parts = []
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                break
        content = b"".join(parts)
        headers = host.admit(scope, content)
        status, told, body = await self.runtime.handle(scope["path"], headers, content)
        answered = [(name.encode(), value.encode("latin-1")) for name, value in told.items()]
        answered.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": answered})
        await send({"type": "http.response.body", "body": body})
