"""The Dockerfile's properties, and that what it installs is all that the container needs.

No image is built here: there is no Docker engine. What its instructions say is read, and what they
would start is started by the other tests.
"""

from __future__ import annotations

import fnmatch
import json
import re
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from catalogue.discover import ROOT
from tests.support.locks import canonical, pins

HOME = ROOT / "runtime" / "containers" / "inference"
CONTEXT = ROOT / "runtime"


class Stage:
    """A FROM and the instructions below it."""

    def __init__(self, base: str, name: str) -> None:
        self.base, self.name = base, name
        self.instructions: list[tuple[str, str]] = []

    def all(self, instruction: str) -> list[str]:
        return [text for name, text in self.instructions if name == instruction]


def parse() -> tuple[dict[str, str], dict[str, Stage]]:
    """The arguments before the first stage, and the stages by name."""
    text = re.sub(r"\\\n\s*", "", (HOME / "Dockerfile").read_text())
    arguments: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, _, rest = line.partition(" ")
        if instruction == "FROM":
            base, _as, name = rest.split()
            stages[name] = Stage(base, name)
        elif not stages:
            name, _, value = rest.partition("=")
            arguments[name] = value
        else:
            list(stages.values())[-1].instructions.append((instruction, rest))
    return arguments, stages


ARGUMENTS, STAGES = parse()


def lineage(name: str) -> list[Stage]:
    """The stage and those it is built upon."""
    found = []
    while name in STAGES:
        found.append(STAGES[name])
        name = STAGES[name].base
    return found


def effective(name: str, instruction: str) -> str | None:
    """What the instruction says in the image: the last one wins."""
    return next((texts[-1] for stage in lineage(name) if (texts := stage.all(instruction))), None)


def test_the_last_stage_serves() -> None:
    assert list(STAGES)[-1] == "inference"


@pytest.mark.parametrize("image", ["inference", "training"])
def test_base_is_one_argument_with_a_version(image: str) -> None:
    assert lineage(image)[-1].base == "${BASE}"
    assert re.search(r":3\.\d+-slim-\w+$", ARGUMENTS["BASE"])
    assert "latest" not in (HOME / "Dockerfile").read_text()
    assert not [s for s in STAGES.values() if s.base != "${BASE}" and s.base not in STAGES]


@pytest.mark.parametrize("image", ["inference", "training"])
def test_entry_point_is_in_exec_form(image: str) -> None:
    assert json.loads(effective(image, "ENTRYPOINT") or "") == ["python", "-m", "inference"]
    assert json.loads(effective(image, "CMD") or "") == ["serve"]


def test_serving_runs_as_a_number_that_is_not_root() -> None:
    """Kubernetes' runAsNonRoot knows numbers only."""
    assert effective("inference", "USER") == "${RUN_AS}"
    (argument,) = STAGES["inference"].all("ARG")
    name, _, value = argument.partition("=")
    assert name == "RUN_AS"
    assert int(value) >= 10_000


def test_training_runs_as_root_as_sagemaker_needs_it() -> None:
    assert effective("training", "USER") is None


def test_sagemaker_may_choose_the_port() -> None:
    assert effective("inference", "LABEL") == (
        "com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true"
    )
    assert effective("inference", "EXPOSE") == "8080"


def test_only_wheels_are_installed_and_only_in_stages_that_are_left_behind() -> None:
    installs = {
        name: [run for run in stage.all("RUN") if '"install"' in run or "pip install" in run]
        for name, stage in STAGES.items()
    }
    for name, runs in installs.items():
        for run in runs:
            arguments = json.loads(run)
            assert arguments[arguments.index("--only-binary") + 1] == ":all:"
            assert {"--requirement", "--no-deps", "--require-hashes"} <= set(arguments)
            assert name not in {s.name for i in ("inference", "training") for s in lineage(i)}
    assert {name for name, runs in installs.items() if runs} == {"packages", "training-packages"}


def test_the_image_that_serves_has_no_trainer() -> None:
    copied = [text for stage in lineage("inference") for text in stage.all("COPY")]
    assert not [text for text in copied if "training-packages" in text]
    assert not pins(LOCK).keys() & {
        "xgboost",
        "xgboost-cpu",
        "onnx",
        "onnxmltools",
        "scikit-learn",
        "scipy",
    }


def sources() -> list[str]:
    """What is copied out of the build context."""
    copies = [text for stage in STAGES.values() for text in stage.all("COPY")]
    return [
        source
        for text in copies
        if not text.startswith("--from")
        for source in shlex.split(text)[:-1]
    ]


def test_everything_copied_is_in_the_context_and_nothing_else() -> None:
    ignored = (HOME / "Dockerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
    admitted = [line.removeprefix("!") for line in ignored[1:]]
    assert len(sources()) >= 5
    for source in sources():
        files = list(CONTEXT.glob(source))
        assert files, source
        for file in files:
            path = str(file.relative_to(CONTEXT))
            assert [pattern for pattern in admitted if fnmatch.fnmatch(path, pattern)], path
    for pattern in admitted:
        assert [s for s in sources() if fnmatch.fnmatch(s, pattern)] or pattern in sources()


LOCK = HOME / "requirements.txt"


def test_pinned_is_what_was_tested() -> None:
    assert pins(LOCK) == {name: metadata.version(name) for name in pins(LOCK)}


def test_pinned_is_all_that_is_needed() -> None:
    """`--no-deps` installs nothing that is not listed: what is listed has to be complete."""
    # The image is built for Python 3.13 on Linux.
    environment = {"python_version": "3.13", "sys_platform": "linux", "extra": ""}
    names = pins(LOCK).keys()
    for pin in names:
        for text in metadata.requires(pin) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate(environment):
                assert canonical(needed.name) in names, f"{pin} needs {needed}"


def test_modules_import_each_other_by_relation() -> None:
    """In the image the package is called inference, in the repository it stands below runtime."""
    for file in HOME.glob("*.py"):
        assert not re.search(r"^\s*(from|import) runtime\b", file.read_text(), re.MULTILINE), file


def test_package_starts_under_the_name_that_it_has_in_the_image(tmp_path: Path) -> None:
    (tmp_path / "inference").symlink_to(HOME)
    process = subprocess.run(
        [sys.executable, "-m", "inference", "serve"],
        cwd=tmp_path,
        env={"SM_MODEL_DIR": str(tmp_path), "SAGEMAKER_BIND_TO_PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert "SAGEMAKER_BIND_TO_PORT" in json.loads(process.stdout)["message"]
