"""What a construct raises for a value that the service would reject."""

from __future__ import annotations


class InvalidArgument(ValueError):  # noqa: N818 - "argument" is what it is about
    """A constructor value that AWS does not accept: one sentence with the value and the fix."""


def require_between(
    name: str, value: float, minimum: float, maximum: float, *, unit: str = ""
) -> None:
    """Raises InvalidArgument unless minimum <= value <= maximum.

    Args:
        name: The argument's name.
        value: What was received.
        minimum: Smallest value the service accepts.
        maximum: Largest value the service accepts.
        unit: What the numbers count, such as "MB".
    """
    if not minimum <= value <= maximum:
        behind = f" {unit}" if unit else ""
        raise InvalidArgument(
            f"{name} is {value}{behind}: choose a value from {minimum} to {maximum}{behind}."
        )
