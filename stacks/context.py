"""What a user may set with `-c name=value`, parsed strictly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from constructs import Node

from catalogue.errors import UsageError
from catalogue.model import Option
from mla_constructs.lifecycle.expiry import MAX_HOURS


@dataclass(frozen=True)
class Context:
    """Settings that hold for every stack of the app.

    Attributes:
        stacks: `-c stack=a,b`: slugs to build; empty builds all.
        retain_data: `-c retain_data=true`: keys, buckets and logs outlive their stack.
        region: `-c region=eu-west-1`: builds for that region; None builds templates that fit any
            region and lets the deployment decide.
        expire_after_hours: `-c expire_after_hours=8`: the stack deletes itself so many hours after
            its creation; None leaves it until somebody does.
        packs: `-c packs=all`: also runs the compliance packs, whose findings are a report.
    """

    stacks: tuple[str, ...]
    retain_data: bool
    region: str | None
    expire_after_hours: int | None
    packs: bool

    @classmethod
    def of(cls, node: Node) -> Context:
        """Returns the settings in a construct tree's context.

        Raises:
            UsageError: A value is not of its kind.
        """
        stacks = _text(node, "stack") or ""
        region = _text(node, "region")
        if region is not None and not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d", region):
            raise UsageError(f"region is {region!r}: name an AWS region such as 'eu-west-1'.")
        packs = _text(node, "packs")
        if packs not in (None, "all"):
            raise UsageError(f"packs is {packs!r}: the only choice is 'all'.")
        return cls(
            stacks=tuple(slug for slug in stacks.split(",") if slug.strip()),
            retain_data=_flag(node, "retain_data"),
            region=region,
            expire_after_hours=_hours(node, "expire_after_hours"),
            packs=packs == "all",
        )


def chosen(node: Node, option: Option) -> str:
    """Returns what was chosen for an architecture's option, its default if nothing was.

    Raises:
        UsageError: The option has no such value.
    """
    value = _text(node, option.name)
    if value is None:
        return option.default
    if option.values and value not in option.values:
        raise UsageError(f"{option.name} is {value!r}: choose from {', '.join(option.values)}.")
    return value


def _text(node: Node, name: str) -> str | None:
    value: Any = node.try_get_context(name)
    if value is None or (isinstance(value, str) and value):
        return value
    raise UsageError(f"Context {name} is {value!r}: give it as text, such as -c {name}=...")


def _flag(node: Node, name: str) -> bool:
    value: Any = node.try_get_context(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if value in ("true", "false"):
        return bool(value == "true")
    raise UsageError(f"Context {name} is {value!r}: set it to true or false.")


def _hours(node: Node, name: str) -> int | None:
    value: Any = node.try_get_context(name)
    if value is None:
        return None
    # As text from the command line, as a number from cdk.json; bool is an int to Python.
    if not isinstance(value, bool) and re.fullmatch(r"[1-9][0-9]{0,3}", str(value)):
        hours = int(value)
        if hours <= MAX_HOURS:
            return hours
    raise UsageError(f"{name} is {value!r}: give whole hours, from 1 to {MAX_HOURS}.")
