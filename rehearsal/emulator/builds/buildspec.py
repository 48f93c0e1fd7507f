"""Buildspecs: their phases as one script for bash, as CodeBuild runs them.

Source: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")

MARK = "[Container] Phase"
"""A line of the log that begins so tells which phase begins or how it ended."""


class BuildspecError(Exception):
    """CodeBuild would not take the buildspec; the text is its reason."""


def parse(text: str) -> dict[str, Any]:
    """Returns a buildspec.

    Raises:
        BuildspecError: It is none that can be run.
    """
    try:
        spec = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"YAML_FILE_ERROR: {error}") from None
    if not isinstance(spec, dict) or str(spec.get("version")) != "0.2":
        raise BuildspecError("YAML_FILE_ERROR: the rehearsal runs buildspecs of version 0.2")
    unknown = sorted(set(spec.get("phases", {})) - set(PHASES))
    if unknown or not spec.get("phases"):
        raise BuildspecError(f"YAML_FILE_ERROR: unknown or missing phases: {unknown}")
    for name, phase in spec["phases"].items():
        if not all(isinstance(command, str) for command in phase.get("commands", [])):
            raise BuildspecError(f"YAML_FILE_ERROR: {name} has a command that is no string")
    sources = sorted({"parameter-store", "secrets-manager"} & set(spec.get("env", {})))
    if sources:
        raise BuildspecError(f"The rehearsal does not read variables from {sources}.")
    return dict(spec)


def script(spec: dict[str, Any], exported: Path) -> str:
    """Returns a script for one shell, in which what a phase exports is there in the next.

    A phase whose command fails ends; post_build follows a failed build unless `on-failure` says
    ABORT. The script's exit code is not 0 if a phase failed.

    Args:
        spec: A parsed buildspec.
        exported: Receives the exported variables, name=value, each ended by a zero byte.
    """
    parts = ["failed="]
    for phase in PHASES:
        if phase not in spec["phases"]:
            continue
        settings = spec["phases"][phase]
        name = phase.upper()
        commands = [*settings.get("commands", []), *settings.get("finally", [])]
        # Braces, not parentheses: the shell stays the same. The loop is what `break` leaves.
        body = "\n".join(f"{{ {command.rstrip()}\n}} || break" for command in commands)
        runs = '[ -z "$failed" ]' if phase != "post_build" else '[ "$failed" != abort ]'
        # Only after a failed build there is a post_build, unless it says otherwise.
        abort = settings.get("on-failure") == "ABORT" or phase != "build"
        parts.append(
            f"if {runs}; then\necho '{MARK} {name} begins'\nsucceeded=\n"
            f"while true; do\n{body}\nsucceeded=yes; break\ndone\n"
            f"if [ \"$succeeded\" ]; then echo '{MARK} {name} SUCCEEDED'\n"
            f"else echo '{MARK} {name} FAILED'; failed={'abort' if abort else 'yes'}; fi\nfi"
        )
    names = spec.get("env", {}).get("exported-variables", [])
    for name in names:
        parts.append(f"printf '%s=%s\\0' {name} \"${{{name}}}\" >> {shlex.quote(str(exported))}")
    parts.append('[ -z "$failed" ]')
    return "\n".join(parts)


def variables(spec: dict[str, Any]) -> dict[str, str]:
    """Returns the plain variables of a buildspec."""
    return {name: str(value) for name, value in spec.get("env", {}).get("variables", {}).items()}


def read_exported(file: Path) -> list[dict[str, str]]:
    """Returns exported variables as BatchGetBuilds has them."""
    if not file.exists():
        return []
    pairs = [each.partition("=") for each in file.read_text(encoding="utf-8").split("\0") if each]
    return [{"name": name, "value": value} for name, _, value in pairs]
