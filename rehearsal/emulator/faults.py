"""What goes wrong on purpose: calls that are throttled, refused, or answered late."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator import host, host_calls


@dataclass
class Fault:
    """What a call meets instead of an answer.

    Attributes:
        action: The call as an IAM action, such as "s3:GetObject".
        code: Error code of the answer, such as "ThrottlingException"; None answers late instead.
        status: HTTP status of the error.
        seconds: How late the answer comes.
        times: How many calls still meet it; None means all.
        caller: Text in the caller's ARN, such as a role's name; empty means everybody.
    """

    action: str
    code: str | None = None
    status: int = 400
    seconds: float = 0.0
    times: int | None = None
    caller: str = ""

    def meets(self, action: str, caller: str) -> bool:
        """Returns whether a call meets this fault, and counts it."""
        if action != self.action or self.caller not in caller or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


_faults: list[Fault] = []


def register() -> None:
    """Lets every call pass by here."""
    host_calls.intercept(_meet)


def add(request: dict[str, Any]) -> int:
    """Adds a fault and returns how many there are.

    Raises:
        TypeError: It is not described by Fault's attributes.
    """
    _faults.append(Fault(**request))
    return len(_faults)


def wanted() -> bool:
    """Returns whether something is to go wrong."""
    return bool(_faults)


def clear() -> None:
    """Lets everything go well again."""
    _faults.clear()


async def _meet(call: host_calls.Call) -> host.Answer | None:
    for fault in _faults:
        if fault.meets(call.action, call.caller):
            await asyncio.sleep(fault.seconds)
            if fault.code:
                message = f"{call.action} fails: the rehearsal wants it so."
                return host_calls.failure(call, fault.code, message, fault.status)
    return None
