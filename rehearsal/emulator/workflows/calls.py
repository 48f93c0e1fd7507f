"""Calls of AWS APIs by the names that Step Functions and Scheduler give them.

Both take the names of the SDK for Java: `aws-sdk:sfn:listExecutions` with StateMachineArn is
ListExecutions with stateMachineArn.
Source: https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore import xform_name
from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape
from botocore.response import StreamingBody

CLIENTS = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sagemakerruntime": "sagemaker-runtime",
    "sfn": "stepfunctions",
    "states": "stepfunctions",
}
"""Name in the resource -> name in boto3, where they differ."""


class UnknownCallError(Exception):
    """There is no such service or action."""


class WrongTypeError(Exception):
    """A parameter has not the type that the service wants."""


def client_name(service: str) -> str:
    """Returns boto3's name of a service."""
    return CLIENTS.get(service.lower(), service.lower())


def call(client: Any, action: str, arguments: Mapping[str, Any], *, texts: bool) -> Any:
    """Calls an API and returns its answer as JSON has it, names with capitals.

    Args:
        client: boto3 client of the service.
        action: Such as "createTransformJob".
        arguments: Names in any case.
        texts: Whether a structure may be given where the service wants text: it is sent as JSON.

    Raises:
        UnknownCallError: The service has no such action.
        WrongTypeError: Text is wanted, something else is given.
        ClientError: As the service raises it.
    """
    names = {name.lower(): name for name in client.meta.service_model.operation_names}
    name = names.get(action.lower())
    if name is None:
        raise UnknownCallError(f"{client.meta.service_model.service_name} has no action {action}.")
    model = client.meta.service_model.operation_model(name)
    request = _sent(arguments, model.input_shape, texts) if model.input_shape else {}
    answer = getattr(client, xform_name(name))(**request)
    answer.pop("ResponseMetadata", None)
    return _received(answer)


def _sent(value: Any, shape: Shape, texts: bool) -> Any:
    """Returns a value with the members' names in the service's own case."""
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = {name.lower(): name for name in shape.members}
        sent = {}
        for key, inner in value.items():
            member = members.get(key.lower(), key)
            known = shape.members.get(member)
            sent[member] = _sent(inner, known, texts) if known else inner
        return sent
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_sent(inner, shape.member, texts) for inner in value]
    if isinstance(shape, MapShape) and isinstance(value, Mapping):
        return {key: _sent(inner, shape.value, texts) for key, inner in value.items()}
    if isinstance(shape, StringShape) and not isinstance(value, str):
        if not texts or not isinstance(value, Mapping | list):
            raise WrongTypeError(f"{json.dumps(value)} must be a STRING")
        return json.dumps(value)
    return value


def _received(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {f"{key[:1].upper()}{key[1:]}": _received(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_received(inner) for inner in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, StreamingBody):
        return value.read().decode(errors="replace")
    return value.decode(errors="replace") if isinstance(value, bytes) else value
