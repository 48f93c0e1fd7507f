"""Whether the tools on this computer are those that the project was tried with."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from catalogue.discover import ROOT
from sandbox.preflight.findings import Finding, ok, problem
from sandbox.preflight.subject import Subject

Version = tuple[int, ...]

LIBRARY = "aws-cdk-lib"


def tools(subject: Subject) -> Iterator[Finding]:
    """The CDK command line, its library, and Node; no call is made."""
    yield command_line(ROOT, subject.minimum_cli)
    yield library(ROOT)
    yield node(ROOT, node_version())


def command_line(root: Path, minimum: str) -> Finding:
    """Whether the CDK command line is the pinned one and reads the assembly.

    Args:
        root: Folder with package.json and node_modules.
        minimum: Oldest version that reads the assembly; empty if that is not known.
    """
    pinned = json.loads((root / "package.json").read_text())["devDependencies"]["aws-cdk"]
    installed = _package(root).get("version")
    if installed is None:
        return problem("CDK command line", f"not installed, {pinned} is pinned", "npm ci")
    if minimum and _numbers(installed) < _numbers(minimum):
        text = f"{installed} cannot read the assembly, which needs {minimum} or newer"
        return problem("CDK command line", text, "npm ci")
    if installed != pinned:
        return problem(
            "CDK command line", f"{installed} is not {pinned}, which is pinned", "npm ci"
        )
    reads = f", the assembly needs {minimum}" if minimum else ""
    return ok("CDK command line", f"{installed}{reads}")


def library(root: Path) -> Finding:
    """Whether aws-cdk-lib is the pinned one."""
    requirements = (root / "requirements.txt").read_text()
    (pinned,) = re.findall(rf"^{LIBRARY}==([\w.]+)", requirements, re.MULTILINE)
    fix = "pip install -r requirements.txt"
    try:
        installed = version(LIBRARY)
    except PackageNotFoundError:
        return problem(LIBRARY, f"not installed, {pinned} is pinned", fix)
    if installed != pinned:
        return problem(LIBRARY, f"{installed} is not {pinned}, which is pinned", fix)
    return ok(LIBRARY, installed)


def node(root: Path, installed: str | None) -> Finding:
    """Whether there is a Node that the CDK command line runs on.

    Args:
        root: Folder with node_modules.
        installed: Its version; None if there is none.
    """
    wanted = _package(root).get("engines", {}).get("node", "")
    fix = "pip install -r requirements.txt"
    if installed is None:
        return problem("Node", "not found", fix)
    if _numbers(installed) < _numbers(wanted):
        return problem("Node", f"{installed}, the CDK command line needs {wanted}", fix)
    return ok("Node", f"{installed}, the CDK command line needs {wanted or 'any'}")


def node_version() -> str | None:
    """Returns the version of the Node that comes with the environment or is on the path."""
    beside = Path(sys.executable).with_name("node")
    program = str(beside) if beside.exists() else shutil.which("node")
    if program is None:
        return None
    try:
        process = subprocess.run(  # noqa: S603 - the tool itself, no shell
            [program, "--version"], capture_output=True, text=True, check=True, timeout=20
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip().removeprefix("v")


def _package(root: Path) -> dict[str, Any]:
    file = root / "node_modules" / "aws-cdk" / "package.json"
    try:
        package: dict[str, Any] = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return package


def _numbers(text: str) -> Version:
    return tuple(map(int, re.findall(r"\d+", text)[:3]))
