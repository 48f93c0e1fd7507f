"""What is used of MiniStack's ECR, private names included: repositories and their images."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.emulator import host  # before MiniStack: it sets the environment

from ministack.services import ecr  # isort: skip

Record = dict[str, Any]


def handler() -> host.Handler:
    """Returns what answers requests to ECR."""
    return ecr.handle_request  # type: ignore[no-any-return]


def exists(name: str) -> bool:
    """Returns whether there is a repository."""
    return name in ecr._repositories


def scans_on_push(name: str) -> bool:
    """Returns whether a repository has every image scanned that is pushed."""
    settings = ecr._repositories[name].get("imageScanningConfiguration", {})
    return str(settings.get("scanOnPush", False)).lower() == "true"


def find(name: str, image_id: Record) -> Record | None:
    """Returns an image by its digest or tag."""
    found: Record | None = ecr._find_image(name, image_id)
    return found


def put(request: Record) -> tuple[int, Record]:
    """Lets MiniStack keep an image; returns status and answer."""
    status, _, body = ecr._put_image(request)
    return status, json.loads(body)


def remove(name: str, image_id: Record) -> list[Record]:
    """Removes a tag, the image with its last one, or an image by its digest; returns what."""
    image = find(name, image_id)
    if image is None:
        return []
    digest, tag = image["imageDigest"], image_id.get("imageTag")
    gone = [tag] if tag else list(image["imageTags"])
    image["imageTags"] = [kept for kept in image["imageTags"] if kept not in gone]
    if image["imageTags"]:
        image["imageId"] = {"imageDigest": digest, "imageTag": image["imageTags"][-1]}
    else:
        ecr._images[name].remove(image)
    if not gone:
        return [{"imageDigest": digest}]
    return [{"imageDigest": digest, "imageTag": each} for each in gone]


def admits(name: str, service: str, action: str, source_arn: str) -> bool:
    """Returns whether a repository's policy lets a service do something on its own."""
    found = ecr.repository_policy_for_arn(arn(name))
    if found is None:
        return False
    document = json.loads(found[0]) if isinstance(found[0], str) else found[0]
    return host.lets(document, service, action, arn(name), source_arn)


def arn(name: str) -> str:
    """Returns a repository's ARN."""
    return f"arn:aws:ecr:{host.REGION}:{host.ACCOUNT}:repository/{name}"
