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
    digest = run(boto3.client("codebuild"), name, event, context, result="IMAGE_DIGEST")
    return Done(name, {"ImageDigest": digest})
