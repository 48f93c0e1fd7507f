"""What a serverless variant cannot have."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import CONFIG, Kind, Variant, variants
from rules._world import Resource, World, is_true, number

SIZES = {1024, 2048, 3072, 4096, 5120, 6144}


class ServerlessSettings(MlRule):
    """A serverless variant is given what belongs to instances."""

    id = "E9520"
    shortdesc = "A serverless variant has no setting of a variant on instances"
    description = (
        "Serverless Inference takes one production variant, without shadow, data capture, "
        "asynchronous inference, network isolation, VPC, inference pipeline or multi-model "
        "container; memory in steps of 1 GB, and at most MaxConcurrency of it provisioned."
    )
    source = sagemaker_guide("serverless-endpoints.html", READ)
    tags = ("sagemaker", "serverless")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields what a serverless variant, its configuration or its model cannot have."""
        for config in world.of_type(CONFIG):
            for variant in variants(config):
                if variant.kind is Kind.SERVERLESS:
                    yield from _around(variant)
                    yield from _inside(variant)
                    model = variant.model(world)
                    if model:
                        yield from _behind(model)


def _around(variant: Variant) -> Iterator[Finding]:
    config = variant.config
    if is_true(config.get("DataCaptureConfig", "EnableCapture")):
        path: tuple[str | int, ...] = ("DataCaptureConfig",)
        yield Finding(config, path, "A serverless variant captures no data: leave it out.")
    if config.get("AsyncInferenceConfig") is not None:
        path = ("AsyncInferenceConfig",)
        yield Finding(config, path, "A serverless variant is never asynchronous: leave it out.")
    if config.get("VpcConfig") is not None:
        yield Finding(config, ("VpcConfig",), "A serverless variant has no VPC: leave it out.")
    if len(config.items("ProductionVariants")) > 1 and variant.path[1] == 0:
        path = ("ProductionVariants",)
        yield Finding(config, path, "A serverless endpoint has one variant: make it two endpoints.")


def _inside(variant: Variant) -> Iterator[Finding]:
    settings = variant.settings
    for name in ("InstanceType", "InitialInstanceCount", "ManagedInstanceScaling"):
        if name in settings:
            yield Finding(
                variant.config,
                (*variant.path, name),
                f"A serverless variant has no {name}: leave it out.",
            )
    serverless = settings["ServerlessConfig"]
    if not isinstance(serverless, dict):
        return
    memory = number(serverless.get("MemorySizeInMB"))
    if memory is not None and memory not in SIZES:
        yield Finding(
            variant.config,
            (*variant.path, "ServerlessConfig", "MemorySizeInMB"),
            f"MemorySizeInMB is {memory:.0f}: choose from {', '.join(map(str, sorted(SIZES)))}.",
        )
    most = number(serverless.get("MaxConcurrency"))
    provisioned = number(serverless.get("ProvisionedConcurrency"))
    if most is not None and provisioned is not None and provisioned > most:
        yield Finding(
            variant.config,
            (*variant.path, "ServerlessConfig", "ProvisionedConcurrency"),
            f"ProvisionedConcurrency {provisioned:.0f} is more than MaxConcurrency {most:.0f}: "
            "lower it, or raise MaxConcurrency.",
        )


def _behind(model: Resource) -> Iterator[Finding]:
    if is_true(model.get("EnableNetworkIsolation")):
        yield Finding(
            model,
            ("EnableNetworkIsolation",),
            "A serverless variant cannot serve a model in network isolation: leave it out.",
        )
    if model.get("VpcConfig") is not None:
        yield Finding(model, ("VpcConfig",), "A serverless variant has no VPC: leave it out.")
    if model.get("Containers") is not None:
        yield Finding(
            model,
            ("Containers",),
            "A serverless variant serves one container: give the model a PrimaryContainer.",
        )
    if model.get("PrimaryContainer", "Mode") == "MultiModel":
        yield Finding(
            model,
            ("PrimaryContainer", "Mode"),
            "A serverless variant serves one model: set Mode to SingleModel.",
        )
