"""What a rehearsal may do with the emulator that nobody can do with AWS: skip time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator import clock, inventory, recorded

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PREFIX = "/_rehearsal/"


class Control:
    """Answers below PREFIX and passes everything else on.

    Args:
        app: The emulated AWS.
    """

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self.app(scope, receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        action = scope["path"].removeprefix(PREFIX)
        answer = await asyncio.to_thread(self.act, action, json.loads(body or b"{}"))
        status = 404 if answer is None else 200
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def act(self, action: str, request: dict[str, Any]) -> dict[str, Any] | None:
        """Does what a rehearsal asks for; None if there is no such thing."""
        if action == "ready":
            return {"now": clock.now().isoformat()}
        if action == "advance":
            clock.advance(float(request["seconds"]))
            return {"now": clock.now().isoformat()}
        if action == "inventory":
            return {"resources": inventory.inventory()}
        if action == "recorded":
            return {"types": recorded.types()}
        return None
