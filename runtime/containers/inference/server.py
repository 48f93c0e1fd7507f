"""The steps over HTTP.

Decoding, predicting and encoding one row takes less than 0.1 ms, about what handing it to a thread
would cost: they run in the event loop. A request of 10,000 rows keeps its worker busy for some
0.1 s, during which /ping waits, far from the 2 s that SageMaker allows. More cores are used by more
workers, processes that share one socket.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from multiprocessing.connection import wait
from threading import BrokenBarrierError

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from .codec import JSON, to_json
from .errors import BadInput, ModelError, TooLarge, TooSlow
from .log import JsonHandler, RequestLog, log, log_failure
from .settings import MIB, Settings
from .steps import Answer, Step, failure, load

# SageMaker kills what is still running 30 s after SIGTERM.
DRAIN_SECONDS = 25

# Longer than a load balancer keeps an idle connection, 60 s unless told otherwise: one that the
# server closes first is answered with 502 if a request is on its way.
KEEP_ALIVE_SECONDS = 75

INVOCATIONS = ("POST", "/invocations")
REQUEST_ID = b"x-request-id"

NOT_READY = failure(503, "not_ready", "The model is still being loaded.")


class Gone(Exception):  # noqa: N818 - no error of ours
    """The client left before its request had arrived."""


class Invocations:
    """POST /invocations, straight on ASGI: Request and Response objects would double its cost."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.step: Step | None = None
        self._log = RequestLog()
        self._ids = map(f"{os.urandom(6).hex()}-{{}}".format, itertools.count(1))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request and logs one line."""
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(REQUEST_ID)
        request_id = given.decode("latin-1")[:64] if given else next(self._ids)
        try:
            answer = await self.answer(headers, receive)
        except Gone:
            log("info", "client gone", request_id=request_id)
            return
        except Exception as error:
            log_failure("request failed", error, request_id=request_id)
            answer = failure(500, "internal_error", "The container failed; its log tells where.")
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [
                    (b"content-type", answer.content_type.encode()),
                    (b"content-length", str(len(answer.body)).encode()),
                    (REQUEST_ID, request_id.encode("latin-1")),
                ],
            }
        )
        await send({"type": "http.response.body", "body": answer.body})
        self._log.log(
            "info",
            "request",
            status=answer.status,
            rows=answer.rows,
            ms=round((time.perf_counter() - started) * 1000, 3),
            request_id=request_id,
            **({"code": answer.code} if answer.code else {}),
        )

    async def answer(self, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        """Returns the answer to a request."""
        if self.step is None:
            return NOT_READY
        try:
            body = await self.body(headers, receive)
        except BadInput as error:
            return failure(error.status, error.code, str(error))
        return self.step.respond(
            body,
            headers.get(b"content-type", b"").decode("latin-1"),
            headers.get(b"accept", b"").decode("latin-1"),
        )

    async def body(self, headers: dict[bytes, bytes], receive: Receive) -> bytes:
        """Returns the body; never holds much more of it than is allowed."""
        if int(headers.get(b"content-length", 0)) > self.settings.max_bytes:
            raise self._too_large()
        message = await receive()
        if not message.get("more_body"):
            return self._checked(message)
        try:
            async with asyncio.timeout(self.settings.body_seconds):
                return await self._rest(message, receive)
        except TimeoutError:
            raise TooSlow("The body took too long to arrive.") from None

    async def _rest(self, message: Message, receive: Receive) -> bytes:
        body = bytearray(self._checked(message))
        while message.get("more_body"):
            message = await receive()
            body += self._checked(message)
            if len(body) > self.settings.max_bytes:
                raise self._too_large()
        return bytes(body)

    def _checked(self, message: Message) -> bytes:
        if message["type"] == "http.disconnect":
            raise Gone
        return bytes(message["body"])

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body has more than {self.settings.max_bytes} bytes.")


def respond(answer: Answer) -> Response:
    """Returns the answer as Starlette sends it."""
    return Response(answer.body, answer.status, media_type=answer.content_type)


async def unrouted(_request: Request, error: Exception) -> Response:
    """Answers what no route takes in the same form as every other error."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for no other
    answer = respond(failure(error.status_code, "no_such_route", f"{error.detail}."))
    answer.headers.update(error.headers or {})
    return answer


