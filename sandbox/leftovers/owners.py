"""Whose something is: told by tags, or by a name that holds the name of a stack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from catalogue.discover import Architecture

PROJECT = "mla-reference-architectures"
STACK_NAME = "aws:cloudformation:stack-name"
STACK_ID = "aws:cloudformation:stack-id"

DELIVERED = {"cicd-pipeline": ("production", "staging"), "retraining-trigger": ("production",)}
"""Stacks that a pipeline delivers next to its own, as <stack>-<environment>; without our tags."""

GENERATED = r"{stack}-(\w*[0-9A-F]{8}|\w{24})-\w{8,13}"
"""Names that CloudFormation makes of stack, logical ID and chance.

CDK's logical IDs end with a hash; where a name has room for 64 characters, 24 of the ID are kept.
"""

LOG_GROUPS = (
    r"/aws/codebuild/{stack}-(\w+-Build|Certificate-Certificate)",
    "/aws/codebuild/{stack}-(DeliveryBuild|IntegrationTest|VerificationBuild)",
    "/aws/containerinsights/{stack}/(application|dataplane|host|performance)",
    "/aws/ecs/containerinsights/{stack}/performance",
    r"/aws/ecs/{stack}/\w+",
    "/aws/eks/{stack}/cluster",
    "/aws/(events|iot|mwaa-serverless|vpc)/{stack}",
    r"/aws/lambda/{stack}/\w+",
    f"/aws/lambda/{GENERATED}",
    "/aws/sagemaker/Endpoints/{stack}",
    "/aws/sagemaker/InferenceComponents/{stack}-(onnx|xgboost)",
    "/aws/vendedlogs/states/{stack}",
    "aws-waf-logs-{stack}-Firewall",
)
"""Log groups of the stacks. A service that still writes when its stack is gone makes the group
anew, without tags: it is known by nothing but this name."""

ALARMS = (
    "TargetTracking-(endpoint|service)/{stack}/.+",
    "TargetTracking-inference-component/{stack}-(onnx|xgboost)-.+",
)
"""Alarms that Application Auto Scaling makes for itself: names as accounts show them, which no page
documents."""


@dataclass(frozen=True)
class Owner:
    """A stack of the catalogue, and how something was recognised as its.

    Attributes:
        stack: Name of the stack.
        reason: What it was recognised by.
        stack_id: The very stack of that name; empty if only the name is known.
    """

    stack: str
    reason: str
    stack_id: str = ""


class Owners:
    """The stacks that are asked for.

    Args:
        architectures: Whose stacks.
        every: They are all there are: whatever carries the project's tag belongs to one.
    """

    def __init__(self, architectures: Iterable[Architecture], *, every: bool) -> None:
        stacks = [architecture.stack_id for architecture in architectures]
        self.delivered = [f"{name}-{env}" for name in stacks for env in DELIVERED.get(name, ())]
        self.stacks = [*stacks, *self.delivered]
        self._every = every
        # Longest first: of two names that fit, the longer one is meant.
        names = sorted(map(re.escape, self.stacks), key=len, reverse=True)
        self._stack = f"(?P<stack>{'|'.join(names)})"

    def of_tags(self, tags: Mapping[str, str]) -> Owner | None:
        """Returns whose something is by its tags."""
        stack = tags.get(STACK_NAME) or tags.get("architecture", "")
        if tags.get("project") == PROJECT:
            if self._every or {stack, tags.get("architecture")} & {*self.stacks}:
                return Owner(stack, "tag project", tags.get(STACK_ID, ""))
        elif tags.get(STACK_NAME) in self.delivered:
            return Owner(stack, f"tag {STACK_NAME}", tags.get(STACK_ID, ""))
        return None

    def of_name(self, name: str, patterns: Iterable[str], reason: str = "its name") -> Owner | None:
        """Returns whose something is by a name of one of these patterns, as a whole."""
        for pattern in patterns:
            if found := re.fullmatch(pattern.replace("{stack}", self._stack), name):
                return Owner(found["stack"], reason)
        return None
