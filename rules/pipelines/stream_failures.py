"""Records of a stream that cannot be processed."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import Resource, World, number, references


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
        for reader, path in _readers(world):
            attempts = reader.get(*path, "MaximumRetryAttempts")
            missing = ["MaximumRetryAttempts"] if attempts is None or number(attempts) == -1 else []
            if reader.get(*path, "DestinationConfig", "OnFailure") is None:
                missing.append("DestinationConfig.OnFailure")
            if missing:
                yield Finding(
                    reader,
                    path,
                    f"A bad record holds up its shard, or is lost: set {' and '.join(missing)}.",
                )


def _readers(world: World) -> Iterator[tuple[Resource, tuple[str, ...]]]:
    """Yields what reads Kinesis streams, and where its settings stand."""
    streams = {stream.name for stream in world.of_type("AWS::Kinesis::Stream")}
    for mapping in world.of_type("AWS::Lambda::EventSourceMapping"):
        read = mapping.get("EventSourceArn")
        if references(read) & streams or ":kinesis:" in str(read):
            yield mapping, ()
    for function in world.of_type("AWS::Serverless::Function"):
        events = function.get("Events")
        for name in events if isinstance(events, dict) else ():
            if function.get("Events", name, "Type") == "Kinesis":
                yield function, ("Events", name, "Properties")
