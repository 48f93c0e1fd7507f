"""Endpoints: their life cycle and its rules."""

from __future__ import annotations

import logging
from collections.abc import Callable
from math import ceil

from rehearsal.emulator import host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.capacity import require_capacity, require_conversion
from rehearsal.emulator.sagemaker.containers import ContainerError
from rehearsal.emulator.sagemaker.deployments import Deployment
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Fleet, Variant
from rehearsal.emulator.sagemaker.models import EndpointConfigs, Models
from rehearsal.emulator.sagemaker.records import Record, Table, arn

log = logging.getLogger(__name__)

SETTLED = ("InService", "Failed", "OutOfService", "UpdateRollbackFailed")
UPDATABLE = ("InService", "UpdateRollbackFailed")


class Endpoints:
    """CreateEndpoint and its kin.

    Args:
        models: Where variants find their models.
        configs: Where endpoints find their configurations.

    Attributes:
        running: Endpoints by name, in lower case.
        before_stop: Called with an endpoint before instances of it stop.
        before_delete: Called with an endpoint that is to be deleted: raises if it must not.
    """

    def __init__(self, models: Models, configs: EndpointConfigs) -> None:
        self.models = models
        self.configs = configs
        self.table = Table("endpoint")
        self.running: dict[str, Endpoint] = {}
        self.before_stop: Callable[[Endpoint], None] = lambda _: None
        self.before_delete: Callable[[Endpoint], None] = lambda _: None

    def create_endpoint(self, request: Record) -> Record:
        """Starts an endpoint; DescribeEndpoint tells when it is ready."""
        name = request["EndpointName"]
        config = self.configs.table.get(request["EndpointConfigName"])
        deployment = require_deployment(request.get("DeploymentConfig", {}))
        fleet = Fleet.of(config, self.models)
        record = {key: request[key] for key in ("EndpointName", "EndpointConfigName")}
        record = self.table.add(
            name,
            {**record, "EndpointArn": arn("endpoint", name), "Tags": request.get("Tags", [])},
        )
        if deployment:
            record["LastDeploymentConfig"] = deployment
        endpoint = self.running[name.lower()] = Endpoint(record, incoming=fleet)
        endpoint.status("Creating")
        # There is nothing to shift the first traffic from, and nothing to go back to.
        self._in_background(endpoint, Deployment(endpoint, fleet, {}, self.before_stop).run)
        return {"EndpointArn": endpoint.arn}

    def update_endpoint(self, request: Record) -> Record:
        """Replaces what an endpoint serves; the old goes on until the new is healthy.

        The configuration that serves must still exist.
        Source: https://github.com/hashicorp/terraform-provider-aws/issues/40048
        """
        endpoint = self._updatable(request["EndpointName"], UPDATABLE)
        assert endpoint.fleet is not None  # noqa: S101 - the status says so
        self.configs.table.get(endpoint.fleet.name)
        config = self.configs.table.get(request["EndpointConfigName"])
        deployment = request.get("DeploymentConfig", {})
        if not deployment and request.get("RetainDeploymentConfig"):
            deployment = endpoint.record.get("LastDeploymentConfig", {})
        incoming = Fleet.of(config, self.models)
        require_deployment(deployment, incoming)
        require_conversion(endpoint.fleet, incoming)
        if request.get("RetainAllVariantProperties"):
            excluded = request.get("ExcludeRetainedVariantProperties", [])
            _retain(endpoint.fleet, incoming, {each["VariantPropertyType"] for each in excluded})
        if deployment:
            endpoint.record["LastDeploymentConfig"] = deployment
        endpoint.incoming = incoming
        endpoint.status("Updating")
        self._in_background(
            endpoint, Deployment(endpoint, incoming, deployment, self.before_stop).run
        )
        return {"EndpointArn": endpoint.arn}

    def delete_endpoint(self, request: Record) -> None:
        """Stops an endpoint; its configuration and models stay."""
        endpoint = self._updatable(request["EndpointName"], SETTLED)
        self.before_delete(endpoint)
        endpoint.status("Deleting")
        self._in_background(endpoint, lambda: self._take_down(endpoint))

    def describe_endpoint(self, request: Record) -> Record:
        """Returns an endpoint with its variants as they are now."""
        self.table.get(request["EndpointName"])
        return self.running[request["EndpointName"].lower()].described()

    def list_endpoints(self, request: Record) -> Record:
        """Returns the endpoints that a request asks for."""
        keys = (
            "EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus",
        )  # fmt: skip
        page = self.table.listed(request, keys, "EndpointStatus")
        return {"Endpoints": page.pop(""), **page}

    def update_endpoint_weights_and_capacities(self, request: Record) -> Record:
        """Changes variants' weights and instance counts."""
        endpoint = self._updatable(request["EndpointName"], ("InService",))
        assert endpoint.fleet is not None  # noqa: S101 - the status says so
        changes = [
            (_variant(endpoint, desired["VariantName"]), desired)
            for desired in request["DesiredWeightsAndCapacities"]
        ]
        for variant, desired in changes:
            require_capacity(variant, desired, to_zero=_scales_to_zero(endpoint.fleet))
        for variant, desired in changes:
            variant.desired_concurrency = {
                **variant.desired_concurrency,
                **desired.get("ServerlessUpdateConfig", {}),
            }
            variant.desired_weight = desired.get("DesiredWeight", variant.weight)
            variant.desired = desired.get("DesiredInstanceCount", variant.desired)
            variant.enter("Updating")
        endpoint.status("Updating")
        self._in_background(endpoint, lambda: self._resize(endpoint))
        return {"EndpointArn": endpoint.arn}

    def stop_all(self) -> None:
        """Stops every process, when the rehearsal ends."""
        for endpoint in list(self.running.values()):
            for variant in endpoint.variants:
                variant.stop(patience=0)

    def _updatable(self, name: str, statuses: tuple[str, ...]) -> Endpoint:
        self.table.get(name)
        endpoint = self.running[name.lower()]
        if endpoint.record["EndpointStatus"] not in statuses:
            raise ServiceError(
                "ValidationException", f'Cannot update in-progress endpoint "{endpoint.arn}".'
            )
        return endpoint

    def _resize(self, endpoint: Endpoint) -> None:
        reason = ""
        self.before_stop(endpoint)
        for variant in endpoint.variants:
            try:
                variant.fill(endpoint.arn)
            except ContainerError as error:
                variant.desired, reason = len(variant.instances), str(error)
                variant.desired_concurrency = variant.concurrency
            variant.weight = variant.desired_weight
            variant.enter(None)
        endpoint.status("InService", reason)

    def _take_down(self, endpoint: Endpoint) -> None:
        self.before_stop(endpoint)
        for variant in endpoint.variants:
            variant.enter("Deleting")
            variant.stop()
        self.table.remove(endpoint.name)
        del self.running[endpoint.name.lower()]

    def _in_background(self, endpoint: Endpoint, action: Callable[[], None]) -> None:
        def run() -> None:
            with endpoint.changing:
                try:
                    action()
                except Exception as error:
                    log.exception("the emulator itself failed on %s", endpoint.arn)
                    endpoint.status("Failed", f"InternalFailure: {error}")

        host.in_background(run, endpoint.arn)


