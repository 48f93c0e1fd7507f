"""Writes a document to a key of a bucket."""

from __future__ import annotations

from typing import Any

import boto3

from .cloudformation import Done, Event, custom_resource, known_id, log


@custom_resource
def handler(event: Event, _context: Any) -> Done:
    """Writes `Document` to the key `Key` of the versioned bucket `BucketName`.

    Delete leaves it: the bucket is emptied with its stack, or kept with all that is in it.
    """
    properties = event["ResourceProperties"]
    if event["RequestType"] == "Delete":
        return Done(known_id(event))
    answer = boto3.client("s3").put_object(
        Bucket=properties["BucketName"],
        Key=properties["Key"],
        Body=properties["Document"].encode(),
    )
    log.info("wrote %s, version %s", properties["Key"], answer["VersionId"])
    return Done(known_id(event), {"VersionId": answer["VersionId"]})
