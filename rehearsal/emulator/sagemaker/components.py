"""Inference components: models with copies of their own on the instances of an endpoint.

Sources: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateInferenceComponent.html
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from rehearsal.emulator import clock, host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.component import Component
from rehearsal.emulator.sagemaker.containers import ContainerError
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.endpoints import Endpoints
from rehearsal.emulator.sagemaker.fleets import Variant
from rehearsal.emulator.sagemaker.models import Models, require_artifact
from rehearsal.emulator.sagemaker.records import Record, Table, arn

log = logging.getLogger(__name__)

SETTLED = ("InService", "Failed")


class Components:
    """CreateInferenceComponent and its kin.

    Args:
        endpoints: On whose instances copies run.
        models: Where specifications may take a container from.

    Attributes:
        running: Components by name, in lower case.
        before_stop: Called with a component before copies of it stop.
    """

    def __init__(self, endpoints: Endpoints, models: Models) -> None:
        self.endpoints = endpoints
        self.models = models
        self.table = Table("inference-component", "inference component")
        self.running: dict[str, Component] = {}
        self.before_stop: Callable[[Component], None] = lambda _: None

    def create_inference_component(self, request: Record) -> Record:
        """Starts a component's copies; DescribeInferenceComponent tells when they run."""
        name = request["InferenceComponentName"]
        endpoint, variant = self._variant(request)
        specification = self._specification(request)
        count = request.get("RuntimeConfig", {}).get("CopyCount", 0)
        if count < 1:
            raise ServiceError("ValidationException", "CopyCount must be at least 1 at creation.")
        container = self._container(specification)
        if "ArtifactUrl" in specification.get("Container", {}):
            role = variant.model["ExecutionRoleArn"]
            require_artifact(
                specification["Container"]["ArtifactUrl"], role, arn(self.table.kind, name)
            )
        record = self.table.add(
            name,
            {
                "InferenceComponentName": name,
                "InferenceComponentArn": arn(self.table.kind, name),
                "EndpointName": endpoint.name,
                "EndpointArn": endpoint.arn,
                "VariantName": variant.name,
                "Specification": specification,
                "InferenceComponentStatus": "Creating",
                "Tags": request.get("Tags", []),
            },
        )
        component = Component(record, endpoint, variant, container, count)
        self.running[name.lower()] = component
        self._in_background(component, component.place)
        return {"InferenceComponentArn": component.arn}

    def update_inference_component(self, request: Record) -> Record:
        """Changes the number of copies, or replaces them batch by batch."""
        component = self._updatable(request["InferenceComponentName"])
        component.desired = request.get("RuntimeConfig", {}).get("CopyCount", component.desired)
        deployment = request.get("DeploymentConfig", {})
        if deployment:
            component.record["LastDeploymentConfig"] = deployment
        before = component.record["Specification"]
        specification = self._specification(request) if "Specification" in request else before
        component.status("Updating")
        if specification == before:
            self._in_background(component, component.place)
        else:
            container = self._container(specification)
            self._in_background(
                component, lambda: component.replace(specification, container, deployment)
            )
        return {"InferenceComponentArn": component.arn}

    def update_inference_component_runtime_config(self, request: Record) -> Record:
        """Changes the number of copies."""
        component = self._updatable(request["InferenceComponentName"])
        component.desired = request["DesiredRuntimeConfig"]["CopyCount"]
        component.status("Updating")
        self._in_background(component, component.place)
        return {"InferenceComponentArn": component.arn}

    def delete_inference_component(self, request: Record) -> None:
        """Stops a component's copies and forgets it."""
        component = self._updatable(request["InferenceComponentName"])
        component.status("Deleting")
        self._in_background(component, lambda: self._take_down(component))

    def describe_inference_component(self, request: Record) -> Record:
        """Returns a component as it is now."""
        self.table.get(request["InferenceComponentName"])
        return self.running[request["InferenceComponentName"].lower()].described()

    def list_inference_components(self, request: Record) -> Record:
        """Returns the components that a request asks for."""
        keys = (
            "InferenceComponentName", "InferenceComponentArn", "EndpointName", "EndpointArn",
            "VariantName", "InferenceComponentStatus", "CreationTime", "LastModifiedTime",
        )  # fmt: skip
        page = self.table.listed(request, keys, "InferenceComponentStatus")
        asked = {
            key: request[f"{key}Equals"]
            for key in ("EndpointName", "VariantName")
            if f"{key}Equals" in request
        }
        found = [each for each in page.pop("") if asked.items() <= each.items()]
        return {"InferenceComponents": found, **page}

    def on(self, endpoint: Endpoint) -> list[Component]:
        """Returns the components of an endpoint."""
        return [each for each in list(self.running.values()) if each.endpoint is endpoint]

    def require_none(self, endpoint: Endpoint) -> None:
        """Lets an endpoint be deleted that has no components.

        Raises:
            ServiceError: It has.
        """
        names = [component.name for component in self.on(endpoint)]
        if names:
            raise ServiceError(
                "ValidationException",
                f"Cannot delete endpoint {endpoint.arn} while it hosts inference components: "
                f"{names}.",
            )

    def stop_all(self) -> None:
        """Stops every copy, when the rehearsal ends."""
        for component in list(self.running.values()):
            component.stop()

    def _variant(self, request: Record) -> tuple[Endpoint, Variant]:
        self.endpoints.table.get(request["EndpointName"])
        endpoint = self.endpoints.running[request["EndpointName"].lower()]
        if endpoint.fleet is None or endpoint.record["EndpointStatus"] != "InService":
            raise ServiceError(
                "ValidationException", f"Endpoint {endpoint.arn} is not in service yet."
            )
        variants = endpoint.fleet.variants
        variant = variants.get(request.get("VariantName", next(iter(variants))))
        if variant is None or not variant.packs:
            raise ServiceError(
                "ValidationException",
                f"Endpoint {endpoint.arn} has no variant {request.get('VariantName', '')} for "
                "inference components.",
            )
        return endpoint, variant

    def _specification(self, request: Record) -> Record:
        if "Specification" not in request:
            raise ServiceError(
                "ValidationException", "The rehearsal needs the one Specification of a component."
            )
        specification = dict(request["Specification"])
        if "BaseInferenceComponentName" in specification:
            raise ServiceError("ValidationException", "The rehearsal has no adapter components.")
        needs = specification.get("ComputeResourceRequirements")
        if needs is None:
            raise ServiceError("ValidationException", "ComputeResourceRequirements is required.")
        if "NumberOfAcceleratorDevicesRequired" in needs:
            raise ServiceError("ValidationException", "The rehearsal has no accelerators.")
        return specification

    def _container(self, specification: Record) -> Record:
        """Returns the container definition of a component, as a model would have it."""
        given = dict(specification.get("Container", {}))
        base: Record = {}
        if "ModelName" in specification:
            base = dict(self.models.table.get(specification["ModelName"])["PrimaryContainer"])
        renamed = {"ArtifactUrl": "ModelDataUrl"}
        whole = {**base, **{renamed.get(key, key): value for key, value in given.items()}}
        if "Image" not in whole:
            raise ServiceError(
                "ValidationException", "Specification needs a ModelName or a Container's Image."
            )
        return whole

    def _updatable(self, name: str) -> Component:
        record = self.table.get(name)
        if record["InferenceComponentStatus"] not in SETTLED:
            raise ServiceError(
                "ValidationException",
                f'Cannot update in-progress inference component "{arn(self.table.kind, name)}".',
            )
        return self.running[name.lower()]

    def _take_down(self, component: Component) -> None:
        component.stop()
        self.table.remove(component.name)
        del self.running[component.name.lower()]

    def _in_background(self, component: Component, action: Callable[[], None]) -> None:
        def run() -> None:
            # Copies of all components share the endpoint's instances: one change at a time.
            with component.endpoint.changing:
                try:
                    self.before_stop(component)
                    action()
                except ContainerError as error:
                    component.settle(str(error))
                except Exception as error:
                    log.exception("the emulator itself failed on %s", component.arn)
                    component.settle(f"InternalFailure: {error}")

        component.record["LastModifiedTime"] = clock.now()
        host.in_background(run, component.arn)
