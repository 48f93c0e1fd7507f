"""What stands in a lock file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

HASH = re.compile(r" --hash=sha256:[0-9a-f]{64}(?= |$)")


@dataclass(frozen=True)
class Entry:
    """One package in one version."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        return canonical(self.requirement.name)

    @property
    def version(self) -> str:
        (specifier,) = self.requirement.specifier
        assert specifier.operator == "=="
        return specifier.version


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def entries(file: Path) -> list[Entry]:
    """The entries; whatever else stands there does not parse."""
    text = re.sub(r"\s*\\\n\s*", " ", file.read_text())
    lines = [line for line in text.splitlines() if line and not line.lstrip().startswith("#")]
    return [Entry(Requirement(HASH.sub("", line)), len(HASH.findall(line))) for line in lines]


def pins(file: Path) -> dict[str, str]:
    """The version of each package on this platform and Python."""
    return {
        entry.name: entry.version
        for entry in entries(file)
        if entry.requirement.marker is None or entry.requirement.marker.evaluate()
    }
