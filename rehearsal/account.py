"""An emulated AWS account on this machine: a process that is started, used and stopped."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import TracebackType
from typing import Any

from catalogue.discover import ROOT
from catalogue.errors import UsageError
from rehearsal.errors import RehearsalError

EMULATOR = ROOT / ".venv-emulator" / "bin" / "python"
"""Interpreter of the emulator's own environment, which `make rehearsal` sets up."""

ACCOUNT = "123456789012"
REGION = "us-east-1"
OK = 200
START_SECONDS = 30.0
STOP_SECONDS = 10.0
ADVANCE_SECONDS = 120.0


class EmulatedAccount:
    """An empty account behind a free port on loopback; two of them do not meet.

    Args:
        folder: Where its log and the CDK's caches go; it is made, and stays.

    Attributes:
        url: Endpoint of every service.
        log: What the emulator wrote.
    """

    def __init__(self, folder: Path) -> None:
        if not EMULATOR.exists():
            raise UsageError(
                f"There is no emulated AWS in {EMULATOR.parents[1]}: run `make rehearsal` once."
            )
        folder.mkdir(parents=True, exist_ok=True)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.log = folder / "emulator.log"
        self._cdk_home = folder / "cdk"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the CDK command line, the AWS CLI and boto3 find the account by."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            # The bucket of an asset stands in the host name unless that is an address.
            "AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION": f"http://localhost:{self._port}",
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "rehearsal",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            # The command line remembers accounts by key: not among the user's own.
            "CDK_HOME": str(self._cdk_home),
        }

    @property
    def alive(self) -> bool:
        """Whether the emulator still runs."""
        return self._process is not None and self._process.poll() is None

    def client(self, service: str, session: Mapping[str, str] | None = None) -> Any:
        """Returns a boto3 client of the account.

        Args:
            service: Such as "s3".
            session: Credentials as AssumeRole gives them; None is the account's administrator.
        """
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=session["AccessKeyId"] if session else ACCOUNT,
            aws_secret_access_key=session["SecretAccessKey"] if session else "rehearsal",
            aws_session_token=session["SessionToken"] if session else None,
            config=Config(connect_timeout=5, read_timeout=120, retries={"total_max_attempts": 2}),
        )

    def advance(self, seconds: float) -> None:
        """Skips time: alarms, scaling and schedules see it pass, minute by minute."""
        self.control("advance", {"seconds": seconds})

    def fail(
        self,
        action: str,
        code: str | None = None,
        *,
        status: int = 400,
        seconds: float = 0.0,
        times: int | None = None,
        caller: str = "",
    ) -> None:
        """Lets calls go wrong on purpose.

        Args:
            action: Which calls, as an IAM action such as "s3:GetObject".
            code: Error code of the answer; None only answers late.
            status: HTTP status of the error.
            seconds: How late the answer comes.
            times: How many calls; None means all until `heal`.
            caller: Text in the caller's ARN; empty means everybody.
        """
        fault = {"action": action, "code": code, "status": status, "seconds": seconds}
        self.control("fail", {**fault, "times": times, "caller": caller})

    def heal(self) -> None:
        """Lets everything go well again."""
        self.control("heal")

    def now(self) -> datetime:
        """Returns the account's time."""
        return datetime.fromisoformat(self.control("ready")["now"])

    def weigh(self, weight: int) -> None:
        """Lets each invocation of an endpoint count as several in its metrics, from now on."""
        self.control("weigh", {"weight": weight})

    def control(self, action: str, request: dict[str, Any] | None = None) -> dict[str, Any]:
        """Asks the emulator for something that AWS has not.

        Raises:
            RehearsalError: The emulator does not answer.
        """
        try:
            return self._ask(action, request or {}, ADVANCE_SECONDS)
        except (OSError, HTTPException, ValueError) as error:
            raise RehearsalError(
                f"The emulated AWS does not answer ({error}): see {self.log}."
            ) from None

    def _ask(self, action: str, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=seconds)
        try:
            connection.request("POST", f"/_rehearsal/{action}", json.dumps(request))
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != OK:
                raise ValueError(f"{action}: {answer.status} {content.decode(errors='replace')}")
            return dict(json.loads(content))
        finally:
            connection.close()

    def __enter__(self) -> EmulatedAccount:
        """Starts the emulator and returns when it answers.

        Raises:
            RehearsalError: It ended, or does not answer in time.
        """
        schemas = schemas_folder()
        environment = {
            **os.environ,
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "PYTHONPATH": str(ROOT),
            "REHEARSAL_PYTHON": sys.executable,
            "REHEARSAL_SCHEMAS": str(schemas),
        }
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program, no shell
                [str(EMULATOR), "-m", "rehearsal.emulator"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_ready(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops the emulator and everything that it started."""
        self.stop()

    def stop(self) -> None:
        """Ends the emulator; a second call does nothing."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        with suppress(ProcessLookupError):  # what is left of its process group
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        shutil.rmtree(self._cdk_home, ignore_errors=True)

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RehearsalError(
                    f"The emulated AWS ended with code {process.returncode}: see {self.log}."
                )
            with suppress(OSError, HTTPException, ValueError):
                self._ask("ready", {}, 2)
                return
            time.sleep(0.05)
        raise RehearsalError(
            f"The emulated AWS does not answer within {START_SECONDS:.0f} s: see {self.log}."
        )


def schemas_folder() -> Path:
    """Returns the folder of CloudFormation's schemas, without importing what ships them."""
    from importlib.util import find_spec

    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise UsageError("cfn-lint is not installed: run `make synth`.")
    return Path(spec.origin).parent / "data" / "schemas"
