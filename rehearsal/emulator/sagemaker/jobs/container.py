"""One run of an image: a process that has /opt/ml in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.emulator.images import PYTHON
from rehearsal.emulator.sagemaker.containers import ContainerError

OPT_ML = "/opt/ml"


@dataclass
class JobContainer:
    """A program that runs to its end.

    Nothing here may lie below /opt/ml, where another job might write as well: wherever environment
    and arguments name it, they name the folder, and the program is told with `--root`.

    Attributes:
        image: Its image.
        command: Entry point and arguments, as the job has them.
        environment: As the job has it.
        root: Stands for /opt/ml.
    """

    image: str
    command: Sequence[str]
    environment: Mapping[str, str]
    root: Path
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)
    _unwanted: bool = False

    def run(self, seconds: float) -> tuple[int, list[str]]:
        """Runs the program and returns its exit code and what it wrote.

        Raises:
            ContainerError: Nobody knows how to run it here.
            TimeoutError: It went on for longer than it may; it was ended.
        """
        self._process = subprocess.Popen(  # noqa: S603 - the stack's own programs, no shell
            self._arguments(),
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONDONTWRITEBYTECODE": "1",
                "OMP_NUM_THREADS": "1",
                **{name: self._here(value) for name, value in self.environment.items()},
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        if self._unwanted:
            self.stop()
        try:
            output, _ = self._process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.stop()
            self._process.communicate()
            raise TimeoutError(f"it ran for more than {seconds:.0f} s") from None
        return self._process.returncode, output.splitlines()

    def stop(self) -> None:
        """Ends the program and what it started, or sees to it that it ends once it starts."""
        self._unwanted = True
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _arguments(self) -> list[str]:
        if "/sagemaker-xgboost:" not in self.image:
            raise ContainerError(
                f"The image {self.image} is not one whose jobs a rehearsal can run: it runs "
                "Python in SageMaker's XGBoost container."
            )
        if list(self.command[:1]) not in (["python3"], ["python"]):
            raise ContainerError(
                "The rehearsal does not train with SageMaker's own entry point: a job needs "
                f"ContainerEntrypoint with python3, not {list(self.command)}."
            )
        rest = [self._here(argument) for argument in self.command[1:]]
        return [PYTHON, *rest, "--root", str(self.root)]

    def _here(self, text: str) -> str:
        return text.replace(OPT_ML, str(self.root))
