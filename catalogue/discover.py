"""Finds the architectures: every folder `stacks/<domain>/<slug>/` with a facts.py is one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from pathlib import Path

from catalogue.errors import UsageError, unknown
from catalogue.exam import DOMAINS, Domain
from catalogue.model import Facts

ROOT = Path(__file__).resolve().parent.parent
STACKS = ROOT / "stacks"


@dataclass(frozen=True)
class Architecture:
    """A reference architecture, known by its folder.

    Attributes:
        slug: Name of its folder, such as "realtime_endpoint".
        domain: The exam domain whose folder it lies in.
        folder: Where its stack.py and facts.py are.
    """

    slug: str
    domain: Domain
    folder: Path

    @property
    def stack_id(self) -> str:
        """Name of its CloudFormation stack, such as "realtime-endpoint"."""
        return self.slug.replace("_", "-")

    @property
    def stack_class(self) -> str:
        """Name of the class in its stack.py, such as "RealtimeEndpointStack"."""
        return self.slug.title().replace("_", "") + "Stack"

    @property
    def module(self) -> str:
        """Its package, such as "stacks.deployment.realtime_endpoint"."""
        return f"stacks.{self.domain.slug}.{self.slug}"

    @cached_property
    def facts(self) -> Facts:
        """Its facts."""
        facts = import_module(f"{self.module}.facts").FACTS
        if not isinstance(facts, Facts):
            raise UsageError(
                f"{self.module}.facts.FACTS is {type(facts).__name__}: "
                "make it a catalogue.model.Facts."
            )
        return facts


def discover(stacks: Path = STACKS) -> dict[str, Architecture]:
    """Returns the architectures by slug, ordered by domain number and slug.

    Raises:
        UsageError: A folder is not named after an exam domain.
    """
    found = [
        Architecture(facts.parent.name, _domain(facts.parent.parent.name), facts.parent)
        for facts in stacks.glob("*/*/facts.py")
    ]
    return {a.slug: a for a in sorted(found, key=lambda a: (a.domain.number, a.slug))}


def _domain(name: str) -> Domain:
    if name not in DOMAINS:
        raise unknown("exam domain", name, DOMAINS)
    return DOMAINS[name]


def select(slugs: Iterable[str]) -> list[Architecture]:
    """Returns the named architectures in the order given.

    A slug may be written as the stack's name, with hyphens.

    Raises:
        UsageError: There is no such architecture.
    """
    known = discover()
    wanted = [slug.strip().replace("-", "_") for slug in slugs]
    for slug in wanted:
        if slug not in known:
            raise unknown("architecture", slug, known)
    return [known[slug] for slug in wanted]
