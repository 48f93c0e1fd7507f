"""A Greengrass component from a recipe file and its artifacts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from string import Template

import yaml
from aws_cdk import Stack, Tags
from aws_cdk import aws_greengrassv2 as greengrass
from aws_cdk.aws_s3_assets import Asset
from constructs import Construct

from mla_constructs.errors import InvalidArgument

MAJOR = 1


class Component(Construct):
    """A version of a component, named after its stack, with its artifacts in S3.

    A version can never be changed, and CloudFormation makes the new one before it deletes the old:
    the number follows from the recipe's and the artifacts' bytes. It says what is in it and not
    which came first, so that deployments have to name it exactly.

    Args:
        scope: Parent construct.
        id: Construct ID.
        recipe: A YAML file in which `$name` and `$version` stand for the component's, and
            `$key_uri`, `$key_file` and `$key_stem` for an artifact's place in S3, its file's name
            on the device, and the folder into which it is unpacked.
        artifacts: Key -> file or folder; a folder arrives as a ZIP archive.

    Attributes:
        name: The component's name.
        version: Its version, such as "1.35035.51966".
        artifacts: What a device has to be able to read.

    Raises:
        InvalidArgument: The recipe asks for what is not known, or leaves an artifact out.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/component-recipe-reference.html
    """

    def __init__(
        self, scope: Construct, id: str, *, recipe: Path, artifacts: Mapping[str, Asset]
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        text = recipe.read_text()
        self.artifacts = tuple(artifacts.values())
        # The deployment names it in a place where CloudFormation allows no reference.
        self.name = stack.stack_name
        self.version = version_of(text, *(asset.asset_hash for asset in self.artifacts))
        values = {"name": self.name, "version": self.version}
        for key, asset in artifacts.items():
            if f"${key}_uri" not in text:
                raise InvalidArgument(f"{recipe.name} has no ${key}_uri: nothing would fetch it.")
            file = PurePosixPath(asset.s3_object_key)
            values |= {
                f"{key}_uri": asset.s3_object_url,
                f"{key}_file": file.name,
                f"{key}_stem": file.stem,
            }
        try:
            filled = yaml.safe_load(Template(text).substitute(values))
        except KeyError as error:
            raise InvalidArgument(
                f"{recipe.name} asks for ${error.args[0]}: choose from {', '.join(sorted(values))}."
            ) from None
        self._resource = greengrass.CfnComponentVersion(
            self, "Resource", inline_recipe=stack.to_json_string(filled)
        )
        Tags.of(self._resource).add("component", self.name)

    @property
    def ref(self) -> str:
        """The version's ARN; whoever refers to it comes after it."""
        return self._resource.ref


def version_of(*contents: str) -> str:
    """Returns a semantic version that other contents do not have.

    Greengrass takes up to 999,999 for each number: two of 16 bits each hold half of a hash's 64.
    """
    digest = hashlib.sha256("\0".join(contents).encode()).digest()
    minor, patch = int.from_bytes(digest[:2]), int.from_bytes(digest[2:4])
    return f"{MAJOR}.{minor}.{patch}"
