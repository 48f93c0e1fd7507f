"""Models and endpoint configurations: nothing runs, everything is checked."""

from __future__ import annotations

from urllib.parse import urlparse

from botocore.exceptions import ClientError

from rehearsal.emulator import host, session
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.exclusions import require_asynchronous, require_serverless
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
        if "ExecutionRoleArn" not in request:
            raise ServiceError("ValidationException", "ExecutionRoleArn is required.")
        for definition in request.get("Containers") or [request["PrimaryContainer"]]:
            if "ModelDataUrl" in definition and definition.get("Mode") != "MultiModel":
                require_artifact(
                    definition["ModelDataUrl"], request["ExecutionRoleArn"], arn("model", name)
                )
        self.table.add(name, {**request, "ModelArn": arn("model", name)})
        return {"ModelArn": arn("model", name)}

    def describe_model(self, request: Record) -> Record:
        """Returns a model as it was created."""
        return _untagged(self.table.get(request["ModelName"]))

    def list_models(self, request: Record) -> Record:
        """Returns the models that a request asks for."""
        page = self.table.listed(request, ("ModelName", "ModelArn", "CreationTime"))
        return {"Models": page.pop(""), **page}

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
        self.table = Table("endpoint-config", "endpoint configuration")

    def create_endpoint_config(self, request: Record) -> Record:
        """Keeps a configuration whose models exist."""
        name = request["EndpointConfigName"]
        production, shadow = (
            request["ProductionVariants"],
            request.get("ShadowProductionVariants", []),
        )
        for variant in production + shadow:
            self._require_variant(variant, request)
            if "ServerlessConfig" in variant:
                require_serverless(
                    variant, self.models.table.get(variant.get("ModelName", "")), request
                )
        if "AsyncInferenceConfig" in request:
            require_asynchronous(request)
        if shadow and (len(production) > 1 or len(shadow) > 1):
            raise ServiceError(
                "ValidationException",
                "With ShadowProductionVariants there is one variant for ProductionVariants and "
                "one for ShadowProductionVariants.",
            )
        names = [variant["VariantName"] for variant in production + shadow]
        if len(set(names)) < len(names):
            raise ServiceError("ValidationException", f"Variant names must be unique: {names}.")
        config_arn = arn("endpoint-config", name)
        self.table.add(name, {**request, "EndpointConfigArn": config_arn})
        return {"EndpointConfigArn": config_arn}

    def describe_endpoint_config(self, request: Record) -> Record:
        """Returns a configuration as it was created."""
        return _untagged(self.table.get(request["EndpointConfigName"]))

    def list_endpoint_configs(self, request: Record) -> Record:
        """Returns the configurations that a request asks for."""
        keys = ("EndpointConfigName", "EndpointConfigArn", "CreationTime")
        page = self.table.listed(request, keys)
        return {"EndpointConfigs": page.pop(""), **page}

    def delete_endpoint_config(self, request: Record) -> None:
        """Forgets a configuration; an endpoint that uses it goes on, and cannot be updated."""
        self.table.remove(request["EndpointConfigName"])

    def _require_variant(self, variant: Record, request: Record) -> None:
        name = variant["VariantName"]
        if variant.get("ModelName"):
            self.models.table.get(variant["ModelName"])
        elif not request.get("ExecutionRoleArn"):
            raise ServiceError(
                "ValidationException",
                f"Variant {name} has no model: an endpoint for inference components needs "
                "ExecutionRoleArn.",
            )
        serverless = "ServerlessConfig" in variant
        if serverless == ("InstanceType" in variant):
            raise ServiceError(
                "ValidationException",
                f"Variant {name} needs either InstanceType or ServerlessConfig.",
            )
        scaled = "ManagedInstanceScaling" in variant
        if not serverless and not scaled and variant.get("InitialInstanceCount", 0) < 1:
            raise ServiceError(
                "ValidationException", f"Variant {name} needs InitialInstanceCount of at least 1."
            )


def require_artifact(uri: str, role_arn: str, source_arn: str) -> None:
    """Looks whether a role can read a model artifact, as CreateModel does.

    Raises:
        ServiceError: It cannot, in the service's words.
    """
    location = urlparse(uri)
    try:
        s3 = session.as_role("s3", role_arn, principal=PRINCIPAL, source_arn=source_arn)
        s3.head_object(Bucket=location.netloc, Key=location.path.lstrip("/"))
    except (ClientError, NotAssumableError):
        raise ServiceError(
            "ValidationException",
            f"Could not access model data at {uri}. Please ensure that the role {role_arn} exists "
            "and that its trust relationship policy allows the action sts:AssumeRole for the "
            f"service principal {PRINCIPAL}. Also ensure that the role has s3:GetObject "
            f"permissions and that the object is located in {host.REGION}.",
        ) from None


def _untagged(record: Record) -> Record:
    return {key: value for key, value in record.items() if key != "Tags"}
