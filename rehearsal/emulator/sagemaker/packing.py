"""Requests to instances that hold several containers or models: which of them answers.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/invoke-multi-model-endpoint.html
https://docs.aws.amazon.com/sagemaker/latest/dg/multi-container-direct.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.calls import Calls
from rehearsal.emulator.sagemaker.containers import Container
from rehearsal.emulator.sagemaker.fleets import Instance, Variant
from rehearsal.emulator.sagemaker.multimodel import HEADER as TARGET_MODEL
from rehearsal.emulator.sagemaker.records import Record

TARGET_CONTAINER = "x-amzn-sagemaker-target-container-hostname"
COMPONENT = "x-amzn-sagemaker-inference-component"

CONDITIONS = {
    TARGET_MODEL: "sagemaker:targetmodel",
    TARGET_CONTAINER: "sagemaker:targetcontainerhostname",
}
"""Header -> the condition key that policies see it as."""


def conditions(headers: Mapping[str, str]) -> dict[str, str]:
    """Returns what policies see of a request's headers."""
    return {key: headers[name] for name, key in CONDITIONS.items() if name in headers}


def multi_model(model: Record) -> bool:
    """Returns whether a model is a prefix with many."""
    return bool(model.get("PrimaryContainer", {}).get("Mode") == "MultiModel")


def direct(model: Record) -> bool:
    """Returns whether a model's containers are called one by one, not in a row."""
    return bool(model.get("InferenceExecutionConfig", {}).get("Mode") == "Direct")


def require_target(endpoint: str, variant: Variant, headers: Mapping[str, str]) -> None:
    """Looks whether a request names what it has to name of a variant, and nothing else.

    Raises:
        ServiceError: It does not.
    """
    model = variant.model
    problem = ""
    if multi_model(model) != (TARGET_MODEL in headers):
        problem = (
            f"Request {uuid.uuid4()} is missing a target model header."
            if multi_model(model)
            else f"Endpoint {endpoint} is not a multi-model endpoint and does not support target "
            "model header."
        )
    elif TARGET_CONTAINER in headers:
        problem = _container_problem(endpoint, model, headers[TARGET_CONTAINER])
    elif direct(model):
        problem = f"Request {uuid.uuid4()} is missing a target container hostname header."
    elif (COMPONENT in headers) != variant.packs:
        problem = (
            "Inference Component Name header is required for endpoints to which you plan to "
            "deploy inference components. Please include Inference Component Name header or "
            "consider using SageMaker models."
            if variant.packs
            else f"Endpoint {endpoint} does not host inference components and does not support "
            "inference component name header."
        )
    if problem:
        raise ServiceError("ValidationError", problem)


async def route(
    calls: Calls, instance: Instance, headers: Mapping[str, str], measured: dict[str, float]
) -> list[tuple[Container, str]]:
    """Returns the containers that answer a request, one after the other, each with the path.

    Args:
        calls: Connections to containers.
        instance: Where they are.
        headers: Of the request.
        measured: Receives the values of metrics.

    Raises:
        ServiceError: The model that is asked for cannot be loaded.
    """
    if instance.models is not None:
        path = await instance.models.path(calls, headers[TARGET_MODEL], measured)
        return [(instance.containers[0], path)]
    wanted = headers.get(TARGET_CONTAINER)
    return [
        (container, "/invocations")
        for container in instance.containers
        if wanted in (None, hostname(container))
    ]


def hostname(container: Container) -> str | None:
    """Returns the name of a container among several."""
    return container.definition.get("ContainerHostname")


def _container_problem(endpoint: str, model: Record, wanted: str) -> str:
    if not direct(model):
        return (
            f"Endpoint {endpoint} is not a multi-container endpoint with direct invocation and "
            "does not support target container hostname header."
        )
    names = [each.get("ContainerHostname") for each in model["Containers"]]
    return "" if wanted in names else f"Could not find container with hostname {wanted}."
