"""Records of a stream that cannot be processed."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World, number, references


class StreamFailures(MlRule):
    """One bad record holds up a shard until it expires."""

    id = "W9591"
    shortdesc = "A function that reads a stream gives up on bad records"
    description = (
        "By default Lambda tries a failed batch again until its records expire, and reads nothing "
        "else of the shard. Limited attempts and a destination for failures keep it going."
    )
    source = docs("lambda/latest/dg/kinesis-on-failure-destination.html", READ)
    tags = ("kinesis", "lambda")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields readers of Kinesis streams that neither give up nor keep what failed."""
        streams = {stream.name for stream in world.of_type("AWS::Kinesis::Stream")}
        for mapping in world.of_type("AWS::Lambda::EventSourceMapping"):
            read = mapping.get("EventSourceArn")
            if not references(read) & streams and ":kinesis:" not in str(read):
                continue
            attempts = mapping.get("MaximumRetryAttempts")
            missing = ["MaximumRetryAttempts"] if attempts is None or number(attempts) == -1 else []
            if mapping.get("DestinationConfig", "OnFailure") is None:
                missing.append("DestinationConfig.OnFailure")
            if missing:
                yield Finding(
                    mapping,
                    (),
                    f"A bad record holds up its shard, or is lost: set {' and '.join(missing)}.",
                )
