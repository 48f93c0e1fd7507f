"""Which requests to endpoints are let in: permissions, headers, what is not hosted here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session

from rehearsal.emulator import host
from rehearsal.emulator.api import ServiceError, constraints
from rehearsal.emulator.sagemaker.packing import conditions
from rehearsal.emulator.sagemaker.records import arn

UNSUPPORTED = (
    "x-amzn-sagemaker-enable-explanations",
    "x-amzn-sagemaker-session-id",
)
"""What needs an endpoint that this data plane does not host."""


def authorize(operation: str, name: str, headers: Mapping[str, str]) -> None:
    """Asks IAM whether the caller may do this with an endpoint.

    Raises:
        ServiceError: It may not.
    """
    key = host.access_key(headers)
    context = conditions(headers)
    denied = host.denial(key, f"sagemaker:{operation}", arn("endpoint", name), context)
    if denied:
        raise ServiceError("AccessDeniedException", denied, 403)


def check_headers(headers: Mapping[str, str], members: Mapping[str, tuple[str, Any]]) -> None:
    """Holds headers against the members of an operation that are sent as headers.

    Raises:
        ServiceError: One does not fit, or is for what this data plane does not host.
    """
    for header, (member, shape) in members.items():
        if header in headers:
            broken = list(constraints(headers[header], shape, member))
            if broken:
                raise ServiceError("ValidationError", f"1 validation error detected: {broken[0]}")
    for header in UNSUPPORTED:
        if header in headers:
            raise ServiceError(
                "ValidationError", f"The rehearsal does not serve requests with {header}."
            )


def header_members(operation: str) -> dict[str, tuple[str, Any]]:
    """Returns the members of an operation that are sent as headers, with their shapes."""
    service = botocore.session.get_session().get_service_model("sagemaker-runtime")
    shape = service.operation_model(operation).input_shape
    return {
        member.serialization["name"].lower(): (name, member)
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header"
    }
