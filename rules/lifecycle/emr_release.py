"""Releases of EMR."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule, has_come
from rules._world import World

END_OF_SUPPORT = {
    (5, 35): date(2026, 9, 1),
    (5, 36): date(2027, 6, 30),
    (6, 5): date(2026, 9, 1),
    (6, 15): date(2027, 6, 30),
    (7, 10): date(2027, 8, 31),
    (7, 11): date(2027, 11, 4),
    (7, 12): date(2027, 11, 22),
    (7, 13): date(2028, 4, 21),
    (7, 14): date(2028, 9, 9),
}
"""Release -> the day on which its support ends, and that of those before it, down to the last."""


class EmrRelease(MlRule):
    """A cluster or application runs a release of EMR without support."""

    id = "W9564"
    shortdesc = "An EMR release is supported"
    description = (
        "Support of EMR 5.35 and earlier, and of 6.5 and earlier, ended on 2026-09-01; of 5.36 and "
        "6.6 to 6.15 it ends on 2027-06-30, of 7.0 to 7.10 on 2027-08-31, of later ones two "
        "years or so after their release. Then come no fixes; a year later the API may drop them."
    )
    source = docs("emr/latest/ReleaseGuide/emr-standard-support.html", READ)
    tags = ("lifecycle", "emr")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields clusters and applications whose release has ended."""
        for resource in world.of_type("AWS::EMR::Cluster", "AWS::EMRServerless::Application"):
            label = resource.get("ReleaseLabel")
            parts = re.match(r"emr-(\d+)\.(\d+)", str(label))
            release = (int(parts[1]), int(parts[2])) if parts else (99, 0)
            end = next((end for last, end in END_OF_SUPPORT.items() if release <= last), None)
            if end and has_come(end):
                yield Finding(
                    resource,
                    ("ReleaseLabel",),
                    f"Support of {label} ended on {end}: use a release that still has it.",
                )
