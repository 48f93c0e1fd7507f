"""A Lambda function that is an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from mla_constructs.containers.image_function import ImageFunction
from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def function(parts: Parts, **changes: Any) -> ImageFunction:
    arguments: dict[str, Any] = {
        "description": "Scores",
        "image": parts.image,
        "entry_point": ["python", "-m", "awslambdaric"],
        "command": ["module.handler"],
        "architecture": "x86_64",
        "memory_size": 1024,
        "timeout": Duration.seconds(10),
        **parts.kept,
    }
    return ImageFunction(parts.stack, "Function", **(arguments | changes))


def found(parts: Parts) -> dict[str, Any]:
    (properties,) = (
        resource["Properties"]
        for resource in parts.template.find_resources("AWS::Lambda::Function").values()
        if "ImageUri" in resource["Properties"]["Code"]
    )
    return dict(properties)


def test_it_runs_the_image_by_its_digest(parts: Parts) -> None:
    function(parts)
    properties = found(parts)
    assert properties["PackageType"] == "Image"
    assert properties["Code"] == {"ImageUri": parts.resolve(parts.image.uri)}
    assert properties["ImageConfig"] == {
        "EntryPoint": ["python", "-m", "awslambdaric"],
        "Command": ["module.handler"],
    }
    assert "Runtime" not in properties
    assert "Handler" not in properties


def test_version_is_another_with_another_setting(new_parts: type[Parts]) -> None:
    names = set()
    for memory in (1024, 2048):
        parts = new_parts()
        assert function(parts, memory_size=memory).current_version
        names |= parts.template.find_resources("AWS::Lambda::Version").keys()
    assert len(names) == 2


def test_version_is_replaced_with_another_image(parts: Parts) -> None:
    assert function(parts).current_version
    version = parts.properties("AWS::Lambda::Version")
    assert version["Description"] == parts.resolve(parts.image.uri)


def test_role_has_no_managed_policy(parts: Parts) -> None:
    function(parts)
    for name, role in parts.template.find_resources("AWS::IAM::Role").items():
        assert "ManagedPolicyArns" not in role["Properties"], name


def test_log_group_is_its_own_and_encrypted(parts: Parts) -> None:
    group = parts.resolve(function(parts).logs.log_group_name)
    assert found(parts)["LoggingConfig"] == {"LogFormat": "JSON", "LogGroup": group}
    logs = parts.template.find_resources("AWS::Logs::LogGroup")[group["Ref"]]
    assert logs["Properties"]["KmsKeyId"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"memory_size": 127}, "memory_size is 127 MB"),
        ({"memory_size": 10_241}, "memory_size is 10241 MB"),
        ({"timeout": Duration.seconds(901)}, "timeout is 901 s"),
    ],
)
def test_refuses(parts: Parts, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        function(parts, **changes)
