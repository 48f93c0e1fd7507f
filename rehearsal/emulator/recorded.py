"""Resource types without behaviour: they exist, Ref and Fn::GetAtt answer, and nothing follows.

Most are checked against their schema and known to CloudFormation alone. Some (KEPT) have a service
that lists and describes them, of which nothing runs either.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from rehearsal.emulator import host, schemas

Properties = dict[str, Any]

KEPT = (
    "AWS::Athena::",  # no query runs
    "AWS::CloudWatch::Dashboard",
    "AWS::EC2::",  # no network: no packet travels
    "AWS::ECS::",  # no task runs
    "AWS::EKS::",  # no node and no Kubernetes API
    "AWS::ElasticLoadBalancingV2::",  # nothing listens
    "AWS::Glue::",
    "AWS::IoT::",  # no broker: no message, no rule
    "AWS::Logs::MetricFilter",
    "AWS::WAFv2::",  # nothing is filtered
)
"""What begins so is kept by its service, and does nothing."""


def register() -> None:
    """Lets CloudFormation record every type that has a schema and no behaviour."""
    for name in schemas.known():
        if not host.knows_type(name):
            add(name, Recorded(name).behaviour())


def add(name: str, behaviour: host.ResourceType) -> None:
    """Lets CloudFormation record a type, and says so in reports."""
    host.add_type(name, behaviour)
    _types.add(name)


def types() -> list[str]:
    """Returns the types that are recorded only, or kept."""
    return sorted(_types | {name for name in schemas.known() if name.startswith(KEPT)})


_types: set[str] = set()


class Recorded:
    """A type by its schema.

    Args:
        name: Such as "AWS::WAFv2::WebACLAssociation".
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def behaviour(self) -> host.ResourceType:
        """Returns what CloudFormation does with it."""
        return host.ResourceType(self.create, self.update, lambda _id, _properties: None)

    def create(self, logical_id: str, properties: Properties, stack: str) -> tuple[str, Properties]:
        """Checks the properties and makes up what the service would answer."""
        schemas.check(self.name, properties)
        known = {**self._made_up(f"{stack}-{logical_id}"), **properties}
        for name in schemas.names(self.name, "primaryIdentifier"):
            known.setdefault(name, f"{stack}-{logical_id}")
        return schemas.reference(self.name, known), known

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str
    ) -> tuple[str, Properties]:
        """Checks the new properties; the identity stays."""
        del old, stack
        schemas.check(self.name, new)
        return physical_id, {**self._made_up(physical_id), **new}

    def _made_up(self, seed: str) -> Properties:
        service, kind = self.name.split("::")[1:]
        short = hashlib.sha256(f"{self.name} {seed}".encode()).hexdigest()[:17]
        values = {}
        for path in schemas.names(self.name, "readOnlyProperties"):
            if path.lower().endswith("arn"):
                value = (
                    f"arn:aws:{service.lower()}:{host.REGION}:{host.ACCOUNT}:{kind.lower()}/{seed}"
                )
            else:
                value = f"{re.sub('[^a-z]', '', kind.lower())[:8]}-{short}"
            values[path] = value
        return values
