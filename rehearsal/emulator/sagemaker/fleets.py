"""Fleets: what runs for one endpoint configuration, instance by instance."""

from __future__ import annotations

import itertools
import random
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from rehearsal.emulator import clock
from rehearsal.emulator.sagemaker.containers import Container
from rehearsal.emulator.sagemaker.models import Models
from rehearsal.emulator.sagemaker.multimodel import LoadedModels
from rehearsal.emulator.sagemaker.records import Record

LEAST_OUTSTANDING = "LEAST_OUTSTANDING_REQUESTS"
DRAIN_SECONDS = 5.0
"""Real seconds that an instance has for the requests that it is answering."""


@dataclass(eq=False)
class Instance:
    """One instance of a variant: the model's containers, in their order.

    Attributes:
        containers: They answer one after the other.
        id: As an EC2 instance's.
        in_flight: Requests that it is answering.
        idle_since: When it last answered.
        model: The model that its containers serve.
        models: Those that a multi-model container holds.
        copies: Of inference components that run on it.
    """

    containers: list[Container]
    id: str = field(default_factory=lambda: f"i-{secrets.token_hex(8)}0")
    in_flight: int = 0
    idle_since: datetime = field(default_factory=clock.now)
    model: Record = field(default_factory=dict, repr=False)
    models: LoadedModels | None = None
    copies: list[Copy] = field(default_factory=list)

    @classmethod
    def launch(cls, model: Record, endpoint_arn: str, instance_type: str = "") -> Self:
        """Starts a model's containers without waiting for them.

        Raises:
            ContainerError: One cannot be started.
        """
        instance = cls([], model=model)
        definitions = containers_of(model)
        acting = {"role_arn": model["ExecutionRoleArn"], "source_arn": endpoint_arn}
        try:
            for definition in definitions:
                several = len(definitions) > 1
                container = Container.start(
                    definition, **acting, instance_type=instance_type, several=several
                )
                instance.containers.append(container)
                if definition.get("Mode") == "MultiModel":
                    instance.models = LoadedModels(
                        container, **acting, folder=container.model_folder
                    )
        except BaseException:
            instance.stop()
            raise
        return instance

    def wait_until_healthy(self) -> None:
        """Returns when all containers are healthy.

        Raises:
            ContainerError: One is not.
        """
        for container in self.containers:
            container.wait_until_healthy()

    def stop(self, *, patience: float = DRAIN_SECONDS) -> None:
        """Stops all containers, when what they are answering is answered."""
        deadline = time.monotonic() + patience
        while self.in_flight and time.monotonic() < deadline:
            time.sleep(0.01)
        for container in self.containers:
            container.stop()


def containers_of(model: Record) -> list[Record]:
    """Returns a model's container definitions."""
    return list(model["Containers"] if "Containers" in model else [model["PrimaryContainer"]])


@dataclass(eq=False)
class Copy(Instance):
    """A copy of an inference component's model, on an instance that it shares.

    Attributes:
        needs: What it reserves of the instance.
        host: The instance.
    """

    needs: Record = field(default_factory=dict)
    host: Instance | None = field(default=None, repr=False)


