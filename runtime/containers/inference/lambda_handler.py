"""The same steps behind a Lambda function URL, API Gateway or an Application Load Balancer.

The image's entry point for Lambda is `python -m awslambdaric inference.lambda_handler.handler`.
Lambda gives a request one process of its own: no server, no workers, no drain. The body is limited
by Lambda itself, to the same 6 MB.
"""

from __future__ import annotations

import base64
import binascii
import sys
import time
from typing import Any

from .errors import ModelError
from .log import log, log_failure
from .settings import from_environment
from .steps import Answer, Step, failure, load


def _load() -> Step:
    try:
        return load(from_environment())
    except ModelError as error:
        log("error", str(error))
        sys.exit(1)


# While the environment starts, not in the first request: provisioned concurrency pays for that.
STEP = _load()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers one HTTP request.

    Args:
        event: Of a function URL, of API Gateway (format 1.0 or 2.0), or of a load balancer.
        context: Lambda's; its request id is logged.
    """
    started = time.perf_counter()
    try:
        answer = _answer(event)
    except Exception as error:
        log_failure("request failed", error, request_id=context.aws_request_id)
        answer = failure(500, "internal_error", "The function failed; its log tells where.")
    log(
        "info",
        "request",
        status=answer.status,
        rows=answer.rows,
        ms=round((time.perf_counter() - started) * 1000, 3),
        request_id=context.aws_request_id,
        **({"code": answer.code} if answer.code else {}),
    )
    return {
        "statusCode": answer.status,
        "headers": {"content-type": answer.content_type},
        "body": answer.body.decode(),
        "isBase64Encoded": False,
    }


def _answer(event: dict[str, Any]) -> Answer:
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    text = event.get("body") or ""
    try:
        body = (
            base64.b64decode(text, validate=True) if event.get("isBase64Encoded") else text.encode()
        )
    except (binascii.Error, ValueError):
        return failure(400, "undecodable_body", "The body is not base64.")
    return STEP.respond(body, headers.get("content-type", ""), headers.get("accept", ""))
