"""The commands of the image build, run by bash as CodeBuild runs them.

Registry and Docker are stand-ins that keep a state, answer as the AWS command line does, and write
down what they were told.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mla_constructs.containers.built_image import BUILDSPEC

TAG = "f" * 64

REGISTRY = '''
"""aws and docker in one: images in a JSON file, tag -> digest."""
import fcntl, json, os, pathlib, sys

lock = open(os.environ["REGISTRY_STATE"] + ".lock", "w")
fcntl.flock(lock, fcntl.LOCK_EX)  # two of them run at once where one is piped into the other
file = pathlib.Path(os.environ["REGISTRY_STATE"])
state = json.loads(file.read_text())
command, rest = pathlib.Path(sys.argv[0]).name, sys.argv[1:]
state["calls"].append([command, *rest])

def option(name):
    return rest[rest.index(name) + 1] if name in rest else None

def answer():
    if command == "docker":
        if rest[0] == "push":
            state["tags"][rest[1].rsplit(":", 1)[1]] = "sha256:0b1d"
        return ""
    verb = rest[1]
    if verb == "get-login-password":
        return "secret"
    tag = (option("--image-ids") or option("--image-id") or "=").split("=")[1]
    if verb == "batch-get-image":
        query = option("--query").rsplit(".", 1)[1]
        digest = state["tags"].get(tag, "None")
        return {"imageDigest": digest, "imageManifest": "{}", "imageManifestMediaType": "v2"}[query]
    if verb == "describe-image-scan-findings":
        status = state["scan"].pop(0) if len(state["scan"]) > 1 else state["scan"][0]
        if status == "ScanNotFoundException":
            sys.exit("An error occurred (ScanNotFoundException)")
        if option("--query") == "imageScanStatus.status":
            return status
        if option("--output") == "json":
            return json.dumps(state["findings"])
        return str(state["findings"].get(option("--query").split(".")[-1].split()[0], 0))
    if verb == "put-image":
        state["tags"][option("--image-tag")] = "sha256:0b1d"
    if verb == "batch-delete-image":
        del state["tags"][tag]
    return ""

try:
    text = answer()
    if text:
        print(text)
finally:
    file.write_text(json.dumps(state))
'''


@dataclass
class Build:
    """What a build did."""

    code: int
    output: str
    state: dict[str, Any]
    digest: str

    def told(self, *words: str) -> bool:
        return any(list(words) == call[: len(words)] for call in self.state["calls"])


def run(tmp_path: Path, *, stop_at: str = "CRITICAL", **state: Any) -> Build:
    """Runs the phases up to the first that fails, in one shell as buildspec 0.2 does."""
    registry = tmp_path / "registry.json"
    fresh = {"tags": {}, "scan": ["COMPLETE"], "findings": {}, "calls": []}
    registry.write_text(json.dumps(fresh | state))
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("aws", "docker"):
        tool = tools / name
        tool.write_text(f"#!{sys.executable}\n{textwrap.dedent(REGISTRY)}")
        tool.chmod(0o755)
    spec = yaml.safe_load(BUILDSPEC.read_text())
    exported = spec["env"]["exported-variables"][0]
    commands = [c for phase in spec["phases"].values() for c in phase["commands"]]
    script = "\n".join(f"{{ {command.rstrip()}\n}} || exit 1" for command in commands)
    process = subprocess.run(
        ["/bin/bash", "-c", f'{script}\necho "exported ${exported}"'],
        env={
            "PATH": f"{tools}{os.pathsep}/usr/bin{os.pathsep}/bin",
            "REGISTRY_STATE": str(registry),
            "REPOSITORY_NAME": "images",
            "REPOSITORY_URI": "registry.example/images",
            "IMAGE_TAG": TAG,
            "BUILD_OPTIONS": "--file a/Dockerfile --target training",
            "STOP_AT": stop_at,
            "CODEBUILD_BUILD_NUMBER": "7",
            "POLL_SECONDS": "0",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    last = process.stdout.strip().splitlines()[-1:]
    return Build(
        process.returncode,
        process.stdout + process.stderr,
        json.loads(registry.read_text()),
        last[0].removeprefix("exported ") if last and last[0].startswith("exported ") else "",
    )


def test_clean_image_gets_its_tag_and_loses_the_candidates(tmp_path: Path) -> None:
    build = run(tmp_path, findings={"MEDIUM": 3, "HIGH": 2})
    assert build.code == 0, build.output
    assert build.digest == "sha256:0b1d"
    assert build.state["tags"] == {TAG: "sha256:0b1d"}
    assert build.told("docker", "build", "--provenance=false", "--file", "a/Dockerfile")
    assert build.told("docker", "push", "registry.example/images:candidate-7")


@pytest.mark.parametrize(
    ("stop_at", "findings"),
    [("CRITICAL", {"CRITICAL": 1}), ("HIGH", {"HIGH": 1}), ("HIGH", {"CRITICAL": 1})],
)
def test_bad_image_is_stopped_and_kept_for_reading(
    tmp_path: Path, stop_at: str, findings: dict[str, int]
) -> None:
    build = run(tmp_path, stop_at=stop_at, findings=findings)
    assert build.code != 0
    assert f"gate: 1 findings at {stop_at} or above: candidate-7 is not released" in build.output
    assert build.state["tags"] == {"candidate-7": "sha256:0b1d"}
    assert build.digest == ""


def test_scan_that_has_not_begun_or_ended_is_waited_for(tmp_path: Path) -> None:
    build = run(tmp_path, scan=["ScanNotFoundException", "PENDING", "IN_PROGRESS", "COMPLETE"])
    assert build.code == 0, build.output
    assert TAG in build.state["tags"]


@pytest.mark.parametrize("status", ["FAILED", "UNSUPPORTED_IMAGE", "IN_PROGRESS"])
def test_image_that_could_not_be_scanned_is_stopped(tmp_path: Path, status: str) -> None:
    build = run(tmp_path, scan=[status])
    assert build.code != 0
    assert f"ended as {status}, so nothing is known of it" in build.output
    assert TAG not in build.state["tags"]


def test_scan_is_asked_for_where_the_push_starts_none(tmp_path: Path) -> None:
    build = run(tmp_path)
    assert build.told("aws", "ecr", "start-image-scan")


def test_image_that_was_released_before_is_not_built_again(tmp_path: Path) -> None:
    build = run(tmp_path, tags={TAG: "sha256:01d0"})
    assert (build.code, build.digest) == (0, "sha256:01d0")
    assert not build.told("docker", "build")


def test_password_of_the_registry_is_not_printed(tmp_path: Path) -> None:
    assert "secret" not in run(tmp_path).output
