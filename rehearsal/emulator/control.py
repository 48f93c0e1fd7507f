"""What nobody can do with AWS and a rehearsal may: skip time, break calls, weigh load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from rehearsal.emulator import clock, faults, inventory, recorded
from rehearsal.emulator.sagemaker.metrics import InvocationMetrics

Record = dict[str, Any]
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
        act = ACTIONS.get(scope["path"].removeprefix(PREFIX))
        if act is None:
            await _send(send, 404, {"known": sorted(ACTIONS)})
            return
        answer = await asyncio.to_thread(act, json.loads(body or b"{}"))
        await _send(send, 200, answer)


async def _send(send: Send, status: int, answer: Record) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _ready(_: Record) -> Record:
    return {"now": clock.now().isoformat()}


def _advance(request: Record) -> Record:
    clock.advance(float(request["seconds"]))
    return {"now": clock.now().isoformat()}


def _inventory(_: Record) -> Record:
    return {"resources": inventory.inventory()}


def _recorded(_: Record) -> Record:
    return {"types": recorded.types()}


def _fail(request: Record) -> Record:
    return {"faults": faults.add(request)}


def _heal(_: Record) -> Record:
    faults.clear()
    return {"faults": 0}


def _weigh(request: Record) -> Record:
    InvocationMetrics.weight = int(request["weight"])
    return {"weight": InvocationMetrics.weight}


ACTIONS: dict[str, Callable[[Record], Record]] = {
    "ready": _ready,
    "advance": _advance,
    "inventory": _inventory,
    "recorded": _recorded,
    "fail": _fail,
    "heal": _heal,
    "weigh": _weigh,
}
"""What is answered below PREFIX."""


def add(name: str, act: Callable[[Record], Record]) -> None:
    """Answers one more thing below PREFIX."""
    ACTIONS[name] = act
