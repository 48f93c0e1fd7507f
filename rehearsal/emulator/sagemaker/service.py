"""SageMaker as one service: its parts, its permissions, its CloudFormation types."""

from __future__ import annotations

import time
from collections.abc import Callable

from rehearsal.emulator import clock, cloudwatch, host, host_events, inventory
from rehearsal.emulator.api import Api, ServiceError
from rehearsal.emulator.sagemaker import permissions
from rehearsal.emulator.sagemaker.asynchronous import Asynchronous
from rehearsal.emulator.sagemaker.capture import Capture
from rehearsal.emulator.sagemaker.components import Components
from rehearsal.emulator.sagemaker.copies import Copies
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.endpoints import SETTLED, Endpoints
from rehearsal.emulator.sagemaker.jobs.processing import ProcessingJobs
from rehearsal.emulator.sagemaker.jobs.training import TrainingJobs
from rehearsal.emulator.sagemaker.jobs.transform import TransformJobs
from rehearsal.emulator.sagemaker.logs import ContainerLogs, keep_sending
from rehearsal.emulator.sagemaker.metrics import InstanceMetrics, InvocationMetrics
from rehearsal.emulator.sagemaker.models import EndpointConfigs, Models
from rehearsal.emulator.sagemaker.pipelines.service import Pipelines
from rehearsal.emulator.sagemaker.pipelines.type import PipelineType
from rehearsal.emulator.sagemaker.records import Record
from rehearsal.emulator.sagemaker.registry import ModelRegistry
from rehearsal.emulator.sagemaker.runtime import Runtime
from rehearsal.emulator.sagemaker.serverless import Serverless
from rehearsal.emulator.sagemaker.tags import Tags
from rehearsal.emulator.types import ApiType

POLL_SECONDS = 0.05
MINUTE_SECONDS = 0.1
"""Real seconds for a minute of a deployment that CloudFormation waits for."""


