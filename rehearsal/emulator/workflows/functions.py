"""What becomes of an event that a function failed on: a dead letter, under the function's role.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
import logging
from typing import Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.emulator import host, host_functions, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.workflows.targets import delivery

log = logging.getLogger(__name__)

PRINCIPAL = "lambda.amazonaws.com"

Record = dict[str, Any]


def register() -> None:
    """Lets errors have their names, and dead letters be sent under the function's role."""
    host_functions.name_errors()
    host_functions.use_failures(put_aside)


def put_aside(function: Record, target_arn: str, event: Record, error: Record) -> None:
    """Sends the event to a dead-letter queue, or a record of it to a destination."""
    way = delivery(target_arn)
    message = json.dumps(event)
    attributes = {"ErrorCode": "200", "ErrorMessage": error.get("errorMessage", "")[:1024]}
    if target_arn != function.get("DeadLetterConfig", {}).get("TargetArn"):
        message = json.dumps(_record(function, event, error))
        attributes = {}
    try:
        if way is None or way.client not in ("sqs", "sns", "lambda"):
            raise NotAssumableError(f"The rehearsal does not send to {target_arn}.")
        client = session.as_role(
            way.client,
            function["Role"],
            principal=PRINCIPAL,
            source_arn=function["FunctionArn"],
        )
        told = {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items() if v}
        way.send(client, {"Arn": target_arn, "MessageAttributes": told}, message)
    except (ClientError, BotoCoreError, NotAssumableError) as refused:
        log.warning("%s: no dead letter: %s", function.get("FunctionArn"), refused)
        dimensions = {"FunctionName": function.get("FunctionName", "")}
        host.put_metric("AWS/Lambda", "DeadLetterErrors", dimensions, 1, "Count")


def _record(function: Record, event: Record, error: Record) -> Record:
    return {
        "version": "1.0",
        "requestContext": {
            "requestId": str(uuid4()),
            "functionArn": f"{function['FunctionArn']}:$LATEST",
            "condition": "RetriesExhausted",
        },
        "requestPayload": event,
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": error,
    }
