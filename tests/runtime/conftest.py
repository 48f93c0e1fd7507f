"""The inference container, started for real as SageMaker does it, on a free port."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
from botocore.client import BaseClient

from catalogue.discover import ROOT
from runtime.models import tumor_classifier

SECONDS = 20
"""How long anything may take on a busy machine before a test gives up."""


@dataclass
class Reply:
    status: int
    content_type: str
    body: bytes
    request_id: str | None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """Status and code of an error."""
        assert self.content_type == "application/json"
        assert set(self.json["error"]) == {"code", "message"}
        return self.status, self.json["error"]["code"]


class Container:
    """A process that runs `serve`; what it writes goes into a file."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port: int = listener.getsockname()[1]
        self.output = folder / f"{self.port}.log"
        variables = {
            "SERVING_HOST": "127.0.0.1",
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            "SERVING_WORKERS": "1",
            **environment,
        }
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "runtime.containers.inference", "serve"],
                cwd=ROOT,
                env={"PATH": os.environ["PATH"], **variables},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # its workers end with it, even if a test fails
            )

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def request(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        connection = self.connect()
        try:
            connection.request(method, path, body, headers or {})
            return received(connection)
        finally:
            connection.close()

    def invoke(self, body: Any, content_type: str = "text/csv", **headers: str) -> Reply:
        return self.request("POST", "/invocations", body, {"Content-Type": content_type, **headers})

    def ping(self) -> int:
        """Returns the status, 0 while nobody listens."""
        try:
            return self.request("GET", "/ping").status
        except OSError:
            return 0

    def wait_for_ping(self, status: int = 200) -> None:
        deadline = time.monotonic() + SECONDS
        while self.ping() != status:
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def logs(self) -> list[dict[str, Any]]:
        """Every line so far; each has to be JSON."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def logged(self, request_id: str | None) -> dict[str, Any]:
        """The one line of a request, which is written after its answer has been sent."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            lines = [line for line in self.logs() if line.get("request_id") == request_id]
            if lines:
                (line,) = lines
                return line
            time.sleep(0.01)
        raise AssertionError(f"{request_id} was not logged")

    def end(self, number: int = signal.SIGTERM) -> int:
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


def received(connection: HTTPConnection) -> Reply:
    response = connection.getresponse()
    return Reply(
        response.status,
        response.getheader("content-type", ""),
        response.read(),
        response.getheader("x-request-id"),
    )


Start = Callable[..., Container]


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What SageMaker mounts: the archive, unpacked."""
    folder = tmp_path_factory.mktemp("model")
    with tarfile.open(tumor_classifier.ONNX_ARTIFACT) as tar:
        tar.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Iterator[Start]:
    """Starts containers, and ends those that still run."""
    started: list[Container] = []

    def begin(**environment: str) -> Container:
        environment = {"SM_MODEL_DIR": str(model_dir), **environment}
        started.append(Container(tmp_path_factory.mktemp("container"), environment))
        return started[-1]

    yield begin
    for container in started:
        if container.process.poll() is None:
            os.killpg(container.process.pid, signal.SIGKILL)
            container.process.wait(SECONDS)


@pytest.fixture(scope="module")
def container(start: Start) -> Container:
    """One that predicts, for all tests of a module that do not change it."""
    ready = start()
    ready.wait_for_ping()
    return ready


# Calls of the custom resources' handlers

HANDLERS = "runtime.functions.custom_resources.handlers."


@dataclass(frozen=True)
class Call:
    """A call that a handler made.

    Attributes:
        handler: Name of its module.
        service: As its requests are signed, which is as actions name it.
        operation: Such as "ListObjectVersions".
    """

    handler: str
    service: str
    operation: str


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what judges the calls of all the tests behind the tests that make them."""
    items.sort(key=lambda item: item.path.name == "test_used_permissions.py")


@pytest.fixture(scope="session", autouse=True)
def calls() -> Iterator[set[Call]]:
    """What the handlers have called so far; what tests call themselves is not among it."""
    found: set[Call] = set()
    make_api_call = BaseClient._make_api_call

    def record(client: Any, operation: str, arguments: Any) -> Any:
        if handler := _calling_handler():
            found.add(Call(handler, client.meta.service_model.signing_name, operation))
        return make_api_call(client, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", record)
        yield found


def _calling_handler() -> str | None:
    frame = sys._getframe()
    while frame := frame.f_back:
        name = frame.f_globals.get("__name__", "")
        if name.startswith(HANDLERS) and "handler" in frame.f_globals:
            return str(name.removeprefix(HANDLERS))
    return None