class Worker:
    """One process: a server, and a model that is loaded while /ping answers 503 already.

    Args:
        settings: What to serve, and where.
        wait_for_others: Returns once every worker has loaded the model, so that no request meets
            one that has not after /ping was answered by one that has.
    """

    def __init__(
        self, settings: Settings, wait_for_others: Callable[[], object] = lambda: None
    ) -> None:
        self.settings = settings
        self.wait_for_others = wait_for_others
        self.invocations = Invocations(settings)
        self.routes = Starlette(
            routes=[
                Route("/ping", self.ping),
                Route(INVOCATIONS[1], self.invocations, methods=[INVOCATIONS[0]]),
                Route("/execution-parameters", self.execution_parameters),
            ],
            exception_handlers={HTTPException: unrouted},
            lifespan=self.lifespan,
        )
        self.exit_code = 0
        self.server = uvicorn.Server(
            uvicorn.Config(
                self.dispatch,
                interface="asgi3",
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,  # one line a request is written by Invocations
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
            )
        )

    async def dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Takes the one path that is called all the time past Starlette's layers: some 7 us."""
        if scope["type"] == "http" and (scope["method"], scope["path"]) == INVOCATIONS:
            await self.invocations(scope, receive, send)
        else:
            await self.routes(scope, receive, send)

    async def ping(self, _request: Request) -> Response:
        """Says whether a request would be answered: the model has proven that it predicts."""
        return respond(NOT_READY) if self.invocations.step is None else Response()

    async def execution_parameters(self, _request: Request) -> Response:
        """Tells batch transform how to send."""
        parameters = {
            "MaxConcurrentTransforms": self.settings.workers,
            "BatchStrategy": "MULTI_RECORD",
            "MaxPayloadInMB": max(1, self.settings.max_bytes // MIB),
        }
        return Response(to_json(parameters), media_type=JSON)

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """Loads the model beside the server that is up already."""
        loading = asyncio.create_task(self.load())
        yield
        await loading

    async def load(self) -> None:
        """Loads the model, or ends the process."""
        try:
            step = await asyncio.to_thread(load, self.settings)
            await asyncio.to_thread(self.wait_for_others)
            self.invocations.step = step
            # What is loaded by now stays: the garbage collector need not look through it again.
            gc.freeze()
            log("info", "ready", step=self.settings.step, port=self.settings.port)
        except ModelError as error:
            log("error", str(error))
            self.exit_code, self.server.should_exit = 1, True
        except BrokenBarrierError:
            pass  # the container ends before it has begun

    def run(self, listener: socket.socket) -> int:
        """Serves until SIGTERM, answers what it has begun, and returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            # uvicorn drains, then raises the signal once more: to have stopped is no failure.
            signal.signal(number, lambda *_: None)
        self.server.run(sockets=[listener])
        return self.exit_code


def serve(settings: Settings) -> int:
    """Serves with as many workers as the settings say; returns the exit code."""
    logging.basicConfig(level=logging.INFO, handlers=[JsonHandler()], force=True)
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=2048)
    except OSError as error:
        log("error", f"Port {settings.port} cannot be bound: {os.strerror(error.errno or 0)}.")
        return 1
    if settings.workers == 1:
        return Worker(settings).run(listener)
    return supervise(settings, listener)


def supervise(settings: Settings, listener: socket.socket) -> int:
    """Runs workers that share the socket.

    A worker that ends, ends them all: the platform replaces a container that has stopped, and sees
    that it did, while one that restarts its workers in a circle looks alive.
    """
    # Nothing that fork could break, threads above all, has been started by now.
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(settings.workers)
    workers = [
        context.Process(target=lambda: sys.exit(Worker(settings, barrier.wait).run(listener)))
        for _ in range(settings.workers)
    ]
    for worker in workers:
        worker.start()
    listener.close()  # else it would go on to take connections that nobody answers any more

    def stop(*_: object) -> None:
        barrier.abort()
        for worker in workers:
            worker.terminate()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    wait([worker.sentinel for worker in workers])
    stop()
    for worker in workers:
        worker.join()
    return int(any(worker.exitcode for worker in workers))
