"""Runs a build project and hands its image's digest to CloudFormation."""

from __future__ import annotations

from typing import Any

import boto3

from .builds import run
from .cloudformation import Done, Event, custom_resource


@custom_resource
def handler(event: Event, context: Any) -> Done:
    """Runs the project `ProjectName` on Create and Update; `ImageDigest` is its result.

    Delete does nothing: the images go with their repository.
    """
    name = event["ResourceProperties"]["ProjectName"]
    if event["RequestType"] == "Delete":
        return Done(event["PhysicalResourceId"])
    return Done(name, {"ImageDigest": build(boto3.client("codebuild"), name, event, context)})


def build(codebuild: Any, project: str, event: Event, context: Any) -> str:
    """Returns the digest that the build exports.

    Raises:
        RuntimeError: The build failed, exports no digest, or outlasts the function.
    """
    digest = run(codebuild, project, event, context).get("IMAGE_DIGEST")
    if not digest:
        raise RuntimeError(f"the build of {project} exports no IMAGE_DIGEST")
    return digest
