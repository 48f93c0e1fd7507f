"""Requests to containers: HTTP/1.1 over connections that stay open."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress

Reply = tuple[int, dict[str, str], bytes]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

LARGEST_HEAD = 65_536


class NoAnswerError(Exception):
    """The container is not there, or breaks off."""


class Calls:
    """Connections to containers, used again once an answer is complete."""

    def __init__(self) -> None:
        self._idle: defaultdict[int, list[Connection]] = defaultdict(list)

    async def post(
        self,
        port: int,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
        seconds: float,
        *,
        method: str = "POST",
    ) -> Reply:
        """Sends a request and returns status, headers (names in lower case) and body.

        Raises:
            TimeoutError: The answer takes longer.
            NoAnswerError: There is none.
        """
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += [f"content-length: {len(body)}", "", ""]
        request = "\r\n".join(lines).encode("latin-1") + body
        async with asyncio.timeout(max(seconds, 0.001)):
            return await self._send(port, request)

    async def close(self) -> None:
        """Closes the idle connections."""
        for connections in self._idle.values():
            while connections:
                _, writer = connections.pop()
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _send(self, port: int, request: bytes) -> Reply:
        while self._idle[port]:
            connection = self._idle[port].pop()
            try:
                return await self._exchange(port, connection, request)
            except NoAnswerError:
                continue  # closed while it was idle
        try:
            connection = await asyncio.open_connection("127.0.0.1", port, limit=LARGEST_HEAD)
        except OSError as error:
            raise NoAnswerError(str(error)) from error
        return await self._exchange(port, connection, request)

    async def _exchange(self, port: int, connection: Connection, request: bytes) -> Reply:
        reader, writer = connection
        kept = False
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status, headers = parse(head)
            content, kept = await _content(reader, headers)
        except (OSError, EOFError, ValueError, asyncio.LimitOverrunError) as error:
            raise NoAnswerError(str(error)) from error
        finally:
            if kept:
                self._idle[port].append(connection)
            else:
                writer.close()
        return status, headers, content


def parse(head: bytes) -> tuple[int, dict[str, str]]:
    """Returns the status and the headers of an answer's head.

    Raises:
        ValueError: It is no head.
    """
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {}
    for each in lines:
        name, _, value = each.partition(":")
        headers[name.lower()] = value.strip()
    return int(first.partition(" ")[2][:3]), headers


async def _content(reader: asyncio.StreamReader, headers: dict[str, str]) -> tuple[bytes, bool]:
    """Returns an answer's body, and whether the connection can be used again."""
    kept = headers.get("connection", "").lower() != "close"
    if "content-length" in headers:
        return await reader.readexactly(int(headers["content-length"])), kept
    if headers.get("transfer-encoding", "").lower() == "chunked":
        parts = []
        while size := int((await reader.readline()).partition(b";")[0], 16):
            parts.append(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readline()
        return b"".join(parts), kept
    return await reader.read(), False
