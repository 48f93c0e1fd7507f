"""An image built in the account."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, RemovalPolicy
from aws_cdk import aws_logs as logs

from mla_constructs.containers.built_image import BuiltImage
from mla_constructs.errors import InvalidArgument
from runtime import containers

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def image(parts: Parts, id: str = "Image", **changes: Any) -> BuiltImage:
    arguments: dict[str, Any] = {
        "folder": containers.CONTEXT,
        "dockerfile": containers.INFERENCE,
        "key": parts.key,
        "log_retention": logs.RetentionDays.ONE_MONTH,
        "removal_policy": RemovalPolicy.DESTROY,
    }
    return BuiltImage(parts.stack, id, **(arguments | changes))


def environments(parts: Parts) -> list[dict[str, Any]]:
    projects = parts.template.find_resources("AWS::CodeBuild::Project").values()
    variables = [p["Properties"]["Environment"]["EnvironmentVariables"] for p in projects]
    return [{item["Name"]: item["Value"] for item in items} for items in variables]


def test_image_is_named_by_the_digest_that_the_build_exports(parts: Parts) -> None:
    uri = json.dumps(parts.resolve(image(parts).uri))
    (built,) = parts.template.find_resources("Custom::BuiltImage")
    assert f'"@", {{"Fn::GetAtt": ["{built}", "ImageDigest"]}}' in uri


def test_source_is_what_the_dockerfile_may_copy_and_nothing_else(parts: Parts) -> None:
    image(parts)
    app = parts.stack.node.root
    assert isinstance(app, App)
    assets = [f for f in Path(app.synth().directory).glob("asset.*") if (f / "containers").is_dir()]
    (source,) = assets
    files = {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()}
    assert {containers.INFERENCE, "models/tumor_classifier/model.onnx"} <= files
    assert {"containers/inference/server.py", "containers/inference/requirements.txt"} <= files
    assert not [file for file in files if "__pycache__" in file or "samples" in file]


def test_same_folder_built_otherwise_is_another_image(parts: Parts) -> None:
    image(parts, "A")
    image(parts, "B", target="training")
    image(parts, "C", architecture="arm64")
    image(parts, "D", build_arguments={"BASE": "registry/base@sha256:0123"})
    found = environments(parts)
    assert len({environment["IMAGE_TAG"] for environment in found}) == 4
    assert sorted(environment["BUILD_OPTIONS"] for environment in found) == [
        f"--file {containers.INFERENCE}",
        f"--file {containers.INFERENCE}",
        f"--file {containers.INFERENCE} --build-arg BASE=registry/base@sha256:0123",
        f"--file {containers.INFERENCE} --target training",
    ]


def test_each_processor_builds_its_own(parts: Parts) -> None:
    image(parts, "Arm", architecture="arm64")
    (project,) = parts.template.find_resources("AWS::CodeBuild::Project").values()
    environment = project["Properties"]["Environment"]
    assert environment["Type"] == "ARM_CONTAINER"
    assert "aarch64" in environment["Image"]


def test_repository_scans_and_forgets_nothing_but_what_was_stopped(parts: Parts) -> None:
    image(parts)
    (repository,) = parts.template.find_resources("AWS::ECR::Repository").values()
    properties = repository["Properties"]
    assert properties["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert properties["ImageTagMutability"] == "IMMUTABLE"
    assert properties["EmptyOnDelete"] is True
    assert properties["EncryptionConfiguration"]["EncryptionType"] == "KMS"
    rules = json.loads(properties["LifecyclePolicy"]["LifecyclePolicyText"])["rules"]
    assert rules[0]["selection"]["tagPrefixList"] == ["candidate-"]


def test_function_that_waits_outlasts_the_build(parts: Parts) -> None:
    image(parts)
    (project,) = parts.template.find_resources("AWS::CodeBuild::Project").values()
    (function,) = parts.template.find_resources("AWS::Lambda::Function").values()
    minutes = project["Properties"]["TimeoutInMinutes"]
    assert minutes * 60 + 60 < function["Properties"]["Timeout"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dockerfile": "nowhere/Dockerfile"}, "dockerfile is 'nowhere/Dockerfile'"),
        ({"build_arguments": {"BASE": "a b"}}, "BASE is 'a b': a build argument has no white"),
        ({"build_arguments": {"BASE": ""}}, "BASE is ''"),
    ],
)
def test_refuses(parts: Parts, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        image(parts, **changes)