def require_deployment(config: Record, incoming: Fleet | None = None) -> Record:
    """Returns a DeploymentConfig if SageMaker would take it.

    Raises:
        ServiceError: It would not.
    """
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    problem = ""
    if blue_green and rolling:
        problem = "Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified"
    elif config and incoming and any(variant.serverless for variant in incoming):
        problem = "serverless endpoints do not support deployment guardrails"
    elif rolling and incoming and len(incoming.variants) > 1:
        problem = "RollingUpdatePolicy supports one production variant"
    elif blue_green:
        problem = _routing_problem(blue_green)
    elif rolling:
        size = rolling["MaximumBatchSize"]
        if size["Type"] == "CAPACITY_PERCENT" and not 5 <= size["Value"] <= 50:  # noqa: PLR2004
            problem = "MaximumBatchSize must be between 5% and 50% of the variant's instances"
    if problem:
        raise ServiceError("ValidationException", f"Invalid DeploymentConfig: {problem}.")
    return config


def _routing_problem(policy: Record) -> str:
    """Returns what is wrong with a blue/green policy, empty if nothing is."""
    routing = policy["TrafficRoutingConfiguration"]
    key, least = {"CANARY": ("CanarySize", 1), "LINEAR": ("LinearStepSize", 10)}.get(
        routing["Type"], ("", 0)
    )
    if not key:
        steps = 0
    elif key not in routing:
        return f"{key} is required for {routing['Type']}"
    else:
        size = routing[key]
        if size["Type"] == "CAPACITY_PERCENT" and not least <= size["Value"] <= 50:  # noqa: PLR2004
            return f"{key} must be between {least}% and 50% of the variant's instances"
        linear = key == "LinearStepSize" and size["Type"] == "CAPACITY_PERCENT"
        steps = ceil(100 / size["Value"]) - 1 if linear else 1
    waits = steps * routing["WaitIntervalInSeconds"] + policy.get("TerminationWaitInSeconds", 0)
    timeout = policy.get("MaximumExecutionTimeoutInSeconds")
    if timeout is not None and timeout <= waits:
        return f"MaximumExecutionTimeoutInSeconds {timeout} must exceed the {waits} s of waiting"
    return ""


def _retain(before: Fleet, incoming: Fleet, excluded: set[str]) -> None:
    """Gives a new fleet the weights and counts that its predecessor has reached."""
    for name, variant in incoming.variants.items():
        old = before.variants.get(name)
        if old is None:
            continue
        if "DesiredWeight" not in excluded:
            variant.weight = variant.desired_weight = old.desired_weight
        if "DesiredInstanceCount" not in excluded and not variant.serverless:
            variant.desired = old.desired or variant.desired


def _variant(endpoint: Endpoint, name: str) -> Variant:
    found = {variant.name: variant for variant in endpoint.variants}.get(name)
    if found is None:
        raise ServiceError(
            "ValidationException", f'Could not find variant "{name}" of endpoint "{endpoint.arn}".'
        )
    return found


def _scales_to_zero(fleet: Fleet) -> bool:
    return "AsyncInferenceConfig" in fleet.config
