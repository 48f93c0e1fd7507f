"""Says when a stack is to be deleted, reckoned from its creation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from .cloudformation import Done, Event, custom_resource, known_id, log

PATIENT = Config(retries={"mode": "standard", "total_max_attempts": 8})
"""A busy account throttles DescribeStacks; a deployment should not fail for that."""


@custom_resource
def handler(event: Event, _context: Any) -> Done:
    """Returns, as `Moment`, when the stack is `Hours` hours old; does nothing on Delete."""
    if event["RequestType"] == "Delete":
        return Done(known_id(event))
    cloudformation = boto3.client("cloudformation", config=PATIENT)
    (stack,) = cloudformation.describe_stacks(StackName=event["StackId"])["Stacks"]
    moment = expiry(stack, int(event["ResourceProperties"]["Hours"]), datetime.now(UTC))
    log.info("the stack expires at %s", written(moment))
    return Done(known_id(event), {"Moment": written(moment)})


def expiry(stack: dict[str, Any], hours: int, now: datetime) -> datetime:
    """Returns when a stack is so many hours old, or now if that is over and an update is undone.

    Args:
        stack: As DescribeStacks returns it.
        hours: Its age.
        now: The present.

    Raises:
        ValueError: The moment is over, or nobody could delete what is in the stack.
    """
    if not stack.get("RoleARN"):
        raise ValueError(
            "the stack has no service role, under which it could delete itself: deploy it with "
            "`cdk deploy` into a bootstrapped account, or without expire_after_hours"
        )
    created: datetime = stack["CreationTime"]
    moment = created + timedelta(hours=hours)
    if moment > now:
        return moment
    if stack["StackStatus"] == "UPDATE_ROLLBACK_IN_PROGRESS":
        # The hours before the update ended while it was tried: a failure here would leave the
        # stack stuck in its rollback.
        return now
    age = int((now - created) / timedelta(hours=1))
    raise ValueError(
        f"expire_after_hours is {hours}, and the stack was created at {written(created)}: "
        f"choose {age + 1} or more, or delete the stack with `cdk destroy`"
    )


def written(moment: datetime) -> str:
    """Returns a moment as a schedule's StartDate has it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
