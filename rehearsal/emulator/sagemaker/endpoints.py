"""Endpoints: instances that are processes, their life cycle, and its rules."""

from __future__ import annotations

import itertools
import logging
import threading
from dataclasses import dataclass, field
from typing import Any

from rehearsal.emulator import clock, host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.containers import Container, ContainerError
from rehearsal.emulator.sagemaker.models import EndpointConfigs, Models
from rehearsal.emulator.sagemaker.records import Record, Table, arn

log = logging.getLogger(__name__)


@dataclass
class Instance:
    """One instance of a variant: the model's containers, in their order."""

    containers: list[Container]

    @classmethod
    def start(cls, model: Record, endpoint_arn: str) -> Instance:
        """Starts a model's containers and returns when all are healthy.

        Raises:
            ContainerError: One is not.
        """
        definitions = model.get("Containers") or [model["PrimaryContainer"]]
        instance = cls([])
        try:
            for definition in definitions:
                container = Container.start(
                    definition, role_arn=model["ExecutionRoleArn"], source_arn=endpoint_arn
                )
                instance.containers.append(container)
            for container in instance.containers:
                container.wait_until_healthy()
        except BaseException:
            instance.stop()
            raise
        return instance

    def stop(self) -> None:
        """Stops all containers."""
        for container in self.containers:
            container.stop()


@dataclass
class Variant:
    """A production or shadow variant with its running instances.

    Attributes:
        settings: As in the endpoint configuration.
        model: The model that it serves.
        weight: Its share of the traffic, relative to the other variants'.
        desired: Instances that it should have.
        instances: Instances that run.
    """

    settings: Record
    model: Record
    weight: float
    desired: int
    instances: list[Instance] = field(default_factory=list)
    _turn: Any = field(default_factory=itertools.count, repr=False)

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.settings["VariantName"])

    @property
    def serverless(self) -> bool:
        """Whether it has no instances of its own."""
        return "ServerlessConfig" in self.settings

    def fill(self, endpoint_arn: str) -> None:
        """Starts or stops instances until there are as many as desired.

        Raises:
            ContainerError: One does not start.
        """
        while len(self.instances) < self.desired:
            self.instances.append(Instance.start(self.model, endpoint_arn))
        while len(self.instances) > self.desired:
            self.instances.pop().stop()

    def next_instance(self) -> Instance | None:
        """Returns the instance whose turn it is, None if there is none."""
        running = self.instances
        return running[next(self._turn) % len(running)] if running else None

    def stop(self) -> None:
        """Stops all instances."""
        self.desired = 0
        while self.instances:
            self.instances.pop().stop()


@dataclass
class Endpoint:
    """An endpoint and what runs for it."""

    record: Record
    config: Record
    variants: dict[str, Variant] = field(default_factory=dict)
    changing: threading.Lock = field(default_factory=threading.Lock)

    @property
    def arn(self) -> str:
        """Its ARN."""
        return str(self.record["EndpointArn"])

    def status(self, status: str, reason: str = "") -> None:
        """Moves it into a status."""
        self.record["EndpointStatus"] = status
        self.record["LastModifiedTime"] = clock.now()
        self.record.pop("FailureReason", None)
        if reason:
            self.record["FailureReason"] = reason


