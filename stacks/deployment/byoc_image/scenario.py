"""What a user tries first, and what proves the architecture: built, scanned, released, served."""

from __future__ import annotations

import uuid
from typing import Any

from rehearsal.callers import physical_id
from rehearsal.clients import ask_endpoint
from rehearsal.stage import Stage, read
from runtime.models import tumor_classifier

TOLERANCE = 1e-5

invoke = ask_endpoint


def rehearse(stage: Stage) -> None:
    """The image that the deployment built answers; one with a bad scan is not released."""
    rows = read(tumor_classifier.SAMPLE_REQUESTS)
    known = [float(line) for line in read(tumor_classifier.SAMPLE_ANSWERS)]
    repository, _, digest = stage.stack.outputs["ImageUri"].partition("@")
    name = repository.partition("/")[2]
    released = _tags(stage, name)
    stage.expect("the image has one tag: its candidate's is gone", len(released) == 1, released)
    stage.show("image, of its sources", digest)
    lines = invoke(stage.stack, "\n".join(rows).encode()).split()
    far = sum(abs(float(a) - b) > TOLERANCE for a, b in zip(lines, known, strict=True))
    stage.expect(f"{len(rows)} rows answered by it as the model answers", not far, far)
    _gates(stage, name)


def _gates(stage: Stage, repository: str) -> None:
    """The same build with findings: critical ones stop it, the alarm tells, others do not."""
    stage.account.control("findings", {"CRITICAL": 1})
    try:
        tag, build = _build(stage, user=10_002)
        status = build["buildStatus"]
        stage.expect("a critical finding ends the build", status == "FAILED", status)
        stage.expect("the image is not released", tag not in _tags(stage, repository), tag)
        log = _log(stage, build)
        stage.expect("the build's log says why", "gate: 1 findings at CRITICAL" in log, log[-200:])
        stage.until("an alarm tells of it", lambda: _alarming(stage), skipping_minutes=1)
        stage.account.control("findings", {"HIGH": 1})
        tag, build = _build(stage, user=10_003)
        status = build["buildStatus"]
        stage.expect("a high one is let through", status == "SUCCEEDED", status)
        stage.expect("and released", tag in _tags(stage, repository), tag)
    finally:
        stage.account.control("findings", {})


def _build(stage: Stage, user: int) -> tuple[str, dict[str, Any]]:
    """Builds another image of the project's folder: one that runs as another user."""
    codebuild, tag = stage.client("codebuild"), uuid.uuid4().hex
    project = physical_id(stage, "AWS::CodeBuild::Project")
    started = codebuild.start_build(
        projectName=project,
        environmentVariablesOverride=[
            {"name": "IMAGE_TAG", "value": tag},
            {
                "name": "BUILD_OPTIONS",
                "value": f"--file containers/inference/Dockerfile --build-arg RUN_AS={user}",
            },
        ],
    )["build"]
    while True:
        (build,) = codebuild.batch_get_builds(ids=[started["id"]])["builds"]
        if build["buildStatus"] != "IN_PROGRESS":
            return tag, dict(build)


def _tags(stage: Stage, repository: str) -> list[str]:
    images = stage.client("ecr").describe_images(repositoryName=repository)["imageDetails"]
    return [
        tag for image in images for tag in image["imageTags"] if not tag.startswith("candidate-")
    ]


def _log(stage: Stage, build: dict[str, Any]) -> str:
    where = build["logs"]
    events = stage.client("logs").get_log_events(
        logGroupName=where["groupName"], logStreamName=where["streamName"]
    )["events"]
    return "\n".join(event["message"] for event in events)


def _alarming(stage: Stage) -> str:
    alarms = stage.client("cloudwatch").describe_alarms(StateValue="ALARM")["MetricAlarms"]
    return next((a["AlarmName"] for a in alarms if "FailedBuilds" in a["AlarmName"]), "")
