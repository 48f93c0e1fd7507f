"""The keys of a Glue job."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World


class GlueSecurity(MlRule):
    """A job writes data, logs and bookmarks under no key of its own."""

    id = "W9594"
    shortdesc = "A Glue job has a security configuration"
    description = "It names the keys for what a job writes to S3, for its logs and its bookmarks."
    source = docs("glue/latest/webapi/API_EncryptionConfiguration.html", READ)
    tags = ("glue", "encryption")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields jobs without a security configuration."""
        for found in world.of_type("AWS::Glue::Job"):
            if not found.get("SecurityConfiguration"):
                yield Finding(
                    found,
                    (),
                    "Logs and bookmarks have no key of yours: set SecurityConfiguration.",
                )
