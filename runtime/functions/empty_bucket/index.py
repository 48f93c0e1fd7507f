"""Empties a bucket when its stack is deleted: CloudFormation cannot delete a bucket with objects.

A CloudFormation custom resource: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
crpg-ref.html
"""

from __future__ import annotations

import json
import logging
import urllib.request
from typing import Any

import boto3

log = logging.getLogger()
log.setLevel(logging.INFO)


def handler(event: dict[str, Any], _context: Any) -> None:
    """Empties the bucket on Delete, does nothing on Create and Update, and always answers.

    Args:
        event: The request; `ResourceProperties.BucketName` names the bucket.
        _context: Lambda context, not used.
    """
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            deleted = empty(boto3.client("s3"), event["ResourceProperties"]["BucketName"])
            log.info("deleted %d object versions", deleted)
    except Exception as error:
        # Whatever went wrong has to reach CloudFormation: unanswered, it waits for an hour.
        log.exception("could not empty the bucket")
        status, reason = "FAILED", f"{type(error).__name__}: {error}"
    respond(event, status, reason)


def empty(s3: Any, bucket: str) -> int:
    """Deletes every object version and delete marker; returns how many there were.

    Args:
        s3: boto3 client of S3.
        bucket: The bucket's name; a bucket that is already gone counts as empty.

    Raises:
        RuntimeError: S3 refused to delete some of them.
    """
    deleted = 0
    try:
        # Always the first page: what came before the marker of a second one is gone by then.
        while versions := _first_page(s3, bucket):
            _delete(s3, bucket, versions)
            deleted += len(versions)
    except s3.exceptions.NoSuchBucket:
        log.info("the bucket is already gone")
    return deleted


def _first_page(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket)
    return [
        {"Key": version["Key"], "VersionId": version["VersionId"]}
        for version in page.get("Versions", []) + page.get("DeleteMarkers", [])
    ]


def _delete(s3: Any, bucket: str, versions: list[dict[str, str]]) -> None:
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": versions, "Quiet": True})
    if errors := answer.get("Errors"):
        raise RuntimeError(
            f"{len(errors)} of {len(versions)} not deleted, first: {errors[0]['Code']}"
        )


def respond(event: dict[str, Any], status: str, reason: str) -> None:
    """Sends CloudFormation the outcome."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason,
            "PhysicalResourceId": _physical_id(event),
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own presigned address
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        log.info("answered %s, CloudFormation said %d", status, answer.status)


def _physical_id(event: dict[str, Any]) -> str:
    """Returns the bucket's name: given another one, CloudFormation deletes the resource it had."""
    if event["RequestType"] == "Delete":
        return str(event["PhysicalResourceId"])
    return str(event["ResourceProperties"].get("BucketName", event["LogicalResourceId"]))
