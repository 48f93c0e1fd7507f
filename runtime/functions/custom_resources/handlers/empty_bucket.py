"""Empties a bucket when its stack is deleted: CloudFormation deletes none that has objects."""

from __future__ import annotations

from typing import Any

import boto3

from .cloudformation import Done, Event, custom_resource, log


@custom_resource
def handler(event: Event, _context: Any) -> Done:
    """Empties the bucket `BucketName` on Delete, does nothing on Create and Update."""
    if event["RequestType"] == "Delete":
        deleted = empty(boto3.client("s3"), event["ResourceProperties"]["BucketName"])
        log.info("deleted %d object versions", deleted)
        return Done(event["PhysicalResourceId"])
    return Done(event["ResourceProperties"]["BucketName"])


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
