"""The shape of an architecture's facts: typed, and each with a source or read from the template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Confidence(StrEnum):
    """How far a source carries."""

    DOCUMENTED = "documented"
    SECOND_HAND = "second-hand"
    CONFLICTING = "conflicting"


@dataclass(frozen=True)
class Source:
    """A page that says so.

    Attributes:
        url: Its address.
        read: The day it was read.
        confidence: Whether AWS documents it, somebody else reports it, or pages disagree.
    """

    url: str
    read: date
    confidence: Confidence = Confidence.DOCUMENTED


@dataclass(frozen=True)
class Sourced:
    """A statement that a page makes.

    Attributes:
        text: The statement, a value with its unit.
        source: Where it stands.
    """

    text: str
    source: Source


@dataclass(frozen=True)
class InTemplate:
    """A value that the synthesized template states itself.

    Attributes:
        resource_type: CloudFormation type of the resource.
        path: JMESPath below the resource's Properties; with several resources of the type, the
            first that has a value answers.
        unit: Printed behind the value.
        absent: What it means that no resource states it; None if that would be a mistake.
    """

    resource_type: str
    path: str
    unit: str = ""
    absent: str | None = None


Fact = Sourced | InTemplate


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A limit of the service.

    Attributes:
        name: What is limited.
        value: The limit with its unit, for people.
        source: Where it stands.
        setting: The template's value that has to respect the limit, if there is one.
        minimum: Smallest allowed number for the setting.
        maximum: Largest allowed number for the setting.
        step: The setting is a multiple of it.
    """

    name: str
    value: str
    source: Source
    setting: InTemplate | None = None
    minimum: float | None = None
    maximum: float | None = None
    step: float | None = None

    def violation(self, setting: float) -> str | None:
        """Returns what is wrong with a number the template states, None if it is allowed."""
        if self.minimum is not None and setting < self.minimum:
            return f"{self.name}: {setting:g} is below {self.minimum:g}"
        if self.maximum is not None and setting > self.maximum:
            return f"{self.name}: {setting:g} is above {self.maximum:g}"
        if self.step is not None and setting % self.step:
            return f"{self.name}: {setting:g} is no multiple of {self.step:g}"
        return None


@dataclass(frozen=True, kw_only=True)
class Availability:
    """Whether a new AWS account can use the feature the architecture stands on.

    Attributes:
        source: The page that says so, or the feature's own page if no notice was found.
        closed_since: The day it was closed to new accounts; None while it is open.
        replaced_by: Slug of the open architecture to use instead.
        not_in: Regions that do not have it, of those in which the templates are checked.
    """

    source: Source
    closed_since: date | None = None
    replaced_by: str | None = None
    not_in: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Option:
    """What whoever deploys the architecture may choose, by `-c name=value`.

    Attributes:
        name: Name of the context value.
        values: What it may be, the default first; empty if it may be any text, by default none.
        meaning: What the choice changes.
    """

    name: str
    values: tuple[str, ...]
    meaning: str

    @property
    def default(self) -> str:
        """The value that holds if none is given."""
        return self.values[0] if self.values else ""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a learner must know of an architecture.

    Attributes:
        title: Its name in the field's words.
        tasks: Exam tasks of MLA-C01, such as "3.1".
        c02: True if it is also a skill of MLA-C02.
        question: The comparison group: architectures with the same question answer it differently.
        summary: The path the data takes, in one sentence.
        choose_when: Requirements that point to it.
        rather_than: Slug of another answer -> why this one is chosen over it.
        comparison: Row -> fact; every architecture of a question has the same rows.
        limits: Limits of the service.
        billing: What is paid for.
        availability: Open or closed to new accounts.
        options: What may be chosen by `-c name=value`.
        related: Slugs worth reading next.
    """

    title: str
    tasks: tuple[str, ...]
    c02: bool
    question: str
    summary: str
    choose_when: tuple[Sourced, ...]
    rather_than: Mapping[str, str]
    comparison: Mapping[str, Fact]
    limits: tuple[Limit, ...]
    billing: tuple[Sourced, ...]
    availability: Availability
    options: tuple[Option, ...] = field(default=())
    related: tuple[str, ...] = field(default=())
