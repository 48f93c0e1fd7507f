"""Copies objects to the keys of a bucket under which their readers expect them."""

from __future__ import annotations

from typing import Any

import boto3

from .cloudformation import Done, Event, custom_resource, known_id, log


@custom_resource
def handler(event: Event, _context: Any) -> Done:
    """Copies each of `Objects` (SourceBucket, SourceKey, Key) into the bucket `BucketName`.

    Delete leaves them: the bucket is emptied with its stack, or kept with all that is in it.
    """
    properties = event["ResourceProperties"]
    if event["RequestType"] != "Delete":
        s3 = boto3.client("s3")
        for item in properties["Objects"]:
            s3.copy_object(
                CopySource={"Bucket": item["SourceBucket"], "Key": item["SourceKey"]},
                Bucket=properties["BucketName"],
                Key=item["Key"],
                # Tags are not read either: that would take another permission.
                TaggingDirective="REPLACE",
            )
            log.info("placed %s", item["Key"])
    return Done(known_id(event))
