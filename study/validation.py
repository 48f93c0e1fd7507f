"""What a synthesis found, and what was acknowledged, read from the cloud assembly."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from catalogue.errors import UsageError

ACKNOWLEDGED = "aws:cdk:acknowledged-rules"


@dataclass(frozen=True)
class Finding:
    """A violation of a rule.

    Attributes:
        pack: Such as "AwsSolutions" or "NIST.800.53.R5".
        rule: Name within the pack, such as "S3BucketReplicationEnabled".
        severity: "error" or "warning".
        stack: Name of the stack.
        construct: Path below the stack.
    """

    pack: str
    rule: str
    severity: str
    stack: str
    construct: str


@dataclass(frozen=True)
class Acknowledgement:
    """A finding that was accepted where it is caused.

    Attributes:
        rule: As the report names it.
        construct: Path of the construct, its stack first.
        reason: Why.
    """

    rule: str
    construct: str
    reason: str


def findings(assembly: Path) -> list[Finding]:
    """Returns what the validation report of an assembly lists; none if there is no report.

    Raises:
        UsageError: The report is not readable.
    """
    file = assembly / "validation-report.json"
    if not file.exists():
        return []
    try:
        plugins = json.loads(file.read_text(encoding="utf-8"))["pluginReports"]
        return [
            Finding(
                plugin["pluginName"],
                violation["ruleName"].removeprefix(f"{plugin['pluginName']}-"),
                violation["severity"],
                *found["constructPath"].split("/", 1),
            )
            for plugin in plugins
            for violation in plugin["violations"]
            for found in violation["violatingConstructs"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{file} is not a validation report ({error}): delete it and run `make synth`."
        ) from None


def acknowledgements(assembly: Path, stack_id: str) -> Iterator[Acknowledgement]:
    """Yields what a stack's constructs acknowledge."""
    metadata = json.loads((assembly / f"{stack_id}.metadata.json").read_text(encoding="utf-8"))
    for path, entries in metadata.items():
        for entry in entries:
            if entry["type"] == ACKNOWLEDGED:
                for rule, reason in entry["data"].items():
                    yield Acknowledgement(rule.removeprefix("Annotation::"), path[1:], reason)
