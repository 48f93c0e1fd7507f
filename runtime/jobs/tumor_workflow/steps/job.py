"""What a SageMaker job expects of its container: where files lie, and how it says what went wrong.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/byoc-metadata.html
Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path


class BadInput(Exception):  # noqa: N818 - it is what the job was given
    """What a job was given cannot be used: one sentence that says what and why."""


def run(
    step: Callable[[Path], None], arguments: list[str] | None = None, *, report: str = "message"
) -> None:
    """Runs a step; bad input ends it with one sentence and exit code 1.

    Args:
        step: Gets the folder that SageMaker lays out.
        arguments: Command line; SageMaker gives none.
        report: File below output/ that the sentence is written to: SageMaker shows `failure` of a
            training job as its FailureReason, `message` of a processing job as its ExitMessage.
    """
    parser = argparse.ArgumentParser(description=sys.modules[step.__module__].__doc__)
    parser.add_argument(
        "--root", type=Path, default=Path("/opt/ml"), help="folder laid out as /opt/ml"
    )
    root: Path = parser.parse_args(arguments).root
    try:
        step(root)
    except BadInput as problem:
        output = root / "output" / report
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(str(problem), encoding="utf-8")
        sys.exit(str(problem))


def say(line: str) -> None:
    """Writes a line to the job's log at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
