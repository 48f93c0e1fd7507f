"""The key of the storage of an endpoint."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_api
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, Kind, may_be_local, variants
from rules._world import World


class EncryptedStorage(MlRule):
    """Instances keep models and requests on storage without a key of one's own."""

    id = "W9525"
    shortdesc = "An endpoint configuration has a KMS key"
    description = (
        "KmsKeyId encrypts the storage volumes of the instances under a key whose use can be "
        "granted, logged and revoked."
    )
    source = sagemaker_api("API_CreateEndpointConfig.html", READ)
    tags = ("sagemaker", "encryption")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields configurations with a volume that no key of theirs encrypts."""
        for config in world.of_type(CONFIG):
            on_volumes = [
                variant
                for variant in variants(config)
                if variant.kind is not Kind.SERVERLESS and not may_be_local(variant.instance_type)
            ]
            if on_volumes and not config.get("KmsKeyId"):
                yield Finding(
                    config,
                    (),
                    "The volumes of the instances have no key of yours: set KmsKeyId.",
                )
