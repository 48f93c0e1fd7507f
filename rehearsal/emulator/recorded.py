"""Resource types without behaviour: properties are checked, Ref and Fn::GetAtt answer, no more."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from rehearsal.emulator import host, schemas

Properties = dict[str, Any]


def register() -> None:
    """Lets CloudFormation record every type that has a schema and no behaviour."""
    for name in schemas.known():
        if not host.knows_type(name):
            host.add_type(name, Recorded(name).behaviour())
            _types.add(name)


def types() -> list[str]:
    """Returns the types that are recorded only."""
    return sorted(_types)


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
