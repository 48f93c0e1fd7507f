"""Managed policies that are wider than a job."""

from __future__ import annotations

import re
from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World

BROAD = re.compile(
    r":policy/(AdministratorAccess|PowerUserAccess|IAMFullAccess|AmazonSageMakerFullAccess"
    r"|AmazonS3FullAccess|AWSStepFunctionsFullAccess|AWSGlueConsoleFullAccess)$"
)


class BroadManagedPolicy(MlRule):
    """A role has a managed policy that was made for people, or for trying out."""

    id = "W9582"
    shortdesc = "A role has no managed policy of full access"
    description = (
        "A managed policy of full access allows more than a job or an endpoint needs: grant the "
        "actions that its code calls, on its own data."
    )
    source = docs("IAM/latest/UserGuide/best-practices.html", READ)
    tags = ("iam",)

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields managed policies of full access on roles."""
        for role in world.of_type("AWS::IAM::Role"):
            policies = role.get("ManagedPolicyArns")
            for index, policy in enumerate(policies if isinstance(policies, list) else []):
                found = BROAD.search(str(policy))
                if found:
                    yield Finding(
                        role,
                        ("ManagedPolicyArns", index),
                        f"{found[1]} allows more than a job needs: grant the actions that it "
                        "calls, on its own data.",
                    )
