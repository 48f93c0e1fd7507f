"""How long a stream keeps its records."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World


class StreamRetention(MlRule):
    """Nobody decided how long a consumer may be away."""

    id = "I9598"
    shortdesc = "A Kinesis data stream says how long it keeps its records"
    description = (
        "By default records are gone after 24 hours, read or not, and a message on a failed batch "
        "holds their numbers only. A weekend without a consumer is longer; whoever is content "
        "with a day sets 24."
    )
    source = docs("streams/latest/dev/kinesis-extended-retention.html", READ)
    tags = ("kinesis",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields streams that leave their retention to the default."""
        for stream in world.of_type("AWS::Kinesis::Stream"):
            if stream.get("RetentionPeriodHours") is None:
                yield Finding(
                    stream,
                    (),
                    "Records that nobody reads within 24 h are lost: set RetentionPeriodHours, "
                    "24 to 8760.",
                )
