"""How endpoints, their configurations and what scales them belong together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rules._world import Resource, World, references

ENDPOINT = "AWS::SageMaker::Endpoint"
CONFIG = "AWS::SageMaker::EndpointConfig"
MODEL = "AWS::SageMaker::Model"
COMPONENT = "AWS::SageMaker::InferenceComponent"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"
POLICY = "AWS::ApplicationAutoScaling::ScalingPolicy"
ALARM = "AWS::CloudWatch::Alarm"

INSTANCES = "sagemaker:variant:DesiredInstanceCount"
PROVISIONED = "sagemaker:variant:DesiredProvisionedConcurrency"
COPIES = "sagemaker:inference-component:DesiredCopyCount"


LOCAL_BY_NAME = re.compile(r"[a-z]+\d+[a-z]*d[a-z]*")
"""Families whose name says that they have NVMe disks of their own: a d behind the generation."""
LOCAL_UNNAMED = frozenset(
    [
        *("dl1", "g5", "g6", "g6e", "g6f", "g7", "g7e", "gr6", "gr6f", "p5", "p5e", "p5en"),
        *("p6-b200", "p6-b300", "p6e-gb200", "trn1", "trn1n", "trn2", "trn2u"),
    ]
)
"""Families that have them without saying so.

Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/ac.html#ac_instance-store
"""
WITHOUT_LOCAL = frozenset(["dl2q", "g5g", "inf1", "inf2"])
"""Accelerated families that have none, by the same table."""
ACCELERATED = re.compile(r"(?:dl|g|gr|p|trn|inf)\d")
"""Of any other family with an accelerator nobody can tell by the name."""


class Kind(StrEnum):
    """What a variant runs on, or how it is asked."""

    REALTIME = "real-time"
    ASYNC = "asynchronous"
    SERVERLESS = "serverless"
    COMPONENTS = "inference components"


@dataclass(frozen=True)
class Variant:
    """A variant of an endpoint configuration.

    Attributes:
        config: The endpoint configuration.
        path: Where the variant stands in it.
        settings: The variant itself.
    """

    config: Resource
    path: tuple[str | int, ...]
    settings: dict[str, Any]

    @property
    def kind(self) -> Kind:
        """What kind of inference it offers."""
        if "ServerlessConfig" in self.settings:
            return Kind.SERVERLESS
        if self.config.get("AsyncInferenceConfig") is not None:
            return Kind.ASYNC
        return Kind.REALTIME if "ModelName" in self.settings else Kind.COMPONENTS

    @property
    def instance_type(self) -> str:
        """Its instance type; empty without one."""
        return str(self.settings.get("InstanceType", ""))

    def model(self, world: World) -> Resource | None:
        """Returns the model that it serves, if the template holds it."""
        return world.named(self.settings.get("ModelName"), MODEL, "ModelName")


def is_local(instance_type: str) -> bool:
    """Whether an instance type keeps its data on local NVMe disks."""
    family = _family(instance_type)
    return family in LOCAL_UNNAMED or bool(LOCAL_BY_NAME.fullmatch(family))


def may_be_local(instance_type: str) -> bool:
    """Whether an instance type has local NVMe disks, or nobody can tell."""
    family = _family(instance_type)
    unknown = ACCELERATED.match(family) and family not in WITHOUT_LOCAL
    return is_local(instance_type) or bool(unknown)


def _family(instance_type: str) -> str:
    """Returns such as g5 of ml.g5.xlarge; nothing of what is no instance type."""
    parts = instance_type.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "ml" else ""  # noqa: PLR2004


def variants(config: Resource) -> list[Variant]:
    """Returns the variants of an endpoint configuration, shadows behind the others."""
    return [
        Variant(config, (group, index), settings)
        for group in ("ProductionVariants", "ShadowProductionVariants")
        for index, settings in config.items(group)
    ]


def config_of(endpoint: Resource, world: World) -> Resource | None:
    """Returns the configuration of an endpoint, if the template holds it."""
    return world.named(endpoint.get("EndpointConfigName"), CONFIG, "EndpointConfigName")


def target_of(policy: Resource, world: World) -> Resource | None:
    """Returns the scalable target of a scaling policy, if the template holds it."""
    by_id = references(policy.get("ScalingTargetId"))
    for target in world.of_type(TARGET):
        if target.name in by_id or _scales_the_same(policy, target):
            return target
    return None


def _scales_the_same(policy: Resource, target: Resource) -> bool:
    names = ("ResourceId", "ScalableDimension")
    return all(policy.get(name) and policy.get(name) == target.get(name) for name in names)


def policies_of(target: Resource, world: World) -> list[Resource]:
    """Returns the scaling policies of a target."""
    return [p for p in world.of_type(POLICY) if target_of(p, world) == target]


def endpoint_of(target: Resource, world: World) -> Resource | None:
    """Returns the endpoint whose variant a target scales, if the template holds it."""
    parts = re.fullmatch(r"endpoint/(.+)/variant/.+", str(target.get("ResourceId")))
    if not parts:
        return None
    referred = references(target.get("ResourceId"))
    for endpoint in world.of_type(ENDPOINT):
        if endpoint.name in referred or endpoint.get("EndpointName") == parts[1]:
            return endpoint
    return None


def component_of(target: Resource, world: World) -> Resource | None:
    """Returns the inference component that a target scales, if the template holds it."""
    parts = re.fullmatch(r"inference-component/(.+)", str(target.get("ResourceId")))
    if not parts:
        return None
    referred = references(target.get("ResourceId"))
    for component in world.of_type(COMPONENT):
        if component.name in referred or component.get("InferenceComponentName") == parts[1]:
            return component
    return None


def scaled_kind(target: Resource, world: World) -> Kind | None:
    """Returns the kind of the variant that a target scales; None if the template does not tell."""
    endpoint = endpoint_of(target, world)
    config = config_of(endpoint, world) if endpoint else None
    wanted = str(target.get("ResourceId")).rpartition("/variant/")[2]
    found = variants(config) if config else []
    kinds = {v.kind for v in found if v.settings.get("VariantName") == wanted}
    kinds = kinds or {v.kind for v in found}
    return kinds.pop() if len(kinds) == 1 else None


def wakes(policy: Resource, metric: str, world: World) -> Iterator[Resource]:
    """Yields the alarms on a metric that start a step policy which adds capacity."""
    if policy.get("PolicyType") != "StepScaling":
        return
    for alarm in world.of_type(ALARM):
        metrics = [alarm.get("MetricName")] + [
            alarm.get("Metrics", index, "MetricStat", "Metric", "MetricName")
            for index, _ in alarm.items("Metrics")
        ]
        if metric in metrics and policy.name in references(alarm.get("AlarmActions")):
            yield alarm
