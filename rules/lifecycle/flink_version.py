"""Versions of managed Flink."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World

ENDED = {
    "FLINK-1_6": "2025-07-28",
    "FLINK-1_8": "2025-07-28",
    "FLINK-1_11": "2025-07-28",
    "FLINK-1_13": "2025-10-16",
}


class FlinkVersion(MlRule):
    """An application asks for a version of Flink that is not supported any more."""

    id = "E9567"
    shortdesc = "Managed Flink still supports a version"
    description = (
        "Applications on Flink 1.11 and earlier can no longer be started; support of 1.13 ended, "
        "too."
    )
    source = docs("managed-flink/latest/java/release-version-list.html", READ)
    tags = ("lifecycle", "flink")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields applications on ended versions."""
        for application in world.of_type("AWS::KinesisAnalyticsV2::Application"):
            runtime = application.get("RuntimeEnvironment")
            if isinstance(runtime, str) and runtime in ENDED:
                yield Finding(
                    application,
                    ("RuntimeEnvironment",),
                    f"{runtime} ended on {ENDED[runtime]}: use FLINK-1_20 or FLINK-2_3.",
                )
