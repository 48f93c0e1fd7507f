"""Below which keys Firehose writes."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import Deferred, World

DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")
OF_ERRORS = "!{firehose:error-output-type}"


class FirehosePrefix(MlRule):
    """A delivery to S3 writes failed records where it cannot."""

    id = "E9597"
    shortdesc = "A Firehose prefix with expressions has one for errors beside it"
    description = (
        "Where Prefix contains expressions, Firehose asks for an ErrorOutputPrefix; where that "
        f"contains some, {OF_ERRORS} is among them. In Prefix it may not stand."
    )
    source = docs("firehose/latest/dev/s3-prefixes.html", READ)
    tags = ("firehose",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields prefixes that Firehose rejects."""
        for stream in world.of_type("AWS::KinesisFirehose::DeliveryStream"):
            for destination in DESTINATIONS:
                prefix = stream.get(destination, "Prefix")
                errors = stream.get(destination, "ErrorOutputPrefix")
                if OF_ERRORS in str(prefix):
                    yield Finding(
                        stream,
                        (destination, "Prefix"),
                        f"{OF_ERRORS} stands in ErrorOutputPrefix alone: leave it out here.",
                    )
                elif "!{" in str(prefix) and errors is None:
                    yield Finding(
                        stream,
                        (destination,),
                        "Prefix contains expressions and failed records have no place: set "
                        f"ErrorOutputPrefix, such as failed/{OF_ERRORS}/.",
                    )
                known = not isinstance(errors, Deferred)
                if known and "!{" in str(errors) and OF_ERRORS not in str(errors):
                    yield Finding(
                        stream,
                        (destination, "ErrorOutputPrefix"),
                        f"Firehose asks for {OF_ERRORS} here: set it beside the other expressions.",
                    )