class SageMaker(Api):
    """Control plane and data plane."""

    service = "sagemaker"

    def __init__(self) -> None:
        super().__init__()
        self.models = Models()
        self.configs = EndpointConfigs(self.models)
        self.endpoints = Endpoints(self.models, self.configs)
        self.components = Components(self.endpoints, self.models)
        self.registry = ModelRegistry()
        self.jobs = (TransformJobs(self.models), ProcessingJobs(), TrainingJobs())
        self.pipelines = Pipelines()
        self.tags = Tags(
            (
                self.models.table,
                self.configs.table,
                self.endpoints.table,
                self.components.table,
                self.registry.groups,
                self.pipelines.table,
                *(jobs.table for jobs in self.jobs),
            )
        )
        self.invocations = InvocationMetrics()
        self.instances = InstanceMetrics()
        self.capture = Capture()
        self.logs = ContainerLogs()
        self.runtime = Runtime(self.endpoints, self.invocations, self.capture)
        self.serverless = Serverless(self.runtime.calls, self.invocations)
        self.runtime.serverless = self.serverless.answer
        self.copies = Copies(self.components, self.runtime.calls, self.invocations)
        self.runtime.component = self.copies.answer
        self.asynchronous = Asynchronous(self.runtime, self.invocations)
        self.parts: tuple[object, ...] = (
            self.models,
            self.configs,
            self.endpoints,
            self.components,
            self.registry,
            self.pipelines,
            *self.jobs,
            self.tags,
        )
        self.resources = dict.fromkeys(self.model.operation_names, permissions.resource)
        self.endpoints.before_stop = self.settle
        self.endpoints.before_delete = self.components.require_none
        self.components.before_stop = self.logs.send_component

    def __getattr__(self, name: str) -> Callable[[Record], Record]:
        """An operation is a method of one of the parts."""
        for part in self.__dict__.get("parts", ()):
            if hasattr(part, name):
                return getattr(part, name)  # type: ignore[no-any-return]
        raise AttributeError(name)

    def authorize(self, access_key: str, name: str, request: Record) -> None:
        """Asks IAM for the operation, and for what it needs besides, such as iam:PassRole."""
        super().authorize(access_key, name, request)
        denied = permissions.denial(access_key, name, request)
        if denied:
            raise ServiceError("AccessDeniedException", denied, 403)

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Record
    ) -> host.Answer:
        """Answers the control plane's requests by their target, the data plane's by their path."""
        if "x-amz-target" in headers:
            return await super().handle_request(method, path, headers, body, query)
        return await self.runtime.handle(path, headers, body)

    def settle(self, endpoint: Endpoint) -> None:
        """Sends and writes what an endpoint still holds back, before something of it stops."""
        self.logs.send(endpoint)
        self.capture.write(endpoint.name)

    def each_minute(self) -> None:
        """Does what the service does once a minute."""
        self.invocations.tell()
        for endpoint in list(self.endpoints.running.values()):
            if endpoint.fleet and "AsyncInferenceConfig" not in endpoint.fleet.config:
                self.invocations.rest(endpoint)
            self.instances.measure(endpoint)
            self.logs.send(endpoint)
            self.serverless.rest(endpoint)
        for component in list(self.components.running.values()):
            self.copies.each_minute(component)
            self.logs.send_component(component)
        self.asynchronous.each_minute()
        self.capture.write()

    def register(self) -> None:
        """Adds the service and its resource types to the emulator."""
        host.add_service("sagemaker", self.handle_request, targets=(f"{self.target}.",))
        registry, pipelines = self.registry, self.pipelines.table
        for table in (
            *(part.table for part in (self.models, self.configs, self.endpoints, self.components)),
            *(registry.groups, registry.versions, pipelines),
        ):
            inventory.watch(f"sagemaker.{table.kind}", table.by_name)
        self.asynchronous.register()
        cloudwatch.before_metrics_are_read(self.invocations.tell)
        host.in_background(lambda: keep_sending(self.logs, self.endpoints.running), "logs")
        clock.each_minute(self.each_minute)
        ApiType(self, "AWS::SageMaker::Model", "Model", "ModelName").register()
        ApiType(
            self, "AWS::SageMaker::EndpointConfig", "EndpointConfig", "EndpointConfigName"
        ).register()
        ApiType(
            self,
            "AWS::SageMaker::Endpoint",
            "Endpoint",
            "EndpointName",
            wait=self.wait_for_endpoint,
            gone=self.wait_until_gone,
            updatable=True,
        ).register()
        ApiType(
            self,
            "AWS::SageMaker::InferenceComponent",
            "InferenceComponent",
            "InferenceComponentName",
            wait=self.wait_for_component,
            gone=self.wait_until_component_gone,
            updatable=True,
        ).register()
        ApiType(
            self,
            "AWS::SageMaker::ModelPackageGroup",
            "ModelPackageGroup",
            "ModelPackageGroupName",
        ).register()
        for jobs in self.jobs:
            # All jobs of an account share it: no stack creates it, none deletes it.
            host_events.create_log_group(jobs.log_group)
        PipelineType(
            self, "AWS::SageMaker::Pipeline", "Pipeline", "PipelineName", updatable=True
        ).register()

    def wait_for_component(self, name: str) -> None:
        """Returns when an inference component has settled; an update that bakes gets its time.

        Raises:
            ServiceError: It failed, or kept what it had.
        """
        component = self.components.running[name.lower()]
        while True:
            status = component.record["InferenceComponentStatus"]
            reason = component.record.get("FailureReason")
            if status in ("InService", "Failed"):
                if reason:
                    raise ServiceError("NotStabilized", f"{status}: {reason}")
                return
            time.sleep(POLL_SECONDS)
            if component.waiting:
                time.sleep(MINUTE_SECONDS)
                clock.advance(clock.MINUTE)

    def wait_until_component_gone(self, name: str) -> None:
        """Returns when an inference component is deleted."""
        while name in self.components.table:
            time.sleep(POLL_SECONDS)

    def stop_all(self) -> None:
        """Ends every process, when the rehearsal ends."""
        self.components.stop_all()
        self.endpoints.stop_all()
        for jobs in self.jobs:
            jobs.stop_all()

    def wait_for_endpoint(self, name: str) -> None:
        """Returns when an endpoint has settled.

        A deployment that waits for time to pass gets it, a minute after some real time: traffic
        that somebody sends meanwhile is spread over the minutes.

        Raises:
            ServiceError: It failed, or kept what it had.
        """
        endpoint = self.endpoints.running[name.lower()]
        while True:
            status = endpoint.record["EndpointStatus"]
            reason = endpoint.record.get("FailureReason")
            if status in SETTLED:
                if reason:
                    raise ServiceError("NotStabilized", f"{status}: {reason}")
                return
            time.sleep(POLL_SECONDS)
            if endpoint.waiting:
                time.sleep(MINUTE_SECONDS)
                clock.advance(clock.MINUTE)

    def wait_until_gone(self, name: str) -> None:
        """Returns when an endpoint is deleted."""
        while name in self.endpoints.table:
            time.sleep(POLL_SECONDS)
