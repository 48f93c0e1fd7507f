"""Everything a request can get wrong, each with its status; no message repeats a value sent."""

from __future__ import annotations

from typing import ClassVar


class BadInput(Exception):  # noqa: N818 - "input" is what is at fault
    """The request is at fault; the message tells its author what to change."""

    status: ClassVar[int]
    code: ClassVar[str]


class UnsupportedContentType(BadInput):
    """The body is of a type that this step does not read."""

    status, code = 415, "unsupported_content_type"


class UndecodableBody(BadInput):
    """The body is empty, or not what its type says."""

    status, code = 400, "undecodable_body"


class WrongShape(BadInput):
    """The body can be read, but is not rows of the right width."""

    status, code = 422, "wrong_shape"


class InvalidValue(BadInput):
    """The rows have the right shape, but hold what is no number to predict from."""

    status, code = 422, "invalid_value"


class NotAcceptable(BadInput):
    """Accept names no type that this step writes."""

    status, code = 406, "not_acceptable"


class TooLarge(BadInput):
    """More bytes or more rows than one request may bring."""

    status, code = 413, "too_large"


class TooSlow(BadInput):
    """The body did not arrive in time."""

    status, code = 408, "too_slow"


class ModelError(Exception):
    """The model cannot be served; the message is one sentence for the operator."""
