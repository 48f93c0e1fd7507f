"""Requests to containers: connections are used again, and what a container does wrong is told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from rehearsal.emulator.sagemaker.calls import Calls, NoAnswerError, Reply

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Length: 3\r\n\r\n0.5"


def post(handler: Handler, times: int = 1, seconds: float = 5) -> tuple[list[Reply], int]:
    """Returns the replies of a server to requests one after the other, and its connections."""
    connections = 0

    async def count(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        try:
            await handler(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    async def run() -> list[Reply]:
        server = await asyncio.start_server(count, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        calls = Calls()
        try:
            return [await calls.post(port, "/i", {"a": "b"}, b"1,2", seconds) for _ in range(times)]
        finally:
            await calls.close()
            server.close()
            await asyncio.sleep(0)

    return asyncio.run(run()), connections


async def request(reader: asyncio.StreamReader) -> bytes:
    return await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(3)


def test_one_connection_serves_several_requests() -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not reader.at_eof() and len(seen) < 3:
            seen.append(await request(reader))
            writer.write(OK)
            await writer.drain()

    replies, connections = post(serve, times=3)
    assert [reply[0] for reply in replies] == [200] * 3
    assert replies[0][1]["content-type"] == "text/csv"
    assert [reply[2] for reply in replies] == [b"0.5"] * 3
    assert connections == 1
    assert seen[0].startswith(b"POST /i HTTP/1.1\r\n")
    assert seen[0].endswith(b"\r\na: b\r\ncontent-length: 3\r\n\r\n1,2")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n0.\r\n1\r\n5\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0.5",
    ],
    ids=["chunked", "until the end"],
)
def test_bodies_of_every_kind(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        await writer.drain()

    replies, connections = post(serve, times=2)
    assert [reply[2] for reply in replies] == [b"0.5", b"0.5"]
    assert connections == 2


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", OK[:-1]])
def test_an_answer_that_is_none(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request(reader)
        writer.write(answer)
        await writer.drain()

    with pytest.raises(NoAnswerError):
        post(serve)


def test_an_answer_that_takes_too_long() -> None:
    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    with pytest.raises(TimeoutError):
        post(serve, seconds=0.1)


def test_nobody_listens() -> None:
    with pytest.raises(NoAnswerError):
        asyncio.run(Calls().post(1, "/i", {}, b"", 1))
