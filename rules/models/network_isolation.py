"""What a container may call."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_api
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, MODEL, Kind, variants
from rules._world import Deferred, World, is_true


class NetworkIsolation(MlRule):
    """A container that needs no network has one."""

    id = "W9541"
    shortdesc = "A model is isolated from the network"
    description = (
        "Code in a model runs with the rights of its role. In network isolation it can neither "
        "send data away nor fetch code. Serverless variants do not support it."
    )
    source = sagemaker_api("API_CreateModel.html", READ)
    tags = ("sagemaker", "network")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields models, other than of serverless variants, that are not isolated."""
        serverless = {
            model.name
            for config in world.of_type(CONFIG)
            for variant in variants(config)
            if variant.kind is Kind.SERVERLESS and (model := variant.model(world))
        }
        isolated = {
            model.name
            for config in world.of_type(CONFIG)
            if config.get("EnableNetworkIsolation")
            for variant in variants(config)
            if (model := variant.model(world))
        }
        for model in world.of_type(MODEL):
            setting = model.get("EnableNetworkIsolation")
            unknown = isinstance(setting, Deferred)
            if model.name in serverless | isolated or unknown or is_true(setting):
                continue
            yield Finding(
                model,
                (),
                "The containers can reach the network: set EnableNetworkIsolation, if they fetch "
                "nothing while they run.",
            )
