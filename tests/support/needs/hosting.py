"""What SageMaker does for itself under the role of a model or an endpoint.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/sagemaker-roles.html (CreateModel),
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html,
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.needs.deployed import Ask, Deployed, Evidence, Need, arn, place, storage_key
from tests.support.needs.jobs import LOGGING, ROLES, measuring, pulling

ASYNC = "https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-create-endpoint-prerequisites.html"
CAPTURE = "https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html"
GUARDRAILS = (
    "https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html"
)
MULTI_MODEL = "https://docs.aws.amazon.com/sagemaker/latest/dg/multi-model-endpoint-security.html"


def models(deployed: Deployed) -> Iterator[Need]:
    """Yields what fetching image and artifacts of models and inference components takes."""
    for _, model in deployed.template.of_type("AWS::SageMaker::Model"):
        role = deployed.role(model["ExecutionRoleArn"])
        containers = model.get("Containers") or [model["PrimaryContainer"]]
        for container in deployed.value(containers):
            for ask in _container(deployed, container):
                yield Need(role, ask, Evidence.SERVICE, ROLES)
    for _, component in deployed.template.of_type("AWS::SageMaker::InferenceComponent"):
        role = _role_of_endpoint(deployed, component["EndpointName"])
        container = deployed.value(component["Specification"]["Container"])
        name = deployed.value(component["InferenceComponentName"])
        group = f"/aws/sagemaker/InferenceComponents/{name}"
        for ask in (
            *pulling(container["Image"]),
            *deployed.read(*place(container["ArtifactUrl"])),
            measuring("/aws/sagemaker/InferenceComponents"),
            *deployed.log(group, *LOGGING),
        ):
            yield Need(role, ask, Evidence.SERVICE, ROLES)
        yield from _watched(deployed, role, component)


def _container(deployed: Deployed, container: dict[str, Any]) -> Iterator[Ask]:
    yield from pulling(container["Image"])
    if uri := container.get("ModelDataUrl"):
        bucket, key = place(uri)
        if container.get("Mode") == "MultiModel":
            yield from deployed.list_below(bucket, f"{key}north")
            yield from deployed.read(bucket, f"{key}north/1.tar.gz")
        else:
            yield from deployed.read(bucket, key)


def _role_of_endpoint(deployed: Deployed, endpoint: str) -> str:
    found = endpoint.strip("<>").split(".")[0]
    config = deployed.template.resources[found]["Properties"]["EndpointConfigName"]
    properties = deployed.template.resources[config.strip("<>").split(".")[0]]["Properties"]
    return deployed.role(properties["ExecutionRoleArn"])


def endpoints(deployed: Deployed) -> Iterator[Need]:
    """Yields what endpoints take of the roles of their models."""
    resources = deployed.template.resources
    for _, endpoint in deployed.template.of_type("AWS::SageMaker::Endpoint"):
        config = resources[_id(endpoint["EndpointConfigName"])]["Properties"]
        variants = [*config["ProductionVariants"], *config.get("ShadowProductionVariants", [])]
        roles = {
            deployed.role(holder["ExecutionRoleArn"])
            for holder in (
                [resources[_id(variant["ModelName"])]["Properties"] for variant in variants]
                if "ExecutionRoleArn" not in config
                else [config]
            )
        }
        group = f"/aws/sagemaker/Endpoints/{deployed.value(endpoint['EndpointName'])}"
        for role in sorted(roles):
            for ask in (
                *deployed.log(group, *LOGGING),
                measuring("/aws/sagemaker/Endpoints"),
                *storage_key(deployed.value(config.get("KmsKeyId"))),
            ):
                yield Need(role, ask, Evidence.SERVICE, ROLES)
            yield from _watched(deployed, role, endpoint)
            yield from _capturing(deployed, role, config)
            yield from _answering(deployed, role, config)


def _id(text: str) -> str:
    return text.strip("<>").split(".")[0]


def _watched(deployed: Deployed, role: str, properties: dict[str, Any]) -> Iterator[Need]:
    rollback = properties.get("DeploymentConfig", {}).get("AutoRollbackConfiguration", {})
    for alarm in rollback.get("Alarms", []):
        name = deployed.value(alarm["AlarmName"])
        ask = Ask("cloudwatch:DescribeAlarms", arn("cloudwatch", f"alarm:{name}"))
        yield Need(role, ask, Evidence.SERVICE, GUARDRAILS)


def _capturing(deployed: Deployed, role: str, config: dict[str, Any]) -> Iterator[Need]:
    if uri := config.get("DataCaptureConfig", {}).get("DestinationS3Uri"):
        bucket, prefix = place(deployed.value(uri))
        for ask in deployed.upload(bucket, f"{prefix}/endpoint/variant/2026/a.jsonl"):
            yield Need(role, ask, Evidence.SERVICE, CAPTURE)


def _answering(deployed: Deployed, role: str, config: dict[str, Any]) -> Iterator[Need]:
    """Yields what an asynchronous endpoint reads, writes and tells.

    Where the input lies, each request says: below input/, as the architecture has it.
    """
    output = deployed.value(config.get("AsyncInferenceConfig", {}).get("OutputConfig"))
    if not output:
        return
    bucket, _ = place(output["S3OutputPath"])
    asks = [*deployed.list_below(bucket, "input/a"), *deployed.read(bucket, "input/a.csv")]
    for uri in (output["S3OutputPath"], output["S3FailurePath"]):
        written, prefix = place(uri)
        asks += deployed.upload(written, f"{prefix}/a.out")
    for topic in output["NotificationConfig"].values():
        asks += deployed.publish(topic)
    for ask in asks:
        yield Need(role, ask, Evidence.SERVICE, ASYNC)
