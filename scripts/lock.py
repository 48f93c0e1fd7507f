"""Compiles every requirements*.in into the requirements*.txt beside it: all versions, all hashes.

A version that is locked stays until its own pin is changed; `--upgrade` frees those of packages
that no .in file names, but for those of Airflow, which meets them as they were at its release.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = Path("requirements-dev.in")
AIRFLOW = Path("runtime/airflow/requirements.in")
APART = (DEV, AIRFLOW, Path("rehearsal/emulator/requirements.in"))
"""Environments with versions of their own."""

# For every platform and Python, unless only one ever installs it.
ANYWHERE = ("--universal", "--python-version", "3.11")
IMAGE = ("--python-version", "3.13", "--python-platform", "x86_64-manylinux_2_28")
TARGETS = {
    Path("runtime/containers/inference/requirements.in"): IMAGE,
    Path("runtime/containers/inference_gpu/requirements.in"): IMAGE,
}


def sources() -> list[Path]:
    """Returns the hand-kept files, the one that the others take their versions from first."""
    found = {
        file.relative_to(ROOT)
        for pattern in ("*.in", "rehearsal/**/*.in", "runtime/**/*.in")
        for file in ROOT.glob(pattern)
    }
    return [DEV, *sorted(found - {DEV})]


def compile_one(source: Path, *, upgrade: bool) -> None:
    """Writes the lock file of one environment, in versions that agree with requirements-dev.txt."""
    command = [
        *("uv", "pip", "compile", str(source), "--output-file", str(source.with_suffix(".txt"))),
        *("--quiet", "--generate-hashes", "--no-emit-index-url"),
        *("--custom-compile-command", "make lock"),
        *TARGETS.get(source, ANYWHERE),
    ]
    if source not in APART:
        command += ["--constraint", str(DEV.with_suffix(".txt"))]
    if upgrade and source != AIRFLOW:
        command += ["--upgrade"]
    subprocess.run(command, cwd=ROOT, check=True)


def main() -> int:
    """Compiles all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upgrade", action="store_true")
    upgrade = parser.parse_args().upgrade
    for source in sources():
        compile_one(source, upgrade=upgrade)
    return 0


if __name__ == "__main__":
    sys.exit(main())
