"""A rehearsal says which step failed and why, rolls back, and sees what is left."""

from __future__ import annotations

import re
import signal
import tarfile
import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from catalogue.discover import select
from catalogue.template import Template
from rehearsal import run
from rehearsal.account import EmulatedAccount
from rehearsal.run import Guest, Outcome, Rehearsal, nobody
from rehearsal.stage import Stage
from runtime.models import tumor_classifier
from study.rehearse import report as reported
from study.report import Format
from tests.support.small_assembly import endpoint, write

ARTIFACT = "s3://artifacts/model.tar.gz"
Scenario = Callable[[Stage], None]


@pytest.fixture
def rehearse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Outcome]:
    """Rehearses a stack of these resources, with a scenario or without."""
    (architecture,) = select(["realtime_endpoint"])
    monkeypatch.setattr(run, "FOLDER", tmp_path / "logs")

    def rehearsed(
        resources: dict[str, Any], *, before: Guest = nobody, scenario: Scenario | None = None
    ) -> Outcome:
        module = SimpleNamespace(rehearse=scenario) if scenario else None
        monkeypatch.setattr(run, "scenario", lambda _: module)
        assembly = write(tmp_path / "assembly", architecture.stack_id, resources, {"A": "b"})
        template = Template({"Resources": resources}, architecture.slug)
        rehearsal = Rehearsal(architecture, template, lambda _: assembly, lambda *_: None)
        return rehearsal.run(before=before)

    return rehearsed


def upload(account: EmulatedAccount, content: bytes) -> None:
    s3 = account.client("s3")
    s3.create_bucket(Bucket="artifacts")
    s3.put_object(Bucket="artifacts", Key="model.tar.gz", Body=content)


def good(account: EmulatedAccount) -> None:
    upload(account, tumor_classifier.ARTIFACT.read_bytes())


def empty(account: EmulatedAccount) -> None:
    archive = BytesIO()
    tarfile.open(fileobj=archive, mode="w:gz").close()
    upload(account, archive.getvalue())


def missing(account: EmulatedAccount) -> None:
    account.client("s3").create_bucket(Bucket="artifacts")


def test_a_stack_that_retains_something_is_caught(rehearse: Callable[..., Outcome]) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "DeletionPolicy": "Retain"}
    outcome = rehearse({"Kept": bucket})
    assert [step.name for step in outcome.steps][-1] == "nothing left"
    assert outcome.problem.startswith("nothing left: ")
    assert any("s3" in name and "kept" in name for name in outcome.left)


@pytest.mark.parametrize(
    ("resources", "before", "reason"),
    [
        (endpoint(ARTIFACT), missing, "Could not access model data at s3://artifacts"),
        (
            endpoint(ARTIFACT, may_read="s3:ListBucket"),
            good,
            "Could not access .* has s3:GetObject permissions",
        ),
        (endpoint(ARTIFACT), empty, "container ended with code 1: .* 0 files"),
    ],
)
def test_what_fails_is_said_and_rolled_back(
    rehearse: Callable[..., Outcome], resources: dict[str, Any], before: Guest, reason: str
) -> None:
    outcome = rehearse(resources, before=before)
    assert re.search(f"deploy: cdk deploy failed: .*{reason}", outcome.problem), outcome.problem
    assert outcome.left == []
    assert "scenario" not in [step.name for step in outcome.steps]


def test_throttling_is_outlasted(rehearse: Callable[..., Outcome]) -> None:
    def throttled(account: EmulatedAccount) -> None:
        good(account)
        account.fail("s3:GetObject", "SlowDown", status=503, times=2, caller="Role")

    outcome = rehearse(endpoint(ARTIFACT), before=throttled)
    assert outcome.problem == ""
    assert outcome.left == []


def test_a_killed_emulator_ends_the_rehearsal_and_its_processes(
    rehearse: Callable[..., Outcome],
) -> None:
    accounts = []

    def doomed(account: EmulatedAccount) -> None:
        accounts.append(account)
        good(account)
        # The artifact comes late: the emulator dies while the endpoint is created.
        account.fail("s3:GetObject", seconds=30, caller="Role")
        threading.Timer(4, kill, [account]).start()

    def kill(account: EmulatedAccount) -> None:
        assert account._process is not None
        account._process.send_signal(signal.SIGKILL)

    started = time.monotonic()
    outcome = rehearse(endpoint(ARTIFACT), before=doomed)
    assert outcome.problem.startswith("deploy: The emulated AWS has ended: see ")
    assert time.monotonic() - started < 60  # far below the command line's own patience
    assert [step.name for step in outcome.steps][-1] == "deploy"
    assert accounts[0]._process is None


def test_a_scenario_that_fails_is_said_and_the_stack_destroyed(
    rehearse: Callable[..., Outcome],
) -> None:
    def scenario(stage: Stage) -> None:
        stage.show("so far", "so good")
        stage.expect("the sky is green", False, "blue")

    outcome = rehearse({"Queue": {"Type": "AWS::SQS::Queue"}}, scenario=scenario)
    assert outcome.problem == "scenario: Expected: the sky is green. Seen: blue."
    assert outcome.seen == [("so far", "so good")]
    assert [step.name for step in outcome.steps][-2:] == ["destroy", "nothing left"]
    assert outcome.left == []


def test_a_client_error_in_a_scenario_is_no_traceback(rehearse: Callable[..., Outcome]) -> None:
    def scenario(stage: Stage) -> None:
        stage.client("sqs").get_queue_url(QueueName="none-of-ours")

    outcome = rehearse({"Queue": {"Type": "AWS::SQS::Queue"}}, scenario=scenario)
    assert "QueueDoesNotExist" in outcome.problem
    assert outcome.left == []


def test_types_without_behaviour_are_counted(rehearse: Callable[..., Outcome]) -> None:
    resources = {
        "Queue": {"Type": "AWS::SQS::Queue"},
        "Application": {
            "Type": "AWS::CodeDeploy::Application",
            "Properties": {"ComputePlatform": "Lambda"},
        },
    }
    outcome = rehearse(resources)
    assert outcome.problem == ""
    assert run.used(outcome) == (1, 1)


def test_a_property_that_does_not_exist_fails_the_deployment(
    rehearse: Callable[..., Outcome],
) -> None:
    resources = {
        "Application": {
            "Type": "AWS::CodeDeploy::Application",
            "Properties": {"ComputePlattform": "Lambda"},
        }
    }
    assert "ComputePlattform" in rehearse(resources).problem


@pytest.mark.parametrize(
    ("slug", "stands_in"),
    [
        ("realtime_endpoint", ["SageMaker's XGBoost container"]),
        ("byoc_image", ["images that the stack builds"]),
        ("cicd_pipeline", []),
    ],
)
def test_the_report_says_what_stood_in(
    slug: str, stands_in: list[str], templates: Mapping[str, Template]
) -> None:
    (architecture,) = select([slug])
    rehearsal = Rehearsal(architecture, templates[slug], lambda _: Path(), lambda *_: None)
    assert [real for real, _ in rehearsal.outcome.stand_ins] == stands_in
    report = reported([rehearsal.outcome]).render(Format.TABLE)
    assert all(real in report for real in stands_in)
