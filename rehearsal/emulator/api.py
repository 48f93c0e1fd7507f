"""A service of AWS that answers as its botocore model says."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import botocore.session
from botocore import xform_name
from botocore.model import ListShape, MapShape, OperationModel, Shape, StringShape, StructureShape
from botocore.validate import ParamValidator

from rehearsal.emulator import host, schemas
from rehearsal.emulator.errors import ServiceError as ServiceError  # noqa: PLC0414 - for services

Record = dict[str, Any]


class Api:
    """Operations of one service with a JSON protocol.

    A subclass has a method for each operation it knows, in snake case, that takes the request's
    parameters and returns the answer's. Everything else is refused by name.

    Attributes:
        service: Name of the service in botocore.
        resources: Operation -> the ARN that IAM is asked for, from the request's parameters.
    """

    service: str
    resources: Mapping[str, Callable[[Record], str]] = {}

    def __init__(self) -> None:
        self.model = botocore.session.get_session().get_service_model(self.service)

    @property
    def target(self) -> str:
        """What X-Amz-Target begins with."""
        return str(self.model.metadata["targetPrefix"])

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Record
    ) -> host.Answer:
        """Answers a request; what it does runs on a thread, as it may wait."""
        del method, path, query
        name = headers.get("x-amz-target", "").rpartition(".")[2]
        try:
            request = json.loads(body or b"{}")
            self.authorize(host.access_key(headers), name, request)
            return 200, {**JSON}, encode(await asyncio.to_thread(self.call, name, request))
        except ServiceError as error:
            return error.status, {**JSON}, refusal(error)

    def authorize(self, access_key: str, name: str, request: Record) -> None:
        """Asks IAM whether the caller may do this.

        Raises:
            ServiceError: It may not.
        """
        about = self.resources.get(name)
        resource = about(request) if about else "*"
        prefix = self.model.signing_name
        denied = host.denial(access_key, f"{prefix}:{name}", resource)
        if denied:
            raise ServiceError("AccessDeniedException", denied, 403)

    def call(self, name: str, request: Record) -> Record:
        """Validates a request, does what it asks for, and returns the answer.

        Raises:
            ServiceError: The request is not valid, or cannot be done.
        """
        operation = (
            getattr(self, xform_name(name), None) if name in self.model.operation_names else None
        )
        if operation is None:
            raise ServiceError(
                "UnknownOperationException", f"The rehearsal does not know {self.service} {name}."
            )
        validate(self.model.operation_model(name), request)
        answer: Record | None = operation(request)
        return answer or {}


JSON = {"Content-Type": "application/x-amz-json-1.1"}
"""MiniStack adds to the headers of each answer: it gets a copy."""


def encode(answer: Record) -> bytes:
    """Returns an answer as JSON, times in seconds since 1970."""
    return json.dumps(answer, default=_seconds).encode()


def _seconds(value: object) -> float:
    if isinstance(value, datetime):
        return value.timestamp()
    raise TypeError(f"{value!r} has no form in JSON")


def refusal(error: ServiceError) -> bytes:
    """Returns an error as the JSON protocol has it."""
    return json.dumps({"__type": error.code, "message": str(error)}).encode()


def validate(operation: OperationModel, request: Record) -> None:
    """Holds a request against the service's model: members, types, lengths, patterns, choices.

    Raises:
        ServiceError: It does not fit, in the service's own words.
    """
    if operation.input_shape is None:
        return
    report = ParamValidator().validate(request, operation.input_shape)
    if report.has_errors():
        raise ServiceError("ValidationException", report.generate_report())
    broken = list(constraints(request, operation.input_shape, ""))
    if broken:
        plural = "" if len(broken) == 1 else "s"
        raise ServiceError(
            "ValidationException",
            f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}",
        )


def constraints(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Yields what botocore's validator lets pass and the service does not."""
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            inner = f"{path}.{name}" if path else name
            if name in shape.members:
                yield from constraints(member, shape.members[name], inner)
    elif isinstance(shape, ListShape):
        for index, member in enumerate(value):
            yield from constraints(member, shape.member, f"{path}.{index + 1}.member")
    elif isinstance(shape, MapShape):
        for key, member in value.items():
            yield from constraints(member, shape.value, f"{path}.{key}")
    yield from _limits(value, shape, path)


def _limits(value: Any, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(shape, StringShape):
        if shape.enum and value not in shape.enum:
            yield _broken(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
        pattern = shape.metadata.get("pattern")
        if pattern and not schemas.fits(value, f"^(?:{pattern})$"):
            yield _broken(value, path, f"satisfy regular expression pattern: {pattern}")
    maximum = shape.metadata.get("max")
    if maximum is None:
        return
    if isinstance(value, str | list | dict) and len(value) > maximum:
        yield _broken(value, path, f"have length less than or equal to {maximum}")
    elif isinstance(value, int | float) and value > maximum:
        yield _broken(value, path, f"have value less than or equal to {maximum}")


def _broken(value: Any, path: str, constraint: str) -> str:
    name = path[:1].lower() + path[1:]
    return f"Value '{value}' at '{name}' failed to satisfy constraint: Member must {constraint}"
