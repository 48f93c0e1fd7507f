"""Deletes a stack that a pipeline has created, when the pipeline's own stack is deleted."""

from __future__ import annotations

import time
from typing import Any

import boto3

from .cloudformation import Done, Event, custom_resource, log

POLL_SECONDS = 10


@custom_resource
def handler(event: Event, context: Any) -> Done:
    """Deletes the stack `StackName` on Delete, does nothing on Create and Update."""
    if event["RequestType"] == "Delete":
        cloudformation = boto3.client("cloudformation")
        delete(cloudformation, event["ResourceProperties"]["StackName"], context)
        return Done(event["PhysicalResourceId"])
    return Done(event["ResourceProperties"]["StackName"])


def delete(cloudformation: Any, name: str, context: Any) -> None:
    """Deletes a stack, under the role it was created with, and waits until it is gone.

    Raises:
        RuntimeError: Its deletion failed, or outlasts the function.
    """
    stack_id, status = find(cloudformation, name)
    if not stack_id:
        log.info("there is no stack %s", name)
        return
    log.info("deleting %s, which is in %s", stack_id, status)
    cloudformation.delete_stack(StackName=stack_id)
    while True:
        # By its ID a stack is found after its deletion as well.
        _, status = find(cloudformation, stack_id)
        if status == "DELETE_COMPLETE":
            return
        if status != "DELETE_IN_PROGRESS":
            raise RuntimeError(f"{name} is in {status}: read its events")
        if context.get_remaining_time_in_millis() < 3 * POLL_SECONDS * 1000:
            raise RuntimeError(f"{name} is still being deleted: try again when it is gone")
        time.sleep(POLL_SECONDS)


def find(cloudformation: Any, name: str) -> tuple[str, str]:
    """Returns a stack's ID and status, two empty texts if there is none of this name."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except cloudformation.exceptions.ClientError as error:
        if "does not exist" in str(error):
            return "", ""
        raise
    return stack["StackId"], stack["StackStatus"]
