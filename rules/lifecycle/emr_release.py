"""Releases of EMR."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World

LAST_ENDED = {2: 99, 3: 99, 4: 99, 5: 35, 6: 5}
"""Major release -> the last of its minor releases whose support ended on 2026-09-01."""


class EmrRelease(MlRule):
    """A cluster or application runs a release of EMR without support."""

    id = "W9564"
    shortdesc = "An EMR release is supported"
    description = (
        "Support of EMR 5.35 and earlier, and of 6.5 and earlier, ended on 2026-09-01: no fixes, "
        "and they may vanish from the API a year later."
    )
    source = docs("emr/latest/ReleaseGuide/emr-standard-support.html", READ)
    tags = ("lifecycle", "emr")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields clusters and applications whose release has ended."""
        for resource in world.of_type("AWS::EMR::Cluster", "AWS::EMRServerless::Application"):
            label = resource.get("ReleaseLabel")
            parts = re.match(r"emr-(\d+)\.(\d+)", str(label))
            if parts and int(parts[2]) <= LAST_ENDED.get(int(parts[1]), -1):
                yield Finding(
                    resource,
                    ("ReleaseLabel",),
                    f"Support of {label} ended on 2026-09-01: use a release of 7.x.",
                )
