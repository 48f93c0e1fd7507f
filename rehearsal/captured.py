"""What an endpoint has captured, as a client of its bucket reads it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlparse

from rehearsal.stage import Stage


def captured(stage: Stage, uri: str, variant: str) -> list[dict[str, Any]]:
    """Returns what was captured of a variant below an S3 URI, line by line."""
    s3 = stage.client("s3")
    location = urlparse(uri)
    prefix = f"{location.path.strip('/')}/{stage.stack.outputs['EndpointName']}/{variant}/"
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=location.netloc, Prefix=prefix)
    keys = [found["Key"] for page in pages for found in page.get("Contents", [])]
    bodies = [s3.get_object(Bucket=location.netloc, Key=key)["Body"].read() for key in keys]
    return [json.loads(line) for body in bodies for line in body.decode().splitlines()]
