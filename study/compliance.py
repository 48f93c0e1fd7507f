"""How an architecture stands to NIST 800-53 R5, HIPAA and PCI DSS."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from catalogue.compliance import WAIVED, WAIVED_PACKS
from catalogue.discover import Architecture
from study.assembly import synthesize
from study.report import Cell, Report, Section
from study.validation import Finding, acknowledgements, findings


def compliance_report(architecture: Architecture) -> Report:
    """Synthesizes an architecture with the compliance packs and returns what they find."""
    with tempfile.TemporaryDirectory() as folder:
        assembly = Path(folder)
        synthesize([architecture.slug], assembly, reports=True)
        found = findings(assembly)
        accepted = list(acknowledgements(assembly, architecture.stack_id))
    return Report(
        title=f"Compliance of {architecture.slug}",
        lead="Rules that are not listed find nothing: they are gates in the tests.",
        sections=[
            Section(
                "NIST 800-53 R5, HIPAA, PCI DSS",
                ["Rule", "Packs", "Finding on", "Why a sandbox does not pay for it"],
                list(_rules(found)),
            ),
            Section(
                "AwsSolutions and Serverless: acknowledged where they are caused",
                ["Rule", "Construct", "Reason"],
                [[item.rule, item.construct.split("/", 1)[1], item.reason] for item in accepted],
            ),
        ],
    )


def _rules(found: list[Finding]) -> Iterator[list[Cell]]:
    by_rule: dict[str, list[Finding]] = defaultdict(list)
    for finding in found:
        if finding.pack in WAIVED_PACKS:
            by_rule[finding.rule].append(finding)
    for rule, items in sorted(by_rule.items()):
        packs = sorted({item.pack.split(".")[0] for item in items})
        where = dict.fromkeys(item.construct.removesuffix("/Resource") for item in items)
        yield [rule, ", ".join(packs), "\n".join(where), WAIVED.get(rule, "not waived: fix it")]
