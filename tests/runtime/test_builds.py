"""The builds of the delivery, run as CodeBuild runs them; only the endpoint is a stand-in."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import yaml

from runtime import builds, repositories
from runtime.models import tumor_classifier
from tests.support.locks import pins

ENDPOINT = "cicd-pipeline-staging"
AWS = {
    "ENDPOINT_NAME": ENDPOINT,
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_MAX_ATTEMPTS": "1",
}


@dataclass
class Build:
    """How a build ended, phase by phase."""

    folder: Path
    spec: dict[str, Any]
    phases: dict[str, int] = field(default_factory=dict)
    log: str = ""

    @property
    def succeeded(self) -> bool:
        return not any(self.phases.values())

    def artifact(self, name: str) -> list[str]:
        """The files of an artifact, as the pipeline finds them in it."""
        chosen = self.spec["artifacts"]["secondary-artifacts"][name]
        base = self.folder / chosen["base-directory"]
        return sorted(
            str(file.relative_to(base)) for glob in chosen["files"] for file in base.glob(glob)
        )


PHASES = ("install", "pre_build", "build", "post_build")
INSTALLED = PHASES[1:]
"""What is left once the requirements are there: installing them is tried once per build."""


def run(
    buildspec: Path, source: Path, *, phases: tuple[str, ...] = PHASES, **environment: str
) -> Build:
    """Runs the phases' commands in one shell each; a phase that fails ends the build."""
    spec = yaml.safe_load(buildspec.read_text())
    build = Build(source, spec)
    for phase in phases:
        if phase not in spec["phases"]:
            continue
        assert spec["phases"][phase]["on-failure"] == "ABORT", "post_build would run regardless"
        process = subprocess.run(
            ["/bin/bash", "-e", "-c", "\n".join(spec["phases"][phase]["commands"])],
            cwd=source,
            env={
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": os.environ["HOME"],
                "PYTHONDONTWRITEBYTECODE": "1",
                **environment,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        build.phases[phase] = process.returncode
        build.log += process.stdout + process.stderr
        if process.returncode:
            break
    return build


def checkout(folder: Path) -> Path:
    """A copy of the repository, with files in place of links, as CodeCommit hands it over."""
    copy = folder / "source"
    ignored = shutil.ignore_patterns("__pycache__", "build")
    shutil.copytree(repositories.TUMOR_CLASSIFIER, copy, ignore=ignored)
    return copy


# Verify


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-integration.txt"])
def test_repository_pins_what_this_project_pins(name: str) -> None:
    """Else its builds would install other versions into the environment of these tests."""
    pinned = pins(repositories.TUMOR_CLASSIFIER / name)
    assert pinned == {package: version(package) for package in pinned}


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return run(builds.VERIFY, checkout(tmp_path_factory.mktemp("verified")))


def test_repository_passes_its_own_checks(verified: Build) -> None:
    assert verified.succeeded, verified.log
    assert list(verified.phases) == ["install", "pre_build", "build"]


def test_templates_and_model_are_handed_on(verified: Build) -> None:
    assert verified.artifact("Build") == ["production.template.json", "staging.template.json"]
    (model,) = verified.artifact("Model")
    stored = verified.folder / "build" / "model" / model
    assert stored.read_bytes() == tumor_classifier.ARTIFACT.read_bytes()
    for name in verified.artifact("Build"):
        template = json.loads((verified.folder / "build" / "templates" / name).read_text())
        container = template["Resources"]["Model"]["Properties"]["PrimaryContainer"]
        assert container["ModelDataUrl"]["Fn::Join"][1][-1] == f"/{model}"


def test_changed_model_and_changed_environment_get_names_of_their_own(
    verified: Build, tmp_path: Path
) -> None:
    def names(folder: Path) -> dict[str, str]:
        return {
            name: json.loads(
                (folder / "build" / "templates" / f"{name}.template.json").read_text()
            )["Resources"]["Config"]["Properties"]["EndpointConfigName"]["Fn::Join"][1][-1]
            for name in ("staging", "production")
        }

    source = checkout(tmp_path)
    code = (source / "app.py").read_text()
    (source / "app.py").write_text(code.replace('"ml.m5.large", 2', '"ml.m5.xlarge", 2'))
    subprocess.run([sys.executable, "app.py"], cwd=source, check=True)
    before, after = names(verified.folder), names(source)
    assert before["staging"] == after["staging"]
    assert before["production"] != after["production"]


def test_unused_import_ends_the_build(tmp_path: Path) -> None:
    source = checkout(tmp_path)
    (source / "app.py").write_text("import os\n" + (source / "app.py").read_text())
    build = run(builds.VERIFY, source, phases=INSTALLED)
    assert list(build.phases) == ["pre_build"]
    assert "F401" in build.log


def test_model_or_roll_out_that_fails_its_tests_ends_the_build(tmp_path: Path) -> None:
    source = checkout(tmp_path)
    answers = source / "model" / "samples" / "answers.csv"
    first, *rest = answers.read_text().splitlines()
    answers.write_text("\n".join([str(1 - float(first)), *rest]) + "\n")
    metrics = source / "model" / "metrics.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"roc_auc": 0.9}))
    code = (source / "app.py").read_text()
    (source / "app.py").write_text(code.replace("canary_percent=50", "canary_percent=0"))

    build = run(builds.VERIFY, source, phases=INSTALLED)

    assert list(build.phases) == ["pre_build"], "nothing may be built"
    for told in (
        "test_artifact_gives_the_sample_answers",
        "test_model_is_good_enough_to_be_served",
        "test_production_tries_a_canary",
    ):
        assert re.search(rf"FAILED tests/\w+.py::{told}", build.log), build.log
    assert build.artifact("Model") == []


def test_template_that_cloudformation_would_refuse_ends_the_build(tmp_path: Path) -> None:
    source = checkout(tmp_path)
    (source / "tests" / "test_template.py").unlink()
    code = (source / "app.py").read_text()
    broken = code.replace('comparison_operator="Greater', 'comparison_operator="Grater')
    (source / "app.py").write_text(broken)
    build = run(builds.VERIFY, source, phases=INSTALLED)
    assert build.phases["build"] != 0
    assert "E3030 'GraterThanOrEqualToThreshold' is not one of" in build.log, build.log


# Integration test


class Runtime(BaseHTTPRequestHandler):
    """A stand-in for the SageMaker runtime: answers by what the test says of a row."""

    answer: Callable[[list[str]], tuple[int, str]]
    asked: list[tuple[str, int]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        rows = body.splitlines()
        type(self).asked.append((self.path, len(rows)))
        status, text = type(self).answer(rows)
        self.send_response(status)
        self.send_header("Content-Type", "text/csv" if status == 200 else "application/json")
        if status != 200:
            self.send_header("x-amzn-ErrorType", "ModelError")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: Any) -> None:
        """Keeps the output of the tests clean."""


EXPECTED = dict(
    zip(
        tumor_classifier.SAMPLE_REQUESTS.read_text().splitlines(),
        tumor_classifier.SAMPLE_ANSWERS.read_text().split(),
        strict=True,
    )
)


def right(rows: list[str]) -> tuple[int, str]:
    return 200, "\n".join(EXPECTED[row] for row in rows) + "\n"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkout(tmp_path_factory.mktemp("integration"))


@pytest.fixture
def ask(source: Path) -> Iterator[Callable[..., tuple[Build, list[tuple[str, int]]]]]:
    """Runs the build against an endpoint that answers as given."""
    servers = []

    def build(
        answer: Callable[[list[str]], tuple[int, str]], phases: tuple[str, ...] = INSTALLED
    ) -> tuple[Build, list[tuple[str, int]]]:
        handler = type("Answering", (Runtime,), {"answer": staticmethod(answer), "asked": []})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        ended = run(
            builds.INTEGRATION_TEST,
            source,
            phases=phases,
            AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}",
            **AWS,
        )
        return ended, handler.asked

    yield build
    for server in servers:
        server.shutdown()
        server.server_close()


def test_endpoint_that_answers_as_the_model_passes(
    ask: Callable[..., tuple[Build, list[tuple[str, int]]]],
) -> None:
    build, asked = ask(right, PHASES)
    assert build.succeeded, build.log
    assert asked == [
        (f"/endpoints/{ENDPOINT}/invocations", len(EXPECTED)),
        (f"/endpoints/{ENDPOINT}/invocations", 1),
    ]


def test_answers_parted_by_commas_pass(
    ask: Callable[..., tuple[Build, list[tuple[str, int]]]],
) -> None:
    build, _ = ask(lambda rows: (200, ",".join(EXPECTED[row] for row in rows)))
    assert build.succeeded, build.log


def off_by_a_little(rows: list[str]) -> tuple[int, str]:
    return 200, "\n".join(str(float(EXPECTED[row]) + 0.001) for row in rows)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (off_by_a_little, "row 1: 0.00677655 instead of 0.00577655"),
        (lambda rows: (200, "\n".join(["0.5"] * len(rows))), "row 3: 0.5 instead of 0.995855"),
        (lambda rows: (200, "\n".join(["nan"] * len(rows))), "row 1: nan instead of"),
        (
            lambda rows: (200, right(rows)[1].split("\n", 1)[0]),
            f"1 answers to {len(EXPECTED)} rows",
        ),
        (lambda _: (200, ""), "ValueError"),
        (lambda _: (200, "malignant"), "ValueError: could not convert string to float"),
        (lambda _: (424, '{"Message": "the model failed"}'), "the model failed"),
        (lambda _: (500, "{}"), "ModelError"),
    ],
    ids=["off", "constant", "nan", "too few", "empty", "no number", "model error", "500"],
)
def test_any_other_answer_fails_the_build(
    answer: Callable[[list[str]], tuple[int, str]],
    told: str,
    ask: Callable[..., tuple[Build, list[tuple[str, int]]]],
) -> None:
    build, _ = ask(answer)
    assert build.phases["build"] == 1, build.log
    assert told in build.log


def test_endpoint_that_cannot_be_reached_fails_the_build(source: Path) -> None:
    build = run(
        builds.INTEGRATION_TEST,
        source,
        phases=INSTALLED,
        AWS_ENDPOINT_URL="http://127.0.0.1:9",
        **AWS,
    )
    assert build.phases["build"] == 1
    assert "EndpointConnectionError" in build.log
