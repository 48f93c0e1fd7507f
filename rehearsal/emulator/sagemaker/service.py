"""SageMaker as one service: its parts, its permissions, its CloudFormation types."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from rehearsal.emulator import host, inventory
from rehearsal.emulator.api import Api, ServiceError
from rehearsal.emulator.sagemaker.endpoints import Endpoints
from rehearsal.emulator.sagemaker.models import EndpointConfigs, Models
from rehearsal.emulator.sagemaker.records import Record, arn
from rehearsal.emulator.sagemaker.runtime import Runtime, rest_error
from rehearsal.emulator.types import ApiType

POLL_SECONDS = 0.1

KINDS = {"ModelName": "model", "EndpointConfigName": "endpoint-config", "EndpointName": "endpoint"}
"""Parameter that names a resource -> the kind in its ARN; the last one named decides."""


def resource(request: Record) -> str:
    """Returns the ARN that a request is about, "*" if it names none."""
    named = [arn(kind, request[name]) for name, kind in KINDS.items() if name in request]
    return named[-1] if named else "*"


class SageMaker(Api):
    """Control plane and data plane."""

    service = "sagemaker"

    def __init__(self) -> None:
        super().__init__()
        self.models = Models()
        self.configs = EndpointConfigs(self.models)
        self.endpoints = Endpoints(self.models, self.configs)
        self.runtime = Runtime(self.endpoints)
        self.parts: tuple[object, ...] = (self.models, self.configs, self.endpoints)
        self.resources = dict.fromkeys(self.model.operation_names, resource)

    def __getattr__(self, name: str) -> Callable[[Record], Record]:
        """An operation is a method of one of the parts."""
        for part in self.__dict__.get("parts", ()):
            if hasattr(part, name):
                return getattr(part, name)  # type: ignore[no-any-return]
        raise AttributeError(name)

    async def handle_request(
        self, method: str, path: str, headers: dict[str, str], body: bytes, query: Record
    ) -> host.Answer:
        """Answers the control plane's requests by their target, the data plane's by their path."""
        if "x-amz-target" in headers:
            return await super().handle_request(method, path, headers, body, query)
        try:
            return await self.runtime.invoke(path, headers, body)
        except ServiceError as error:
            return rest_error(error)

    def register(self) -> None:
        """Adds the service and its resource types to the emulator."""
        host.add_service("sagemaker", self.handle_request, targets=(f"{self.target}.",))
        for part in (self.models, self.configs, self.endpoints):
            inventory.watch(f"sagemaker.{part.table.kind}", part.table.by_name)
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

    def wait_for_endpoint(self, name: str) -> None:
        """Returns when an endpoint has settled.

        Raises:
            ServiceError: It failed, or kept what it had.
        """
        while True:
            described: dict[str, Any] = self.endpoints.describe_endpoint({"EndpointName": name})
            status, reason = described["EndpointStatus"], described.get("FailureReason")
            if status in ("InService", "Failed"):
                if reason:
                    raise ServiceError("NotStabilized", f"{status}: {reason}")
                return
            time.sleep(POLL_SECONDS)

    def wait_until_gone(self, name: str) -> None:
        """Returns when an endpoint is deleted."""
        while name in self.endpoints.table:
            time.sleep(POLL_SECONDS)
