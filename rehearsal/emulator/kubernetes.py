"""What a template says to a Kubernetes cluster: recorded, as there is no Kubernetes API here.

The CDK's provider would run kubectl in a function; against no server it could only fail.
"""

from __future__ import annotations

import json
from typing import Any

from rehearsal.emulator import host, recorded

Properties = dict[str, Any]

MANIFEST = "Custom::AWSCDK-EKS-KubernetesResource"
VALUE = "Custom::AWSCDK-EKS-KubernetesObjectValue"


def register() -> None:
    """Records both of the CDK's types in place of its provider."""
    for name, check in ((MANIFEST, check_manifest), (VALUE, check_query)):
        recorded.add(name, _recorded(check))


def _recorded(check: Any) -> host.ResourceType:
    def create(logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        check(properties)
        return f"{stack}-{logical_id}", {}

    def update(
        physical_id: str, old: Properties, new: Properties, stack: str
    ) -> tuple[str, Properties]:
        del old, stack
        check(new)
        return physical_id, {}

    return host.ResourceType(create, update, lambda _id, _properties: None)


def check_manifest(properties: Properties) -> None:
    """Holds a manifest's objects against what every object of Kubernetes has.

    Raises:
        ValueError: It is no list of objects, or one has no version, kind or name.

    Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/#required-fields
    """
    objects = json.loads(properties["Manifest"])
    if not isinstance(objects, list) or not objects:
        raise ValueError(f"{MANIFEST}: a manifest is a list of objects.")
    for number, each in enumerate(objects):
        named = each.get("metadata", {}).get("name") or each.get("metadata", {}).get("generateName")
        if not (each.get("apiVersion") and each.get("kind") and named):
            raise ValueError(
                f"{MANIFEST}: object {number} lacks apiVersion, kind or metadata.name: {each}."
            )


def check_query(properties: Properties) -> None:
    """Sees that a query names what it asks for; its answer is not made up: there is none.

    Raises:
        ValueError: It does not.
    """
    lacking = {"ClusterName", "ObjectType", "ObjectName", "JsonPath"} - properties.keys()
    if lacking:
        raise ValueError(f"{VALUE}: {', '.join(sorted(lacking))} is missing.")
