"""Rights by which a role gives itself others."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._iam import allowed
from rules._world import World

GIVING = {
    "iam:addusertogroup",
    "iam:attachgrouppolicy",
    "iam:attachrolepolicy",
    "iam:attachuserpolicy",
    "iam:createaccesskey",
    "iam:createpolicyversion",
    "iam:putgrouppolicy",
    "iam:putrolepolicy",
    "iam:putuserpolicy",
    "iam:setdefaultpolicyversion",
    "iam:updateassumerolepolicy",
}


class Escalation(MlRule):
    """A role may give itself whatever it lacks."""

    id = "E9581"
    shortdesc = "A role cannot give itself rights"
    description = (
        "All actions, all of IAM, or one that changes policies on every resource: code in a job "
        "with such a role owns the account."
    )
    source = docs("IAM/latest/UserGuide/best-practices.html", READ)
    tags = ("iam",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields statements that allow to change rights everywhere."""
        for statement in allowed(world):
            everywhere = "*" in statement.resources
            for action in statement.actions if everywhere else []:
                if any(fnmatchcase(giving, action.lower()) for giving in GIVING):
                    yield Finding(
                        statement.resource,
                        (*statement.path, "Action"),
                        f"{action} on * lets the role give itself any right: name the actions of "
                        "the job, and their resources.",
                    )
