"""The key of a stream."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World


class StreamEncryption(MlRule):
    """A stream keeps its records without a key."""

    id = "W9590"
    shortdesc = "A Kinesis data stream is encrypted"
    description = "Server-side encryption keeps the records of a stream under a KMS key."
    source = docs("kinesis/latest/APIReference/API_StartStreamEncryption.html", READ)
    tags = ("kinesis", "encryption")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields streams without StreamEncryption."""
        for found in world.of_type("AWS::Kinesis::Stream"):
            if found.get("StreamEncryption") is None:
                yield Finding(
                    found,
                    (),
                    "The records are not encrypted: set StreamEncryption with EncryptionType KMS.",
                )
