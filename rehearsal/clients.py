"""What a client does with a deployed stack: the same in a rehearsal and in a real account."""

from __future__ import annotations

from typing import Any

from rehearsal.stage import DeployedStack


def ask_endpoint(
    stack: DeployedStack, body: bytes, *, content_type: str = "text/csv", **more: Any
) -> bytes:
    """Sends one request to the endpoint that the stack's outputs name, and returns the answer.

    Args:
        stack: The deployed stack.
        body: The payload.
        content_type: Of the payload.
        more: Further arguments of InvokeEndpoint.
    """
    answer = stack.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=stack.outputs["EndpointName"], ContentType=content_type, Body=body, **more
    )
    return bytes(answer["Body"].read())
