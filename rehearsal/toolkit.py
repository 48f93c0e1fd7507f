"""The CDK command line, each call with a time limit and its output in a file."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from catalogue.discover import ROOT
from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from rehearsal.errors import RehearsalError

CDK = ROOT / "node_modules" / ".bin" / "cdk"
BOOTSTRAP_SECONDS = 60.0
DEPLOY_SECONDS = 300.0
PROGRESS = re.compile(r"\|\s*(\d+)(?:/(\d+))?\s*\|.*\|\s*(?P<status>[A-Z_]+)\s*\|\s*(?P<type>\S+)")

Tell = Callable[[str], None]
"""Receives a line of progress."""


class Toolkit:
    """Runs cdk against an emulated account.

    Args:
        account: The account.
        folder: Receives outputs and logs.
        tell: Hears what is going on.
    """

    def __init__(self, account: EmulatedAccount, folder: Path, tell: Tell) -> None:
        self.account = account
        self.folder = folder
        self.tell = tell

    def bootstrap(self, assembly: Path) -> None:
        """Prepares the account for deployments.

        Raises:
            RehearsalError: It failed.
        """
        target = f"aws://{ACCOUNT}/{REGION}"
        self._run(["bootstrap", target, "--app", str(assembly)], BOOTSTRAP_SECONDS)

    def deploy(
        self, stack: str, assembly: Path, *, seconds: float = DEPLOY_SECONDS
    ) -> dict[str, str]:
        """Deploys a stack, or updates it, and returns its outputs.

        Raises:
            RehearsalError: It failed and was rolled back.
        """
        outputs = self.folder / f"{stack}.outputs.json"
        self._run(
            [
                "deploy",
                stack,
                f"--app={assembly}",
                "--require-approval=never",
                f"--outputs-file={outputs}",
            ],
            seconds,
        )
        return dict(json.loads(outputs.read_text(encoding="utf-8")).get(stack, {}))

    def destroy(self, stack: str, assembly: Path) -> None:
        """Deletes a stack.

        Raises:
            RehearsalError: Something could not be deleted.
        """
        self._run(["destroy", stack, f"--app={assembly}", "--force"], DEPLOY_SECONDS)

    def _run(self, arguments: list[str], seconds: float) -> None:
        log = self.folder / f"cdk-{arguments[0]}.log"
        started = time.monotonic()
        with subprocess.Popen(  # noqa: S603 - the pinned command line, no shell
            [str(CDK), *arguments, "--no-notices", "--progress=events"],
            cwd=ROOT,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            ended = threading.Event()
            watch = threading.Thread(target=self._watch, args=(process, started + seconds, ended))
            watch.start()
            try:
                self._follow(process.stdout or (), log)
                process.wait(seconds)
            except BaseException:  # Ctrl-C above all: the command line is in a session of its own
                _kill(process)
                raise
            finally:
                ended.set()
                watch.join()
        if process.returncode:
            if not self.account.alive:
                raise RehearsalError(f"The emulated AWS has ended: see {self.account.log}.")
            late = "" if time.monotonic() - started < seconds else f" after {seconds:.0f} s"
            raise RehearsalError(f"cdk {arguments[0]} failed{late}: {_reason(log)}")

    def _watch(
        self, process: subprocess.Popen[str], deadline: float, ended: threading.Event
    ) -> None:
        """Ends the command when its time is over, or when there is nobody to answer it."""
        while not ended.wait(0.2):
            if time.monotonic() > deadline or not self.account.alive:
                _kill(process)
                return

    def _follow(self, lines: Iterable[str], log: Path) -> None:
        with log.open("a", encoding="utf-8") as written:
            for line in lines:
                written.write(line)
                event = PROGRESS.search(line)
                if event:
                    self.tell(f"{event['type']} {event['status'].lower().replace('_', ' ')}")

    def _environment(self) -> Mapping[str, str]:
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "CDK_"))}
        return {**inherited, "PATH": path, "CI": "true", **self.account.environment}


def _kill(process: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _reason(log: Path) -> str:
    """Returns the first resource that failed and why, or the last line of a log."""
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    failed = [line for line in lines if re.search(r"(CREATE|UPDATE|DELETE)_FAILED", line)]
    line = failed[0].split("|")[-2:] if failed else lines[-1:] or ["it wrote nothing"]
    return " ".join(" ".join(line).split())
