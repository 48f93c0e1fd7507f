"""Containers as processes: what an image would run, with the real model from the emulated S3."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from botocore.exceptions import ClientError

from rehearsal.emulator import images, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.images import PYTHON, ROOT, ImageError
from rehearsal.emulator.sagemaker.sizes import architecture, memory

PRINCIPAL = "sagemaker.amazonaws.com"
START_SECONDS = 60.0
ERROR = re.compile(r'"level":"error"|\bERROR\b|Error: ')
STOP_SECONDS = 5.0


class ContainerError(Exception):
    """A container cannot be started, or does not become healthy; the text is SageMaker's reason."""


@dataclass(frozen=True)
class Program:
    """What an image's container runs here.

    Attributes:
        command: The program with its arguments.
        folder: Where it starts.
        environment: The image's own variables.
    """

    command: list[str]
    folder: Path
    environment: Mapping[str, str]


XGBOOST = Program(
    [PYTHON, "-m", "rehearsal.serving", "xgboost"],
    ROOT,
    {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
)


CAPABILITY = "com.amazonaws.sagemaker.capabilities"


def program(
    image: str,
    *,
    role_arn: str,
    source_arn: str,
    architecture: str | None = None,
    capability: str = "",
) -> Program:
    """Returns what an image's container runs here; the role pulls it where it is the account's.

    Args:
        image: Its URI.
        role_arn: The execution role.
        source_arn: The resource for which SageMaker acts.
        architecture: Of the instance, "amd64" or "arm64"; None takes any.
        capability: That the image has to declare, such as "multi-models".

    Raises:
        ContainerError: The role may not pull it, or nobody knows what is in it.
    """
    if re.search(r"/sagemaker-xgboost:", image):
        return XGBOOST
    if not images.known(image):
        raise ContainerError(
            f"The image {image} is not one that a rehearsal can run: it runs SageMaker's XGBoost "
            "container and images that the stack builds."
        )
    try:
        ecr = session.as_role("ecr", role_arn, principal=PRINCIPAL, source_arn=source_arn)
        pulled = images.pull(image, ecr)
        if architecture not in (None, pulled.architecture):
            raise ContainerError(
                f"The container does not start: exec format error. {image} is for "
                f"{pulled.architecture}, the instance is {architecture}."
            )
        if capability and pulled.labels.get(f"{CAPABILITY}.{capability}") != "true":
            raise ContainerError(
                f"Your Ecr Image {image} does not contain required {CAPABILITY}.{capability}=true "
                "Docker label(s)."
            )
        return Program(pulled.command(["serve"]), pulled.folder, pulled.environment)
    except (ImageError, NotAssumableError) as error:
        raise ContainerError(str(error)) from None


def fetch_artifact(uri: str, folder: Path, *, role_arn: str, source_arn: str) -> None:
    """Downloads and unpacks a model artifact as the execution role.

    Raises:
        ContainerError: The role may not, the object is missing, or it is no archive.
    """
    location = urlparse(uri)
    try:
        s3 = session.as_role("s3", role_arn, principal=PRINCIPAL, source_arn=source_arn)
        body = s3.get_object(Bucket=location.netloc, Key=location.path.lstrip("/"))["Body"]
        with tarfile.open(fileobj=body, mode="r|gz") as archive:
            archive.extractall(folder, filter="data")
    except NotAssumableError as error:
        raise ContainerError(str(error)) from None
    except ClientError as error:
        raise ContainerError(
            f"Failed to download model data from {uri}: {error.response['Error']['Code']}. "
            f"Please ensure that there is an object located at the URL and that the role "
            f"passed to CreateModel has permissions to download the object."
        ) from None
    except tarfile.TarError as error:
        raise ContainerError(f"Failed to extract model data archive from {uri}: {error}") from None


@dataclass(frozen=True)
class Usage:
    """What a container has used.

    Attributes:
        cpu: Processor seconds since it started.
        memory: Bytes now.
        disk: Bytes of its files.
    """

    cpu: float
    memory: int
    disk: int


@dataclass
class Container:
    """A running process that answers /ping and /invocations.

    Attributes:
        definition: The model's container definition.
        port: Where it listens on loopback.
    """

    definition: Mapping[str, Any]
    port: int
    _folder: Path = field(repr=False)
    _process: subprocess.Popen[bytes] = field(repr=False)
    _read: int = field(default=0, repr=False)

    @classmethod
    def start(
        cls,
        definition: Mapping[str, Any],
        *,
        role_arn: str,
        source_arn: str,
        instance_type: str = "",
        several: bool = False,
    ) -> Container:
        """Downloads the model and starts its server, without waiting for it.

        Args:
            definition: The container definition.
            role_arn: The execution role.
            source_arn: The resource for which SageMaker acts.
            instance_type: Where it runs.
            several: Whether it shares the instance with other containers.

        Raises:
            ContainerError: The model or the program is not to be had.
        """
        many = definition.get("Mode") == "MultiModel"
        program_ = program(
            definition["Image"],
            role_arn=role_arn,
            source_arn=source_arn,
            architecture=architecture(instance_type),
            capability="multi-models" if many else "accept-bind-to-port" if several else "",
        )
        folder = Path(tempfile.mkdtemp(prefix="container-"))
        try:
            model = folder / "model"
            model.mkdir()
            single = "ModelDataUrl" in definition and not many
            if single:
                uri = definition["ModelDataUrl"]
                fetch_artifact(uri, model, role_arn=role_arn, source_arn=source_arn)
            with socket.create_server(("127.0.0.1", 0)) as listener:
                port = listener.getsockname()[1]
            with (folder / "output.log").open("wb") as output:
                process = subprocess.Popen(  # noqa: S603 - our own servers, no shell
                    program_.command,
                    cwd=program_.folder,
                    env={
                        **program_.environment,
                        "PYTHONDONTWRITEBYTECODE": "1",
                        **definition.get("Environment", {}),
                        **({"SM_MODEL_DIR": str(model)} if single else {}),
                        **(_multi_model(definition, instance_type) if many else {}),
                        "SERVING_HOST": "127.0.0.1",
                        "SAGEMAKER_BIND_TO_PORT": str(port),
                    },
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return cls(definition, port, folder, process)

    def wait_until_healthy(self, seconds: float = START_SECONDS) -> None:
        """Returns when /ping is answered with 200.

        Raises:
            ContainerError: The process ended, or is not healthy in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise ContainerError(
                    f"The container ended with code {self._process.returncode}: {self.last_words()}"
                )
            if self._ping():
                return
            time.sleep(0.05)
        raise ContainerError(
            "The primary container did not pass the ping health check. Please check CloudWatch "
            f"logs for this endpoint: {self.last_words()}"
        )

    @property
    def model_folder(self) -> Path:
        """Where its model is, or its models are."""
        return self._folder / "model"

    def last_words(self) -> str:
        """Returns the last error that the process wrote, or the last line."""
        lines = (self._folder / "output.log").read_text(errors="replace").strip().splitlines()
        errors = [line for line in lines if ERROR.search(line)]
        return (errors or lines or ["it wrote nothing"])[-1]

    def new_output(self) -> list[str]:
        """Returns the lines that the process has written since the last call."""
        with suppress(FileNotFoundError), (self._folder / "output.log").open("rb") as output:
            output.seek(self._read)
            whole, newline, _ = output.read().rpartition(b"\n")
            self._read += len(whole) + len(newline)
            return whole.decode(errors="replace").splitlines()
        return []

    def usage(self) -> Usage:
        """Returns what the process has used so far; nothing if it has ended."""
        process = Path("/proc") / str(self._process.pid)
        try:
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            pages = int((process / "statm").read_text().split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return Usage(0.0, 0, 0)
        files = [file for file in self._folder.rglob("*") if file.is_file()]
        return Usage(
            (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
            pages * os.sysconf("SC_PAGE_SIZE"),
            sum(file.stat().st_size for file in files),
        )

    def stop(self) -> None:
        """Ends the process and what it started, and removes its files."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ping(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/ping")
            return connection.getresponse().status == 200  # noqa: PLR2004
        except OSError:
            return False
        finally:
            connection.close()


def _multi_model(definition: Mapping[str, Any], instance_type: str) -> dict[str, str]:
    """Returns the variables of a container for many models: the memory bounds how many."""
    given = definition.get("Environment", {}).get("REHEARSAL_MODEL_BYTES")
    most = given or str(int(memory(instance_type)))
    return {"SAGEMAKER_MULTI_MODEL": "true", "REHEARSAL_MODEL_BYTES": most}
