"""Builds as CodeBuild runs them, images as ECR keeps them, and what a role has to be allowed."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.images import PERMISSIONS, Workshop, exported, inference, uri

DOCKERFILE = b"""
ARG BASE=python:3.13
FROM ${BASE} AS tools
RUN pip install something
COPY extra.txt /tools/

FROM ${BASE} AS unused
COPY missing.txt /

FROM ${BASE}
ARG WHO=nobody
ENV GREETING="hello $WHO" PYTHONPATH=/app:/packages
WORKDIR /app
COPY --from=tools /tools /tools
COPY program.py ./
LABEL kind=test
ENTRYPOINT ["python", "program.py"]
"""
FILES = {"Dockerfile": DOCKERFILE, "program.py": b"print(1)\n", "extra.txt": b"extra"}
INFERENCE = "--file containers/inference/Dockerfile"


@pytest.fixture(scope="module")
def workshop(account: EmulatedAccount) -> Workshop:
    return Workshop(account)


def test_build_pushes_releases_and_logs(workshop: Workshop) -> None:
    repository = workshop.repository()
    project = workshop.project(repository, inference(), options=INFERENCE)
    build = workshop.build(project)
    log = workshop.log(build)
    assert build["buildStatus"] == "SUCCEEDED", log
    (image,) = workshop.ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert exported(build) == {"IMAGE_DIGEST": image["imageDigest"]}
    assert len(image["imageTags"]) == 1
    assert not image["imageTags"][0].startswith("candidate-")
    assert "not executed in a rehearsal: RUN" in log
    phases = {phase["phaseType"]: phase.get("phaseStatus") for phase in build["phases"]}
    assert (phases["PRE_BUILD"], phases["BUILD"]) == ("SUCCEEDED", "SUCCEEDED")


def test_image_is_what_its_dockerfile_says(workshop: Workshop) -> None:
    repository = workshop.repository()
    options = "--file Dockerfile --build-arg WHO=you"
    digest = exported(workshop.build(workshop.project(repository, FILES, options=options)))
    found = workshop.ecr.batch_get_image(
        repositoryName=repository, imageIds=[{"imageDigest": digest["IMAGE_DIGEST"]}]
    )["images"]
    manifest = json.loads(found[0]["imageManifest"])
    layers = [layer["digest"] for layer in (manifest["config"], *manifest["layers"])]
    available = workshop.ecr.batch_check_layer_availability(
        repositoryName=repository, layerDigests=layers
    )["layers"]
    assert [layer["layerAvailability"] for layer in available] == ["AVAILABLE", "AVAILABLE"]


def test_same_source_is_the_same_image(workshop: Workshop) -> None:
    first, second = (workshop.image(FILES) for _ in range(2))
    assert first.partition("@")[2] == second.partition("@")[2]


@pytest.mark.parametrize(
    ("lacking", "phase", "told"),
    [
        ("s3:GetObject", "DOWNLOAD_SOURCE", ""),
        ("ecr:GetAuthorizationToken", "PRE_BUILD", "not authorized to perform"),
        ("ecr:UploadLayerPart", "BUILD", "ecr:UploadLayerPart"),
        ("ecr:PutImage", "BUILD", "ecr:PutImage"),
    ],
)
def test_build_whose_role_lacks_a_permission_fails(
    workshop: Workshop, lacking: str, phase: str, told: str
) -> None:
    build = workshop.build(workshop.project(workshop.repository(), FILES, without=lacking))
    failed = [each["phaseType"] for each in build["phases"] if each.get("phaseStatus") == "FAILED"]
    assert (build["buildStatus"], failed) == ("FAILED", [phase])
    assert told in workshop.log(build)


def test_build_without_the_right_to_log_succeeds_unseen(workshop: Workshop) -> None:
    without = "logs:PutLogEvents"
    build = workshop.build(workshop.project(workshop.repository(), FILES, without=without))
    assert build["buildStatus"] == "SUCCEEDED"
    assert workshop.log(build) == ""


def test_dockerfile_that_copies_what_is_not_there_fails(workshop: Workshop) -> None:
    files = {**FILES, "Dockerfile": DOCKERFILE + b"COPY nothing.txt /\n"}
    build = workshop.build(workshop.project(workshop.repository(), files))
    assert build["buildStatus"] == "FAILED"
    assert 'failed to compute cache key: "/nothing.txt": not found' in workshop.log(build)


def test_finding_stops_the_release(workshop: Workshop, account: EmulatedAccount) -> None:
    repository = workshop.repository()
    account.control("findings", {"CRITICAL": 2})
    try:
        build = workshop.build(workshop.project(repository, FILES))
    finally:
        account.control("findings", {})
    assert build["buildStatus"] == "FAILED"
    assert "gate: 2 findings at CRITICAL" in workshop.log(build)
    (image,) = workshop.ecr.describe_images(repositoryName=repository)["imageDetails"]
    assert image["imageTags"] == ["candidate-1"], "it is kept for reading"


PHASES = """
version: 0.2
env:
  shell: bash
  variables: {FROM_SPEC: given}
  exported-variables: [RESULT]
