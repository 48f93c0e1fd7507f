"""How a service of the emulator says no."""

from __future__ import annotations


class ServiceError(Exception):
    """An error that a service answers with.

    Attributes:
        code: Such as "ValidationException".
        status: HTTP status.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
