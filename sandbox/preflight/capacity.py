"""What computes in a template: endpoint variants, jobs, tasks, functions, pods."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from catalogue.template import Template

TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"


@dataclass(frozen=True, kw_only=True)
class Variant:
    """A variant of an endpoint.

    Attributes:
        endpoint: Logical ID of its endpoint.
        instance_type: What it runs on; empty if it is serverless.
        lowest: Fewest instances, or provisioned concurrency, that it scales to.
        highest: Most of them.
        concurrency: Most concurrent calls of a serverless variant, 0 for instances.
        memory_mb: Memory of a serverless variant.
    """

    endpoint: str
    instance_type: str
    lowest: int
    highest: int
    concurrency: int = 0
    memory_mb: int = 0


@dataclass(frozen=True)
class Job:
    """A job that something in the template starts.

    Attributes:
        kind: "training", "spot training", "processing" or "transform".
        instance_type: What it runs on.
        count: On how many of them.
    """

    kind: str
    instance_type: str
    count: int


@dataclass(frozen=True)
class Tasks:
    """Copies of a container, or environments of a function.

    Attributes:
        lowest: Fewest that it scales to.
        highest: Most of them.
        size: vCPUs of one on Fargate or Kubernetes, GB of memory of one of Lambda.
        memory_gb: Memory of one.
        arm: Whether they run on Graviton.
    """

    lowest: int
    highest: int
    size: float
    memory_gb: float
    arm: bool = False


def variants(template: Template) -> Iterator[Variant]:
    """Yields the variants of all endpoints, shadow variants too."""
    configs = dict(template.of_type("AWS::SageMaker::EndpointConfig"))
    for endpoint, properties in template.of_type("AWS::SageMaker::Endpoint"):
        config = configs.get(_named(properties["EndpointConfigName"]), {})
        for group in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in config.get(group, []):
                yield _variant(template, endpoint, variant)


def _variant(template: Template, endpoint: str, variant: dict[str, Any]) -> Variant:
    serverless = variant.get("ServerlessConfig", {})
    managed = variant.get("ManagedInstanceScaling", {})
    first = int(variant.get("InitialInstanceCount", serverless.get("ProvisionedConcurrency", 0)))
    target = _target(template, f"endpoint/<{endpoint}", f"/variant/{variant['VariantName']}")
    lowest = target.get("MinCapacity", managed.get("MinInstanceCount", first))
    highest = target.get("MaxCapacity", managed.get("MaxInstanceCount", first))
    return Variant(
        endpoint=endpoint,
        instance_type=variant.get("InstanceType", ""),
        lowest=int(lowest),
        highest=max(first, int(highest)),
        concurrency=int(serverless.get("MaxConcurrency", 0)),
        memory_mb=int(serverless.get("MemorySizeInMB", 0)),
    )


def _target(template: Template, start: str, end: str = "") -> dict[str, Any]:
    """Returns the scalable target whose resource ID starts and ends so, {} if there is none."""
    for _, target in template.of_type(TARGET):
        resource = target["ResourceId"]
        if resource.startswith(start) and resource.endswith(end):
            return target
    return {}


def jobs(template: Template) -> Iterator[Job]:
    """Yields the SageMaker jobs that workflows of the template start."""
    for resource in template.resources.values():
        yield from _jobs(resource["Properties"])


def _jobs(value: Any) -> Iterator[Job]:
    match value:
        case {"ResourceConfig": {"InstanceType": str() as kind, "InstanceCount": int() as count}}:
            spot = value.get("EnableManagedSpotTraining") is True
            yield Job("spot training" if spot else "training", kind, count)
        case {"ClusterConfig": {"InstanceType": str() as kind, "InstanceCount": int() as count}}:
            yield Job("processing", kind, count)
        case {"TransformResources": {"InstanceType": str() as kind, "InstanceCount": int() as n}}:
            yield Job("transform", kind, n)
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _jobs(item)


def fargate_tasks(template: Template) -> Iterator[Tasks]:
    """Yields the tasks of ECS services on Fargate."""
    definitions = dict(template.of_type("AWS::ECS::TaskDefinition"))
    for name, service in template.of_type("AWS::ECS::Service"):
        task = definitions.get(_named(service["TaskDefinition"]), {})
        if service.get("LaunchType") != "FARGATE" or not task:
            continue
        desired = int(service.get("DesiredCount", 1))
        target = _scaled(template, name)
        yield Tasks(
            lowest=int(target.get("MinCapacity", desired)),
            highest=int(target.get("MaxCapacity", desired)),
            size=int(task["Cpu"]) / 1024,
            memory_gb=int(task["Memory"]) / 1024,
            arm=task.get("RuntimePlatform", {}).get("CpuArchitecture") == "ARM64",
        )


def warm_functions(template: Template) -> Iterator[Tasks]:
    """Yields the provisioned concurrency of Lambda functions' aliases."""
    functions = dict(template.of_type("AWS::Lambda::Function"))
    for name, alias in template.of_type("AWS::Lambda::Alias"):
        warm = alias.get("ProvisionedConcurrencyConfig", {}).get("ProvisionedConcurrentExecutions")
        if warm is None:
            continue
        function = functions.get(_named(alias["FunctionName"]), {})
        memory = int(function.get("MemorySize", 128)) / 1024
        target = _scaled(template, name)
        yield Tasks(
            lowest=int(target.get("MinCapacity", warm)),
            highest=int(target.get("MaxCapacity", warm)),
            size=memory,
            memory_gb=memory,
            arm="arm64" in function.get("Architectures", []),
        )


def pods(template: Template) -> Iterator[Tasks]:
    """Yields the pods of Deployments in Kubernetes manifests."""
    manifests = [
        item
        for _, resource in template.of_type("Custom::AWSCDK-EKS-KubernetesResource")
        for item in resource["Manifest"]
    ]
    scaled = {
        item["spec"]["scaleTargetRef"]["name"]: item["spec"]
        for item in manifests
        if item["kind"] == "HorizontalPodAutoscaler"
    }
    for item in manifests:
        if item["kind"] == "Deployment":
            spec, bounds = item["spec"], scaled.get(item["metadata"]["name"], {})
            copies = int(spec.get("replicas", 1))
            containers = spec["template"]["spec"]["containers"]
            yield Tasks(
                lowest=int(bounds.get("minReplicas", copies)),
                highest=int(bounds.get("maxReplicas", copies)),
                size=sum(_cores(c["resources"]["requests"]["cpu"]) for c in containers),
                memory_gb=0,
            )


def _cores(quantity: str) -> float:
    return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def _scaled(template: Template, logical_id: str) -> dict[str, Any]:
    """Returns the scalable target that mentions a resource anywhere in its resource ID."""
    for _, target in template.of_type(TARGET):
        if re.search(rf"<{logical_id}[.>]", target["ResourceId"]):
            return target
    return {}


def _named(reference: str) -> str:
    """Returns the logical ID in a reference, such as "Config" of "<Config.Name>"."""
    return reference.strip("<>").partition(".")[0]