class Endpoints:
    """CreateEndpoint and its kin.

    Args:
        models: Where variants find their models.
        configs: Where endpoints find their configurations.
    """

    def __init__(self, models: Models, configs: EndpointConfigs) -> None:
        self.models = models
        self.configs = configs
        self.table = Table("endpoint")
        self.running: dict[str, Endpoint] = {}

    def create_endpoint(self, request: Record) -> Record:
        """Starts an endpoint; DescribeEndpoint tells when it is ready."""
        name = request["EndpointName"]
        config = self.configs.table.get(request["EndpointConfigName"])
        endpoint_arn = arn("endpoint", name)
        record = self.table.add(name, {**request, "EndpointArn": endpoint_arn})
        endpoint = self.running[name] = Endpoint(record, config)
        endpoint.status("Creating")
        self._in_background(self._bring_up, endpoint, config)
        return {"EndpointArn": endpoint_arn}

    def update_endpoint(self, request: Record) -> Record:
        """Replaces what an endpoint serves; the old goes on until the new is healthy."""
        name = request["EndpointName"]
        self.table.get(name)
        endpoint = self.running[name]
        if endpoint.record["EndpointStatus"] not in ("InService", "Failed"):
            raise ServiceError(
                "ValidationException",
                f'Cannot update in-progress endpoint "{endpoint.arn}".',
            )
        config = self.configs.table.get(request["EndpointConfigName"])
        endpoint.status("Updating")
        self._in_background(self._replace, endpoint, config)
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, request: Record) -> None:
        """Stops an endpoint, its configuration and models stay."""
        name = request["EndpointName"]
        self.table.get(name)
        endpoint = self.running[name]
        if endpoint.record["EndpointStatus"] in ("Creating", "Updating", "Deleting"):
            raise ServiceError(
                "ValidationException", f'Cannot delete in-progress endpoint "{endpoint.arn}".'
            )
        endpoint.status("Deleting")
        self._in_background(self._take_down, endpoint, name)

    def describe_endpoint(self, request: Record) -> Record:
        """Returns an endpoint with its variants as they are now."""
        record = self.table.get(request["EndpointName"])
        endpoint = self.running[request["EndpointName"]]
        described = {**record, "EndpointConfigName": endpoint.config["EndpointConfigName"]}
        if "DataCaptureConfig" in endpoint.config:
            capture = endpoint.config["DataCaptureConfig"]
            described["DataCaptureConfig"] = {
                "EnableCapture": capture.get("EnableCapture", False),
                "CaptureStatus": "Started" if capture.get("EnableCapture") else "Stopped",
                "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
                "DestinationS3Uri": capture["DestinationS3Uri"],
                "KmsKeyId": capture.get("KmsKeyId", ""),
            }
        variants = [self._summary(variant) for variant in endpoint.variants.values()]
        return {**described, "ProductionVariants": variants} if variants else described

    def list_endpoints(self, request: Record) -> Record:
        """Returns all endpoints, newest first."""
        del request
        keys = (
            "EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus",
        )  # fmt: skip
        found = reversed(list(self.table))
        return {"Endpoints": [{key: record[key] for key in keys} for record in found]}

    def update_endpoint_weights_and_capacities(self, request: Record) -> Record:
        """Changes variants' weights and instance counts."""
        self.table.get(request["EndpointName"])
        endpoint = self.running[request["EndpointName"]]
        if endpoint.record["EndpointStatus"] != "InService":
            raise ServiceError(
                "ValidationException", f'Cannot update in-progress endpoint "{endpoint.arn}".'
            )
        for desired in request["DesiredWeightsAndCapacities"]:
            variant = endpoint.variants.get(desired["VariantName"])
            if variant is None:
                raise ServiceError(
                    "ValidationException",
                    f"Endpoint {endpoint.arn} has no variant {desired['VariantName']}.",
                )
            variant.weight = desired.get("DesiredWeight", variant.weight)
            variant.desired = desired.get("DesiredInstanceCount", variant.desired)
        endpoint.status("Updating")
        self._in_background(self._refill, endpoint)
        return {"EndpointArn": endpoint.arn}

    def stop_all(self) -> None:
        """Stops every process, when the rehearsal ends."""
        for endpoint in self.running.values():
            for variant in endpoint.variants.values():
                variant.stop()

    def _variants(self, config: Record) -> dict[str, Variant]:
        variants = {}
        for settings in config["ProductionVariants"]:
            variant = Variant(
                settings,
                self.models.table.get(settings["ModelName"]),
                weight=settings.get("InitialVariantWeight", 1.0),
                desired=settings.get("InitialInstanceCount", 0),
            )
            variants[variant.name] = variant
        return variants

    def _bring_up(self, endpoint: Endpoint, config: Record) -> None:
        variants = self._variants(config)
        try:
            for variant in variants.values():
                variant.fill(endpoint.arn)
        except ContainerError as error:
            for variant in variants.values():
                variant.stop()
            endpoint.status("Failed", str(error))
            return
        endpoint.config, endpoint.variants = config, variants
        endpoint.status("InService")

    def _replace(self, endpoint: Endpoint, config: Record) -> None:
        before = endpoint.variants
        self._bring_up(endpoint, config)
        if endpoint.record["EndpointStatus"] == "Failed" and before:
            # What served before serves on.
            endpoint.status("InService", endpoint.record["FailureReason"])
            return
        for variant in before.values():
            variant.stop()

    def _refill(self, endpoint: Endpoint) -> None:
        try:
            for variant in endpoint.variants.values():
                variant.fill(endpoint.arn)
        except ContainerError as error:
            endpoint.status("InService", str(error))
            return
        endpoint.status("InService")

    def _take_down(self, endpoint: Endpoint, name: str) -> None:
        for variant in endpoint.variants.values():
            variant.stop()
        self.table.remove(name)
        del self.running[name]

    def _in_background(self, action: Any, endpoint: Endpoint, *arguments: Any) -> None:
        def run() -> None:
            with endpoint.changing:
                try:
                    action(endpoint, *arguments)
                except Exception as error:
                    log.exception("the emulator itself failed on %s", endpoint.arn)
                    endpoint.status("Failed", f"InternalFailure: {error}")

        host.in_background(run, endpoint.arn)

    def _summary(self, variant: Variant) -> Record:
        image = (variant.model.get("Containers") or [variant.model["PrimaryContainer"]])[0]["Image"]
        summary = {
            "VariantName": variant.name,
            "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image}],
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.weight,
        }
        if variant.serverless:
            return {**summary, "CurrentServerlessConfig": variant.settings["ServerlessConfig"]}
        return {
            **summary,
            "CurrentInstanceCount": len(variant.instances),
            "DesiredInstanceCount": variant.desired,
        }
