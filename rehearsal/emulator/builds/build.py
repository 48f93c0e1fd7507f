"""One build: its source, its shell, its log and how it ended."""

from __future__ import annotations

import io
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import clock, host, session
from rehearsal.emulator.builds import buildspec
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.images import PYTHON, ROOT

log = logging.getLogger(__name__)

Record = dict[str, Any]

PRINCIPAL = "codebuild.amazonaws.com"
ENDS = {True: "SUCCEEDED", False: "FAILED"}
ARCHITECTURES = {"ARM_CONTAINER": "arm64", "ARM_LAMBDA_CONTAINER": "arm64"}


class BuildError(Exception):
    """The build ended before its commands; the text is CodeBuild's reason."""


class Build:
    """A build of a project, on a thread and in a process of its own.

    Args:
        record: What BatchGetBuilds tells; it changes as the build goes on.
        project_arn: On whose behalf the project's role is assumed.
    """

    def __init__(self, record: Record, project_arn: str) -> None:
        self.record = record
        self.project_arn = project_arn
        self.ended = threading.Event()
        self._stopped = False
        self._process: subprocess.Popen[str] | None = None
        self._unsent: list[str] = []
        self._refused = False

    def run(self) -> None:
        """Runs the build to its end."""
        folder = Path(tempfile.mkdtemp(prefix="build-"))
        status = "FAULT"
        try:
            status = ENDS[self._run(folder)]
        except BuildError as error:
            self._phase(self.record["currentPhase"], "FAILED", str(error))
            self._unsent.append(str(error))
            status = "FAILED"
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            self._send()
            self._end("STOPPED" if self._stopped else status)

    def stop(self) -> None:
        """Ends the process, if it runs."""
        self._stopped = True
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)

    def _run(self, folder: Path) -> bool:
        self._enter("DOWNLOAD_SOURCE")
        source = self.record["source"]
        if source["type"] not in ("S3", "NO_SOURCE"):
            raise BuildError(f"The rehearsal does not fetch sources of type {source['type']}.")
        work = folder / "source"
        work.mkdir()
        if source["type"] == "S3":
            self._fetch(source["location"], work)
        try:
            spec = buildspec.parse(source.get("buildspec") or _own(work))
        except buildspec.BuildspecError as error:
            raise BuildError(str(error)) from None
        self._leave("SUCCEEDED")
        exported = folder / "exported"
        with subprocess.Popen(  # noqa: S603 - the build's own commands, as its role
            ["/bin/bash", "-c", buildspec.script(spec, exported)],
            cwd=work,
            env={**self._environment(folder), **buildspec.variables(spec), **self._variables()},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        ) as self._process:
            timer = threading.Timer(self.record["timeoutInMinutes"] * 60, self.stop)
            timer.start()
            try:
                self._follow(self._process.stdout or ())
            finally:
                timer.cancel()
        self.record["exportedEnvironmentVariables"] = buildspec.read_exported(exported)
        return self._process.returncode == 0

    def _client(self, service: str) -> Any:
        try:
            return session.as_role(
                service,
                self.record["serviceRole"],
                principal=PRINCIPAL,
                source_arn=self.project_arn,
            )
        except NotAssumableError as error:
            raise BuildError(
                f"CLIENT_ERROR: CodeBuild is not authorized to perform: sts:AssumeRole on "
                f"service role. {error}"
            ) from None

    def _fetch(self, location: str, folder: Path) -> None:
        bucket, _, key = location.partition("/")
        try:
            content = self._client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
            zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
        except (ClientError, zipfile.BadZipFile) as error:
            raise BuildError(
                f"CLIENT_ERROR: {error} for primary source and source version"
            ) from None

    def _environment(self, folder: Path) -> dict[str, str]:
        credentials = host.role_credentials(
            self.record["serviceRole"], service=PRINCIPAL, source_arn=self.project_arn
        )
        tools = folder / "tools"
        (tools / "docker").parent.mkdir()
        (folder / "docker").mkdir()
        _tool(tools / "aws", f'exec "{sys.executable}" -m awscli "$@"')
        _tool(
            tools / "docker",
            f'PYTHONPATH="{ROOT}" exec "{sys.executable}" -m rehearsal.emulator.builds.docker "$@"',
        )
        path = [str(tools), str(Path(PYTHON).parent), os.environ.get("PATH", "")]
        kind = self.record["environment"]["type"]
        return {
            "PATH": os.pathsep.join(path),
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "PYTHONDONTWRITEBYTECODE": "1",
            **{name.upper(): value for name, value in credentials.items()},
            "AWS_ENDPOINT_URL": host.ENDPOINT,
            "AWS_REGION": host.REGION,
            "AWS_DEFAULT_REGION": host.REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "CODEBUILD_BUILD_ARN": self.record["arn"],
            "CODEBUILD_BUILD_ID": self.record["id"],
            "CODEBUILD_BUILD_NUMBER": str(self.record["buildNumber"]),
            "CODEBUILD_BUILD_SUCCEEDING": "1",
            "CODEBUILD_INITIATOR": self.record["initiator"],
            "CODEBUILD_SRC_DIR": str(folder / "source"),
            # What a build waits for here is there when it looks a second time.
            "POLL_SECONDS": "0",
            "REHEARSAL_DOCKER": str(folder / "docker"),
            "REHEARSAL_ARCHITECTURE": ARCHITECTURES.get(kind, "amd64"),
        }

    def _variables(self) -> dict[str, str]:
        found = {}
        for each in self.record["environment"].get("environmentVariables", []):
            if each.get("type", "PLAINTEXT") != "PLAINTEXT":
                raise BuildError(f"The rehearsal does not read variables of type {each['type']}.")
            found[each["name"]] = each["value"]
        return found

    def _follow(self, lines: Iterable[str]) -> None:
        """Reads what the shell writes: into the log, and into the record's phases."""
        for line in lines:
            self._unsent.append(line.rstrip("\n"))
            if line.startswith(buildspec.MARK):
                _, _, phase, what = line.split()
                if what == "begins":
                    self._enter(phase)
                else:
                    self._leave(what)
                    self._send()

    def _send(self) -> None:
        """Writes what came up since the last time into the project's log group, by its role."""
        lines, self._unsent = self._unsent, []
        log.info("%s", "\n".join([self.record["id"], *lines]))
        logs = self.record["logs"]
        if self._refused or not lines or "groupName" not in logs:
            return
        where = {"logGroupName": logs["groupName"], "logStreamName": logs["streamName"]}
        now = int(clock.now().timestamp() * 1000)
        events = [{"timestamp": now, "message": line or " "} for line in lines]
        try:
            client = self._client("logs")
            with suppress(client.exceptions.ResourceAlreadyExistsException):
                client.create_log_stream(**where)
            client.put_log_events(**where, logEvents=events)
        except (ClientError, BuildError) as error:
            self._refused = True
            log.warning("no log of %s: %s", self.record["id"], error)

    def _enter(self, phase: str) -> None:
        self.record["currentPhase"] = phase
        self.record["phases"].append({"phaseType": phase, "startTime": clock.now()})

    def _leave(self, status: str) -> None:
        self._phase(self.record["currentPhase"], status)

    def _phase(self, name: str, status: str, reason: str = "") -> None:
        for phase in self.record["phases"]:
            if phase["phaseType"] == name:
                now = clock.now()
                seconds = int((now - phase["startTime"]).total_seconds())
                phase |= {"phaseStatus": status, "endTime": now, "durationInSeconds": seconds}
                if reason:
                    phase["contexts"] = [{"statusCode": "CLIENT_ERROR", "message": reason}]

    def _end(self, status: str) -> None:
        self._enter("COMPLETED")
        self.record |= {"buildStatus": status, "buildComplete": True, "endTime": clock.now()}
        self.ended.set()


def _own(folder: Path) -> str:
    file = folder / "buildspec.yml"
    if not file.is_file():
        raise BuildError("YAML_FILE_ERROR: stat buildspec.yml: no such file or directory")
    return file.read_text(encoding="utf-8")


def _tool(file: Path, command: str) -> None:
    file.write_text(f"#!/bin/sh\n{command}\n")
    file.chmod(0o755)
