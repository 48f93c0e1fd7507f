"""A key that does not reach the disk."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_api
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, is_local, variants
from rules._world import World


class KeyOnLocalStorage(MlRule):
    """A key is set for instances whose disks it does not encrypt."""

    id = "I9526"
    shortdesc = "A KMS key reaches the disks that it is meant for"
    description = (
        "Instances with local NVMe disks encrypt them in hardware: KmsKeyId does not. It does no "
        "harm; whoever has to prove with which key data is encrypted should know."
    )
    source = sagemaker_api("API_CreateEndpointConfig.html", READ)
    tags = ("sagemaker", "encryption")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields keys on configurations whose instances all have local disks."""
        for config in world.of_type(CONFIG):
            types = sorted({v.instance_type for v in variants(config)})
            if config.get("KmsKeyId") and types and all(map(is_local, types)):
                yield Finding(
                    config,
                    ("KmsKeyId",),
                    f"The disks of {', '.join(types)} are encrypted in hardware and not by this "
                    "key: where it has to be yours, use an instance type without such disks.",
                )
