"""The key of what Firehose buffers."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World


class FirehoseEncryption(MlRule):
    """A delivery stream buffers what is put into it without a key."""

    id = "W9592"
    shortdesc = "A Firehose stream with direct puts is encrypted"
    description = (
        "Records put into Firehose are encrypted at rest only if the stream says so. One that "
        "reads from a Kinesis data stream has the encryption of its source."
    )
    source = docs("firehose/latest/APIReference/API_StartDeliveryStreamEncryption.html", READ)
    tags = ("firehose", "encryption")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields delivery streams for direct puts without encryption."""
        for found in world.of_type("AWS::KinesisFirehose::DeliveryStream"):
            if found.get("DeliveryStreamType") in (None, "DirectPut") and not found.get(
                "DeliveryStreamEncryptionConfigurationInput"
            ):
                yield Finding(
                    found,
                    (),
                    "Buffered records are not encrypted: set "
                    "DeliveryStreamEncryptionConfigurationInput.",
                )
