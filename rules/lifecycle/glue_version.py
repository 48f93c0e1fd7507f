"""Versions of Glue."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World

ENDED = {"0.9", "1.0", "2.0"}
SPARK = ("glueetl", "gluestreaming")


class GlueVersion(MlRule):
    """A Spark job runs on a version of Glue that has ended."""

    id = "E9563"
    shortdesc = "A Glue job names a version that can be started"
    description = (
        "Spark jobs on Glue 0.9, 1.0 and 2.0 can neither be created nor started since 2026-04-01. "
        "Python shell jobs do not depend on it."
    )
    source = docs("glue/latest/dg/glue-version-support-policy.html", READ)
    tags = ("lifecycle", "glue")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields Spark jobs on versions that have ended."""
        for job in world.of_type("AWS::Glue::Job"):
            version = str(job.get("GlueVersion"))
            if version in ENDED and job.get("Command", "Name") in SPARK:
                yield Finding(
                    job,
                    ("GlueVersion",),
                    f"Glue {version} ended on 2026-04-01: use 5.1 (Spark 3.5) or 6.0 (Spark 4.1).",
                )
