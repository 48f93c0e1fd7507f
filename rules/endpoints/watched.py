"""Who hears of an endpoint in trouble."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import sagemaker_guide
from rules._base import READ, Finding, MlRule
from rules._endpoint import ALARM, COMPONENT, ENDPOINT, Kind, config_of, variants
from rules._world import Resource, World, references

WATCHING = (ALARM, "AWS::CloudWatch::CompositeAlarm", "AWS::CloudFormation::Stack")
"""Types of what may watch an endpoint: a nested stack that is told its name may hold the alarms."""


class Watched(MlRule):
    """No alarm of the template looks at an endpoint."""

    id = "I9529"
    shortdesc = "An alarm watches an endpoint"
    description = (
        "Instances are paid for whether they answer or fail. An alarm on Invocation5XXErrors or "
        "ModelLatency tells; it may stand in another template, so this is informational."
    )
    source = sagemaker_guide("monitoring-cloudwatch.html", READ)
    tags = ("sagemaker", "monitoring")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields endpoints on instances that no alarm names, nor deployment guardrails."""
        for endpoint in world.of_type(ENDPOINT):
            config = config_of(endpoint, world)
            kinds = {variant.kind for variant in variants(config)} if config else set()
            guarded = endpoint.get("DeploymentConfig") is not None  # W9521 asks for its alarms
            if not kinds - {Kind.SERVERLESS} or guarded or _is_watched(endpoint, world):
                continue
            yield Finding(
                endpoint,
                (),
                "No alarm names this endpoint: set one on Invocation5XXErrors, and one on "
                "ModelLatency.",
            )


def _is_watched(endpoint: Resource, world: World) -> bool:
    """Whether an alarm names an endpoint or a part of it, be it under another outcome alone."""
    name = endpoint.get("EndpointName")
    parts = [c.name for c in world.of_type(COMPONENT) if _names(c, endpoint.name, name)]
    return any(
        _names(resource, part, name)
        for resource in world.possible.values()
        if resource.type in WATCHING
        for part in (endpoint.name, *parts)
    )


def _names(resource: Resource, logical_id: str, name: object) -> bool:
    """Whether a resource refers to another one, or says its name."""
    properties = dict(resource.properties)
    return logical_id in references(properties) or (bool(name) and _says(properties, str(name)))


def _says(value: object, name: str) -> bool:
    match value:
        case str():
            return name in value
        case dict():
            return any(_says(item, name) for item in value.values())
        case list():
            return any(_says(item, name) for item in value)
    return False
