"""Runs a CodeBuild project and waits for its result."""

from __future__ import annotations

import time
from typing import Any

from .cloudformation import Event, log

POLL_SECONDS = 5


def run(codebuild: Any, project: str, event: Event, context: Any, *, result: str) -> str:
    """Starts the build, waits for its end and returns the variable that it exports.

    Args:
        codebuild: boto3 client of CodeBuild.
        project: Name of the project.
        event: CloudFormation's request.
        context: Lambda's, which knows how long the function may still wait.
        result: Name of the variable.

    Raises:
        RuntimeError: The build failed, exports no such variable, or outlasts the function.
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
    if found["buildStatus"] != "SUCCEEDED" or not exported.get(result):
        raise RuntimeError(
            f"build {build_id} ended as {found['buildStatus']} without {result}: read its log "
            f"{found['logs'].get('groupName')}/{found['logs'].get('streamName')}"
        )
    return str(exported[result])
