"""What a job's container writes, in CloudWatch Logs under the job's role."""

from __future__ import annotations

import logging

from botocore.exceptions import ClientError

from rehearsal.emulator import clock, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL

log = logging.getLogger(__name__)

PUT_AT_ONCE = 1000


def write(role_arn: str, source_arn: str, group: str, stream: str, lines: list[str]) -> None:
    """Writes lines into a stream of its own; without the permission there is no log."""
    if not lines:
        return
    try:
        logs = session.as_role("logs", role_arn, principal=PRINCIPAL, source_arn=source_arn)
        try:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        except logs.exceptions.ResourceNotFoundException:
            logs.create_log_group(logGroupName=group)
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int(clock.now().timestamp() * 1000)
        for first in range(0, len(lines), PUT_AT_ONCE):
            logs.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[
                    {"timestamp": now, "message": line or " "}
                    for line in lines[first : first + PUT_AT_ONCE]
                ],
            )
    except (ClientError, NotAssumableError) as error:
        log.warning("no log of %s: %s", source_arn, error)
