"""The side of a custom resource that talks to CloudFormation.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import logging
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

log = logging.getLogger()
log.setLevel(logging.INFO)

Event = dict[str, Any]


@dataclass(frozen=True)
class Done:
    """What a handler has achieved.

    Attributes:
        physical_id: Names the resource; given another one, CloudFormation deletes the one it had.
        data: What Fn::GetAtt reads from the resource.
    """

    physical_id: str
    data: Mapping[str, str] = field(default_factory=dict)


def custom_resource(work: Callable[[Event, Any], Done]) -> Callable[[Event, Any], None]:
    """Returns the Lambda handler that does the work and always answers.

    Args:
        work: Gets the request and the Lambda context; whatever it raises is the reason of a
            failure.
    """

    def handler(event: Event, context: Any) -> None:
        try:
            done = work(event, context)
        except Exception as error:
            # Whatever went wrong has to reach CloudFormation: unanswered, it waits for an hour.
            log.exception("%s failed", event["RequestType"])
            reason = f"{type(error).__name__}: {error}"
            _answer(event, "FAILED", reason, Done(known_id(event)))
        else:
            _answer(event, "SUCCESS", "", done)

    return handler


def known_id(event: Event) -> str:
    """Returns the physical ID that CloudFormation knows, the logical one of a new resource."""
    return str(event.get("PhysicalResourceId", event["LogicalResourceId"]))


def _answer(event: Event, status: str, reason: str, done: Done) -> None:
    body = json.dumps(
        {
            "Status": status,
            "Reason": reason,
            "PhysicalResourceId": done.physical_id,
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": dict(done.data),
        }
    ).encode()
    request = urllib.request.Request(  # noqa: S310 - CloudFormation's own presigned address
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        log.info("answered %s, CloudFormation said %d", status, answer.status)
