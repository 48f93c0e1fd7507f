"""What serverless and asynchronous endpoints cannot have.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
https://docs.aws.amazon.com/sagemaker/latest/dg/model-deploy-feature-matrix.html
The reasons are the guide's, the words are ours.
"""

from __future__ import annotations

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.records import Record

STEP_MB = 1024


def require_serverless(variant: Record, model: Record, request: Record) -> None:
    """Holds a serverless variant against what serverless inference supports.

    Args:
        variant: As in the endpoint configuration.
        model: The model that it serves.
        request: The endpoint configuration.

    Raises:
        ServiceError: It asks for something else.
    """
    config = variant["ServerlessConfig"]
    containers, size = (
        model.get("Containers") or [model["PrimaryContainer"]],
        config["MemorySizeInMB"],
    )
    problems = {
        f"{size} MB: give 1024 to 6144 MB in steps of 1024 MB": size % STEP_MB or size < STEP_MB,
        "InitialInstanceCount": "InitialInstanceCount" in variant,
        "several production variants": len(request["ProductionVariants"]) > 1,
        "shadow variants": request.get("ShadowProductionVariants"),
        "data capture": "DataCaptureConfig" in request,
        "asynchronous inference": "AsyncInferenceConfig" in request,
        "network isolation": model.get("EnableNetworkIsolation"),
        "a VPC": "VpcConfig" in model,
        "inference pipelines": len(containers) > 1,
        "multi-model endpoints": any(each.get("Mode") == "MultiModel" for each in containers),
    }
    for what, asked in problems.items():
        if asked:
            raise refused(f"Serverless variant {variant['VariantName']} does not support {what}.")
    require_concurrency(variant["VariantName"], config)


def require_asynchronous(request: Record) -> None:
    """Holds the configuration of an asynchronous endpoint against what is supported.

    Raises:
        ServiceError: It asks for something else.
    """
    if len(request["ProductionVariants"]) > 1 or request.get("ShadowProductionVariants"):
        raise refused("An endpoint with AsyncInferenceConfig has one production variant.")
    notices = request["AsyncInferenceConfig"]["OutputConfig"].get("NotificationConfig", {})
    if notices.get("IncludeInferenceResponseIn"):
        raise refused("The rehearsal does not put responses into notices.")


def require_concurrency(name: str, config: Record) -> None:
    """Raises ServiceError for a variant that provisions more than it may have in flight."""
    most, provisioned = config["MaxConcurrency"], config.get("ProvisionedConcurrency", 0)
    if provisioned > most:
        raise refused(
            f"Variant {name}: ProvisionedConcurrency {provisioned} exceeds MaxConcurrency {most}."
        )


def refused(message: str) -> ServiceError:
    """Returns what the control plane says to what it does not accept."""
    return ServiceError("ValidationException", message)
