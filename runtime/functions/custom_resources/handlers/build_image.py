"""Runs a build project and hands its image's digest to CloudFormation."""

from __future__ import annotations

import time
from typing import Any

import boto3

from .cloudformation import Done, Event, custom_resource, log

POLL_SECONDS = 5


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
    """Starts the build, waits for its end and returns the digest it exports.

    Raises:
        RuntimeError: The build failed, exports no digest, or outlasts the function.
    """
    # Invoked a second time for the same request, it waits for the build of the first one.
    started = codebuild.start_build(projectName=project, idempotencyToken=event["RequestId"])
    build_id = started["build"]["id"]
    log.info("started %s", build_id)
    while True:
        (found,) = codebuild.batch_get_builds(ids=[build_id])["builds"]
        if found["buildStatus"] != "IN_PROGRESS":
            break
        if context.get_remaining_time_in_millis() < 3 * POLL_SECONDS * 1000:
            raise RuntimeError(f"build {build_id} still runs: shorten it or its time-out")
        time.sleep(POLL_SECONDS)
    exported = {item["name"]: item["value"] for item in found["exportedEnvironmentVariables"]}
    if found["buildStatus"] != "SUCCEEDED" or not exported.get("IMAGE_DIGEST"):
        raise RuntimeError(
            f"build {build_id} ended as {found['buildStatus']} without an image: read its log "
            f"{found['logs'].get('groupName')}/{found['logs'].get('streamName')}"
        )
    return str(exported["IMAGE_DIGEST"])
