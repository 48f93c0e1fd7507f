"""Errors of a delivery."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import Deferred, World, is_true

DESTINATIONS = ("ExtendedS3DestinationConfiguration", "S3DestinationConfiguration")


class FirehoseLogging(MlRule):
    """Nobody learns why records were not delivered."""

    id = "W9593"
    shortdesc = "A Firehose delivery to S3 logs its errors"
    description = (
        "Failed deliveries and transformations are told in a log of CloudWatch, if the destination "
        "names one."
    )
    source = docs("firehose/latest/APIReference/API_CloudWatchLoggingOptions.html", READ)
    tags = ("firehose", "logging")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields deliveries to S3 without a log."""
        for stream in world.of_type("AWS::KinesisFirehose::DeliveryStream"):
            for destination in DESTINATIONS:
                logging = stream.get(destination, "CloudWatchLoggingOptions", "Enabled")
                unknown = isinstance(logging, Deferred)
                if stream.get(destination) is not None and not unknown and not is_true(logging):
                    yield Finding(
                        stream,
                        (destination,),
                        "Errors of the delivery are not logged: set CloudWatchLoggingOptions.",
                    )