phases:
  pre_build:
    commands: [export SEEN=$FROM_SPEC]
  build:
    %s
    commands:
      - RESULT="$SEEN again"
      - %s
  post_build:
    commands:
      - echo "after, $CODEBUILD_BUILD_NUMBER"
"""


@pytest.mark.parametrize(
    ("failing", "command", "status", "after"),
    [
        ("on-failure: ABORT", "echo fine", "SUCCEEDED", True),
        ("on-failure: ABORT", "test -e /nowhere", "FAILED", False),
        ("on-failure: CONTINUE", "test -e /nowhere", "FAILED", True),
    ],
)
def test_phases_share_a_shell_and_a_failed_one_ends_the_build(
    workshop: Workshop, failing: str, command: str, status: str, after: bool
) -> None:
    buildspec = PHASES % (failing, command)
    project = workshop.project(workshop.repository(), FILES, buildspec=buildspec)
    build = workshop.build(project)
    assert build["buildStatus"] == status
    assert exported(build) == {"RESULT": "given again"}
    assert ("after, 1" in workshop.log(build)) == after


def test_service_role_has_to_trust_the_project(workshop: Workshop) -> None:
    project = workshop.project(workshop.repository(), FILES)
    another = f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/another"
    role = workshop.role(
        "codebuild.amazonaws.com",
        PERMISSIONS,
        Condition={"ArnEquals": {"aws:SourceArn": another}},
    )
    workshop.codebuild.update_project(name=project, serviceRole=role)
    build = workshop.build(project)
    assert build["buildStatus"] == "FAILED"
    (phase,) = [each for each in build["phases"] if each["phaseType"] == "DOWNLOAD_SOURCE"]
    assert "sts:AssumeRole" in phase["contexts"][0]["message"]


def test_registry_refuses_what_is_not_whole(workshop: Workshop) -> None:
    repository = workshop.repository()
    manifest = {"config": {"digest": "sha256:" + "0" * 64}, "layers": []}
    with pytest.raises(ClientError, match="LayersNotFoundException"):
        workshop.ecr.put_image(repositoryName=repository, imageManifest=json.dumps(manifest))
    upload = workshop.ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
    workshop.ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=upload,
        partFirstByte=0,
        partLastByte=2,
        layerPartBlob=b"abc",
    )
    with pytest.raises(ClientError, match="InvalidLayerException"):
        workshop.ecr.complete_layer_upload(
            repositoryName=repository, uploadId=upload, layerDigests=["sha256:" + "1" * 64]
        )


def test_unknown_project_is_not_found(workshop: Workshop) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        workshop.codebuild.start_build(projectName="nothing")


def test_address_of_a_repository(workshop: Workshop) -> None:
    name = workshop.repository()
    (found,) = workshop.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found["repositoryUri"] == uri(name)
