"""Requests of one row over 16 connections, one worker on one core, the load from another core."""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.progress import track

from runtime.models import tumor_classifier

ROOT = Path(__file__).resolve().parent.parent.parent
CONNECTIONS = 16
SECONDS = 3
AUTOCANNON = shutil.which("autocannon") or ""
CONTAINER, EVENT_LOOP, THREADS = "the container", "FastAPI, async def", "FastAPI, def"


@dataclass(frozen=True)
class Sample:
    """What one burst of requests gave."""

    per_second: float
    p99: float
    """Milliseconds."""
    cpu: float
    """Microseconds of the server's processor time for a request."""


@dataclass(frozen=True)
class Server:
    """A process and the address to send requests to."""

    process: subprocess.Popen[bytes]
    url: str

    def cpu_seconds(self) -> float:
        """Returns the processor time it has used, in user mode and in the kernel's."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def possible() -> str:
    """Returns why this machine cannot measure, empty if it can."""
    if not hasattr(os, "sched_setaffinity"):
        return "processes cannot be pinned to a core here"
    if len(os.sched_getaffinity(0)) == 1:
        return "server and load need a core each"
    return "" if AUTOCANNON else "npm's autocannon is missing: npm ci"


@contextmanager
def server(folder: Path, core: int, command: list[str], **environment: str) -> Iterator[Server]:
    """Runs a server on one core; what it logs goes into a file."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [word.format(port=port) for word in command],
            cwd=ROOT,
            env={**os.environ, **environment, "SAGEMAKER_BIND_TO_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: os.sched_setaffinity(0, {core}),  # noqa: PLW1509 - no threads yet
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", process)
        yield Server(process, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Returns once the address answers."""
    while process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - ourselves
                return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{process.args!r} ended with {process.returncode}")


def burst(target: Server, path: str, body: Path, core: int) -> Sample:
    """Sends requests for some seconds."""
    before = target.cpu_seconds()
    options = {
        "connections": CONNECTIONS,
        "duration": SECONDS,
        "method": "POST",
        "headers": "Content-Type: application/json",
        "input": body,
    }
    load = subprocess.run(
        [AUTOCANNON, "--json", *(f"--{k}={v}" for k, v in options.items()), target.url + path],
        capture_output=True,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    used = target.cpu_seconds() - before
    result = json.loads(load.stdout)
    if result["non2xx"] or result["errors"] or not result["2xx"]:
        raise RuntimeError(f"{target.url}{path} did not answer every request: {load.stdout!r}")
    return Sample(
        per_second=result["requests"]["average"],
        p99=result["latency"]["p99"],
        cpu=used / result["2xx"] * 1_000_000,
    )


def samples(rounds: int) -> dict[str, list[Sample]]:
    """Returns what each gave in each round; one round more is not counted."""
    serving, loading = sorted(os.sched_getaffinity(0))[:2]
    taken: dict[str, list[Sample]] = defaultdict(list)
    with TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        for archive in (tumor_classifier.ARTIFACT, tumor_classifier.ONNX_ARTIFACT):
            with tarfile.open(archive) as tar:
                tar.extractall(folder, filter="data")
        row = tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines()[0]
        body = folder / "row.json"
        body.write_text(f'{{"instances": [[{row}]]}}')
        container = [sys.executable, "-m", "runtime.containers.inference", "serve"]
        fastapi = [sys.executable, "scripts/bench_container/fastapi_xgboost.py", "{port}"]
        ours = stack.enter_context(
            server(folder, serving, container, SERVING_WORKERS="1", SM_MODEL_DIR=name)
        )
        theirs = stack.enter_context(
            server(folder, serving, fastapi, MODEL=str(folder / "xgboost-model"))
        )
        targets = {
            CONTAINER: (ours, "/invocations"),
            EVENT_LOOP: (theirs, "/invocations"),
            THREADS: (theirs, "/threaded"),
        }
        for number in track(range(rounds + 1), "container"):
            for label, (target, path) in targets.items():
                sample = burst(target, path, body, loading)
                if number:
                    taken[label].append(sample)
    return taken


def ratio(taken: dict[str, list[Sample]], other: str, field: str) -> float:
    """Returns the median over the rounds of the container's figure divided by the other's."""
    return statistics.median(
        getattr(ours, field) / getattr(theirs, field)
        for ours, theirs in zip(taken[CONTAINER], taken[other], strict=True)
    )


def figures(taken: dict[str, list[Sample]]) -> list[list[str]]:
    """Returns each figure with its aim."""
    return [
        [
            "requests per second, container / FastAPI + pydantic + XGBoost",
            f"{ratio(taken, EVENT_LOOP, 'per_second'):.1f}",
            "6",
        ],
        [
            "the same, if FastAPI predicts in threads",
            f"{ratio(taken, THREADS, 'per_second'):.1f}",
            "",
        ],
        ["p99, container / FastAPI", f"{ratio(taken, EVENT_LOOP, 'p99'):.2f}", "1"],
        [
            "processor time of a request, FastAPI / container",
            f"{1 / ratio(taken, EVENT_LOOP, 'cpu'):.1f}",
            "",
        ],
    ]


def medians(taken: dict[str, list[Sample]]) -> list[list[str]]:
    """Returns what each gave, in its own units."""
    return [
        [
            label,
            f"{statistics.median(sample.per_second for sample in given):,.0f}",
            f"{statistics.median(sample.p99 for sample in given):.0f} ms",
            f"{statistics.median(sample.cpu for sample in given):.0f} us",
        ]
        for label, given in taken.items()
    ]
