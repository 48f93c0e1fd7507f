"""Asks a deployed endpoint for the sample requests and compares its answers.

Exits with 1, and says where they differ, unless every answer is the one that the model gave when
its samples were computed. The rows are sent twice: all in one request, and the first one alone.
"""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

SAMPLES = Path(__file__).resolve().parents[1] / "model" / "samples"
CONTENT_TYPE = "text/csv"


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if the endpoint answers as expected, else 1."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=False)
    parser.add_argument("--endpoint", required=True, help="name of the endpoint")
    parser.add_argument("--tolerance", type=float, default=1e-4, help="largest allowed difference")
    options = parser.parse_args(arguments)

    requests = (SAMPLES / "requests.csv").read_text(encoding="utf-8").splitlines()
    expected = [float(line) for line in (SAMPLES / "answers.csv").read_text().split()]
    # The service takes 60 s at most for an answer.
    runtime = boto3.client("sagemaker-runtime", config=Config(read_timeout=70))
    try:
        differences = [
            *compare(ask(runtime, options.endpoint, requests), expected, options.tolerance),
            *compare(ask(runtime, options.endpoint, requests[:1]), expected[:1], options.tolerance),
        ]
    except (BotoCoreError, ClientError, ValueError) as error:
        differences = [f"{type(error).__name__}: {error}"]
    for difference in differences:
        print(difference, file=sys.stderr)
    print(f"{options.endpoint}: {len(requests)} rows, {len(differences)} differences")
    return 1 if differences else 0


def ask(runtime: Any, endpoint: str, rows: Sequence[str]) -> list[float]:
    """Returns the endpoint's answers to some rows, sent as one request.

    Raises:
        ValueError: The answer is something else than numbers.
    """
    answer = runtime.invoke_endpoint(
        EndpointName=endpoint,
        ContentType=CONTENT_TYPE,
        Accept=CONTENT_TYPE,
        Body="\n".join(rows).encode(),
    )
    text = answer["Body"].read().decode()
    # Parted by commas or by newlines, depending on the version of the container.
    return [float(value) for value in re.split(r"[,\s]+", text.strip())]


def compare(answers: Sequence[float], expected: Sequence[float], tolerance: float) -> list[str]:
    """Returns what is wrong with the answers, nothing if they are as expected."""
    if len(answers) != len(expected):
        return [f"{len(answers)} answers to {len(expected)} rows"]
    return [
        f"row {number}: {answer:g} instead of {wanted:g}"
        for number, (answer, wanted) in enumerate(zip(answers, expected, strict=True), start=1)
        if not math.isclose(answer, wanted, rel_tol=0, abs_tol=tolerance)
    ]


if __name__ == "__main__":
    sys.exit(main())
