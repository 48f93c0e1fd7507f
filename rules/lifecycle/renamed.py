"""What goes by another name now."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World


class Renamed(MlRule):
    """A template asks for a resource by its former name."""

    id = "W9562"
    shortdesc = "Connections to repositories go by their present name"
    description = (
        "CodeStar Connections were renamed CodeConnections, with resource types, ARNs and IAM "
        "actions of that name."
    )
    source = docs("dtconsole/latest/userguide/rename.html", READ)
    tags = ("lifecycle",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields resources of the former type."""
        for resource in world.of_type("AWS::CodeStarConnections::Connection"):
            yield Finding(resource, (), "Renamed: use AWS::CodeConnections::Connection.")
