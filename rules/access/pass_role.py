"""Which roles may be passed on."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._iam import allowed
from rules._world import World


class PassRole(MlRule):
    """A role may pass any role to a service."""

    id = "E9580"
    shortdesc = "Only named roles may be passed on"
    description = (
        "Who may pass every role to a job, and start the job, has the rights of all of them. "
        "iam:PassRole is granted for the role of the job alone, with iam:PassedToService."
    )
    source = docs("IAM/latest/UserGuide/id_roles_use_passrole.html", READ)
    tags = ("iam",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields statements that allow to pass any role."""
        for statement in allowed(world):
            named = [a for a in statement.actions if a.lower() in ("iam:passrole", "iam:pass*")]
            if named and any(re.search(r"^\*$|:role/\*$", r) for r in statement.resources):
                yield Finding(
                    statement.resource,
                    (*statement.path, "Resource"),
                    f"{named[0]} on {', '.join(statement.resources)} passes any role: name the "
                    "role of the job, and add the condition iam:PassedToService.",
                )
