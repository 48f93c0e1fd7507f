"""Models and endpoint configurations: nothing runs, everything is checked."""

from __future__ import annotations

from typing import Any

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.records import Record, Table, arn


class Models:
    """CreateModel and its kin."""

    def __init__(self) -> None:
        self.table = Table("model")

    def create_model(self, request: Record) -> Record:
        """Keeps a model; its containers start when an endpoint or a job needs them."""
        name = request["ModelName"]
        if ("PrimaryContainer" in request) == bool(request.get("Containers")):
            raise ServiceError(
                "ValidationException", "Give either PrimaryContainer or Containers, not both."
            )
        self.table.add(name, {**request, "ModelArn": arn("model", name)})
        return {"ModelArn": arn("model", name)}

    def describe_model(self, request: Record) -> Record:
        """Returns a model as it was created."""
        return self.table.get(request["ModelName"])

    def list_models(self, request: Record) -> Record:
        """Returns all models, newest first."""
        del request
        keys = ("ModelName", "ModelArn", "CreationTime")
        return {"Models": [_some(record, keys) for record in reversed(list(self.table))]}

    def delete_model(self, request: Record) -> None:
        """Forgets a model; endpoints that serve it go on."""
        self.table.remove(request["ModelName"])


class EndpointConfigs:
    """CreateEndpointConfig and its kin.

    Args:
        models: The models that variants may name.
    """

    def __init__(self, models: Models) -> None:
        self.models = models
        self.table = Table("endpoint-configuration")

    def create_endpoint_config(self, request: Record) -> Record:
        """Keeps a configuration whose models exist."""
        name = request["EndpointConfigName"]
        variants = request["ProductionVariants"] + request.get("ShadowProductionVariants", [])
        for variant in variants:
            if variant.get("ModelName"):
                self.models.table.get(variant["ModelName"])
            elif not request.get("ExecutionRoleArn"):
                raise ServiceError(
                    "ValidationException",
                    f"Variant {variant['VariantName']} has no model: an endpoint for inference "
                    "components needs ExecutionRoleArn.",
                )
        names = [variant["VariantName"] for variant in variants]
        if len(set(names)) < len(names):
            raise ServiceError("ValidationException", f"Variant names must be unique: {names}.")
        config_arn = arn("endpoint-config", name)
        self.table.add(name, {**request, "EndpointConfigArn": config_arn})
        return {"EndpointConfigArn": config_arn}

    def describe_endpoint_config(self, request: Record) -> Record:
        """Returns a configuration as it was created."""
        return self.table.get(request["EndpointConfigName"])

    def list_endpoint_configs(self, request: Record) -> Record:
        """Returns all configurations, newest first."""
        del request
        keys = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        found = [_some(record, keys) for record in reversed(list(self.table))]
        return {"EndpointConfigs": found}

    def delete_endpoint_config(self, request: Record) -> None:
        """Forgets a configuration."""
        self.table.remove(request["EndpointConfigName"])


def _some(record: Record, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: record[key] for key in keys}
