"""A version that does not change by itself."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World


class GlueVersionPinned(MlRule):
    """A Spark job runs on whichever version of Glue is the default."""

    id = "W9595"
    shortdesc = "A Glue job names its version"
    description = (
        "Without GlueVersion a job takes the default of the day, and with it other versions of "
        "Spark and Python than its code was written for."
    )
    source = docs("glue/latest/dg/release-notes.html", READ)
    tags = ("glue", "lifecycle")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields Spark jobs without a version."""
        for found in world.of_type("AWS::Glue::Job"):
            if (
                found.get("Command", "Name") in ("glueetl", "gluestreaming")
                and found.get("GlueVersion") is None
            ):
                yield Finding(
                    found,
                    (),
                    "The job takes the default version: set GlueVersion, such as 5.1.",
                )