@dataclass
class Variant:
    """A production or shadow variant with its running instances.

    Attributes:
        settings: As in the endpoint configuration.
        model: The model that it serves.
        weight: Its share of the traffic, relative to the other variants'.
        desired_weight: What the weight is about to become.
        desired: Instances that it should have.
        instances: Instances that run.
        state: What it is doing, a ProductionVariantStatus; None when it just serves.
        since: When that began.
        concurrency: The ServerlessConfig as it is now, empty where there are instances.
        desired_concurrency: What it is about to become.
        busy: Requests that a serverless variant is answering.
        proven: Whether its model was seen to start.
        changing: Held by whoever takes a serverless environment, or takes it away.
    """

    settings: Record
    model: Record
    weight: float
    desired_weight: float
    desired: int
    instances: list[Instance] = field(default_factory=list)
    state: str | None = None
    since: datetime = field(default_factory=clock.now)
    concurrency: Record = field(default_factory=dict)
    desired_concurrency: Record = field(default_factory=dict)
    busy: int = 0
    proven: bool = False
    changing: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _turn: Any = field(default_factory=itertools.count, repr=False)

    @classmethod
    def of(cls, settings: Record, models: Models, role_arn: str = "") -> Variant:
        """Returns the variant of an endpoint configuration, of which nothing runs yet.

        Args:
            settings: Of the variant.
            models: Where it finds its model.
            role_arn: The configuration's execution role, for a variant without a model.

        Raises:
            ServiceError: Its model is gone.
        """
        weight = settings.get("InitialVariantWeight", 1.0)
        model: Record = {"ExecutionRoleArn": role_arn, "Containers": []}
        if "ModelName" in settings:
            model = models.table.get(settings["ModelName"])
        config = settings.get("ServerlessConfig", {})
        return cls(
            settings,
            model,
            weight,
            weight,
            settings.get("InitialInstanceCount", 0),
            concurrency=config,
            desired_concurrency=config,
        )

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.settings["VariantName"])

    @property
    def packs(self) -> bool:
        """Whether its instances are for inference components."""
        return "ModelName" not in self.settings

    @property
    def serverless(self) -> bool:
        """Whether it has no instances of its own."""
        return "ServerlessConfig" in self.settings

    def fill(self, endpoint_arn: str) -> None:
        """Starts or stops instances until there are as many as desired.

        A serverless variant starts what is provisioned, at first one to see that it starts; what
        it has beyond goes when it is idle.

        Raises:
            ContainerError: One does not start; as many as before go on.
        """
        started: list[Instance] = []
        wanted, trial = self.desired, self.serverless and not self.proven
        if self.serverless:
            wanted = self.desired_concurrency.get("ProvisionedConcurrency", 0)
        try:
            for _ in range(max(wanted, trial) - len(self.instances)):
                started.append(self.launch(endpoint_arn))
            for instance in started:
                instance.wait_until_healthy()
        except BaseException:
            for instance in started:
                instance.stop()
            raise
        with self.changing:
            self.instances.extend(started)
            self.concurrency, self.proven = self.desired_concurrency, True
        while len(self.instances) > wanted and (trial or not self.serverless):
            self.instances.pop().stop()

    def launch(self, endpoint_arn: str) -> Instance:
        """Starts one more instance, which does not serve yet.

        Raises:
            ContainerError: A container cannot be started.
        """
        kind = self.settings.get("InstanceType", "")
        return Instance.launch(self.model, endpoint_arn, kind)

    def next_instance(self) -> Instance | None:
        """Returns the instance that gets the next request, None if there is none."""
        running = self.instances
        if len(running) < 2:  # noqa: PLR2004 - nothing to choose
            return running[0] if running else None
        if self.settings.get("RoutingConfig", {}).get("RoutingStrategy") != LEAST_OUTSTANDING:
            return random.choice(running)  # noqa: S311
        # Those with as few requests in flight take turns.
        turn = next(self._turn) % len(running)
        return min(running[turn:] + running[:turn], key=lambda instance: instance.in_flight)

    def enter(self, state: str | None) -> None:
        """Says what it is doing."""
        self.state, self.since = state, clock.now()

    def stop(self, *, patience: float = DRAIN_SECONDS) -> None:
        """Stops all instances."""
        self.desired = 0
        while self.instances:
            self.instances.pop().stop(patience=patience)


@dataclass
class Fleet:
    """What runs for one endpoint configuration.

    Attributes:
        config: The endpoint configuration.
        variants: The production variants by name.
        shadows: The shadow variants by name.
        started: When its deployment began.
        share: Its share of the endpoint's traffic, 0 to 1.
    """

    config: Record
    variants: dict[str, Variant]
    shadows: dict[str, Variant]
    started: datetime = field(default_factory=clock.now)
    share: float = 0.0

    @classmethod
    def of(cls, config: Record, models: Models) -> Fleet:
        """Returns the fleet of a configuration, of which nothing runs yet.

        Raises:
            ServiceError: A model is gone.
        """

        def variants(key: str) -> dict[str, Variant]:
            return {
                settings["VariantName"]: Variant.of(
                    settings, models, config.get("ExecutionRoleArn", "")
                )
                for settings in config.get(key, [])
            }

        return cls(config, variants("ProductionVariants"), variants("ShadowProductionVariants"))

    @property
    def name(self) -> str:
        """Name of its configuration."""
        return str(self.config["EndpointConfigName"])

    def __iter__(self) -> Iterator[Variant]:
        """All variants."""
        return itertools.chain(self.variants.values(), self.shadows.values())

    def fill(self, endpoint_arn: str) -> None:
        """Starts or stops instances of all variants until there are as many as desired.

        Raises:
            ContainerError: One does not start.
        """
        for variant in self:
            variant.fill(endpoint_arn)

    def enter(self, state: str | None) -> None:
        """Says what all variants are doing."""
        for variant in self:
            variant.enter(state)

    def stop(self) -> None:
        """Stops all instances."""
        for variant in self:
            variant.stop()
