"""What can scale here, and how: each dimension calls the API of the service that owns it.

Source: https://docs.aws.amazon.com/autoscaling/application/userguide/integrated-services-list.html
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.emulator import session
from rehearsal.emulator.autoscaling.records import Key, Resource, invalid
from rehearsal.emulator.errors import ServiceError

PATIENCE_SECONDS = 60.0
POLL_SECONDS = 0.1


@cache
def client(service: str) -> Any:
    """Returns a client with what AWS's own service-linked role may do."""
    return session.as_account(service)


def asked(call: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
    """Returns what a service answers.

    Raises:
        ServiceError: It refuses.
    """
    try:
        return call()
    except ClientError as error:
        told = error.response["Error"]
        raise ServiceError(told["Code"], told["Message"]) from None


def settled(holds: Callable[[], bool], what: str) -> None:
    """Returns when something holds.

    Raises:
        ServiceError: It does not in time.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise ServiceError("InternalFailure", f"{what} did not get there in time.")
        time.sleep(POLL_SECONDS)


@dataclass(frozen=True)
class Variant:
    """The instances of an endpoint's variant."""

    endpoint: str
    variant: str
    noun: str = "desired instance count"

    def current(self) -> int:
        """Returns how many instances it should have."""
        return int(self._described()["DesiredInstanceCount"])

    def change(self, capacity: int) -> None:
        """Starts or stops instances."""
        self._update({"DesiredInstanceCount": capacity})
        if int(self._described()["CurrentInstanceCount"]) != capacity:
            reason = self._endpoint().get("FailureReason", "for no reason that it gives")
            raise ServiceError("InternalFailure", f"The endpoint kept its instances: {reason}")

    def _update(self, desired: dict[str, Any]) -> None:
        asked(
            lambda: client("sagemaker").update_endpoint_weights_and_capacities(
                EndpointName=self.endpoint,
                DesiredWeightsAndCapacities=[{"VariantName": self.variant, **desired}],
            )
        )
        settled(lambda: self._endpoint()["EndpointStatus"] != "Updating", self.endpoint)

    def _endpoint(self) -> Mapping[str, Any]:
        return asked(lambda: client("sagemaker").describe_endpoint(EndpointName=self.endpoint))

    def _described(self) -> Mapping[str, Any]:
        for variant in self._endpoint().get("ProductionVariants", []):
            if variant["VariantName"] == self.variant:
                return dict(variant)
        raise invalid(f"Endpoint {self.endpoint} has no variant {self.variant}.")


@dataclass(frozen=True)
class ProvisionedConcurrency(Variant):
    """The provisioned concurrency of a serverless variant."""

    noun: str = "desired provisioned concurrency"

    def current(self) -> int:
        """Returns how many requests it keeps warm for."""
        return int(self._config("Current").get("ProvisionedConcurrency", 0))

    def change(self, capacity: int) -> None:
        """Changes how many requests are kept warm for."""
        most = self._config("Current")["MaxConcurrency"]
        desired = {"MaxConcurrency": most, "ProvisionedConcurrency": capacity}
        self._update({"ServerlessUpdateConfig": desired})

    def _config(self, which: str) -> Mapping[str, Any]:
        described = self._described()
        found = described.get(f"{which}ServerlessConfig")
        if found is None:
            raise invalid(f"Variant {self.variant} of {self.endpoint} is not serverless.")
        return dict(found)


@dataclass(frozen=True)
class InferenceComponent:
    """The copies of an inference component."""

    name: str
    noun: str = "desired copy count"

    def current(self) -> int:
        """Returns how many copies it should have."""
        return int(self._described()["RuntimeConfig"]["DesiredCopyCount"])

    def change(self, capacity: int) -> None:
        """Starts or stops copies."""
        asked(
            lambda: client("sagemaker").update_inference_component_runtime_config(
                InferenceComponentName=self.name, DesiredRuntimeConfig={"CopyCount": capacity}
            )
        )
        settled(lambda: self._described()["InferenceComponentStatus"] != "Updating", self.name)

    def _described(self) -> Mapping[str, Any]:
        return asked(
            lambda: client("sagemaker").describe_inference_component(
                InferenceComponentName=self.name
            )
        )


@dataclass(frozen=True)
class LambdaAlias:
    """The provisioned concurrency of a function's alias or version."""

    function: str
    qualifier: str
    noun: str = "provisioned concurrency"

    def current(self) -> int:
        """Returns how many environments it should keep; none is configured at first."""
        asked(
            lambda: client("lambda").get_function_configuration(
                FunctionName=self.function, Qualifier=self.qualifier
            )
        )
        try:
            found = asked(
                lambda: client("lambda").get_provisioned_concurrency_config(
                    FunctionName=self.function, Qualifier=self.qualifier
                )
            )
        except ServiceError as error:
            if error.code == "ProvisionedConcurrencyConfigNotFoundException":
                return 0
            raise
        return int(found["RequestedProvisionedConcurrentExecutions"])

    def change(self, capacity: int) -> None:
        """Keeps so many environments; none at all is a configuration less."""
        who = {"FunctionName": self.function, "Qualifier": self.qualifier}
        if capacity == 0:
            asked(lambda: client("lambda").delete_provisioned_concurrency_config(**who))
            return
        asked(
            lambda: client("lambda").put_provisioned_concurrency_config(
                **who, ProvisionedConcurrentExecutions=capacity
            )
        )


@dataclass(frozen=True)
class EcsService:
    """The tasks of an ECS service."""

    cluster: str
    name: str
    noun: str = "desired count"

    def current(self) -> int:
        """Returns how many tasks it should run."""
        found = asked(
            lambda: client("ecs").describe_services(cluster=self.cluster, services=[self.name])
        )["services"]
        active = [service for service in found if service["status"] == "ACTIVE"]
        if not active:
            raise invalid(f"ECS service doesn't exist: service/{self.cluster}/{self.name}")
        return int(active[0]["desiredCount"])

    def change(self, capacity: int) -> None:
        """Starts or stops tasks."""
        asked(
            lambda: client("ecs").update_service(
                cluster=self.cluster, service=self.name, desiredCount=capacity
            )
        )


DIMENSIONS: dict[str, tuple[str, Callable[..., Resource]]] = {
    "sagemaker:variant:DesiredInstanceCount": ("endpoint/([^/]+)/variant/([^/]+)", Variant),
    "sagemaker:variant:DesiredProvisionedConcurrency": (
        "endpoint/([^/]+)/variant/([^/]+)",
        ProvisionedConcurrency,
    ),
    "sagemaker:inference-component:DesiredCopyCount": (
        "inference-component/([^/]+)",
        InferenceComponent,
    ),
    "lambda:function:ProvisionedConcurrency": ("function:([^:]+):([^:]+)", LambdaAlias),
    "ecs:service:DesiredCount": ("service/([^/]+)/([^/]+)", EcsService),
}
"""Dimension -> form of its resource IDs and what stands behind them."""


def find(target: Key) -> Resource:
    """Returns what a target scales.

    Raises:
        ServiceError: The dimension is not the namespace's, the resource ID has another form, or
            a rehearsal cannot scale it.
    """
    namespace, resource, dimension = target
    if not dimension.startswith(f"{namespace}:"):
        raise invalid(
            "Unsupported service namespace, resource type or scalable dimension: "
            f"{namespace}, {resource}, {dimension}"
        )
    if dimension not in DIMENSIONS:
        raise invalid(f"The rehearsal does not scale {dimension}.")
    form, kind = DIMENSIONS[dimension]
    match = re.fullmatch(form, resource)
    if match is None:
        raise invalid(f"{resource} is no resource ID for {dimension}: {form} is its form.")
    return kind(*match.groups())
