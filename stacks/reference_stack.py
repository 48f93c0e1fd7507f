"""What every reference architecture is as a CloudFormation stack."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Environment, RemovalPolicy, Stack, Tags
from constructs import Construct

from catalogue.model import Facts
from mla_constructs.lifecycle.expiry import Expiry
from stacks.context import Context, chosen


class ReferenceStack(Stack):
    """A stack that deploys alone, is tagged, and leaves nothing behind unless told to.

    Args:
        scope: The app.
        id: Name of the stack.
        facts: What the architecture is; its title and tasks describe the stack.

    Attributes:
        data_removal: What becomes of keys, buckets and logs when the stack is deleted: they go
            too, or stay with `-c retain_data=true`.
    """

    def __init__(self, scope: Construct, id: str, *, facts: Facts) -> None:
        context = Context.of(scope.node)
        super().__init__(
            scope,
            id,
            description=f"{facts.title} (MLA-C01 task {', '.join(facts.tasks)})",
            env=Environment(region=context.region) if context.region else None,
        )
        self._options = {option.name: option for option in facts.options}
        self.data_removal = RemovalPolicy.RETAIN if context.retain_data else RemovalPolicy.DESTROY
        Tags.of(self).add("project", "mla-reference-architectures")
        Tags.of(self).add("architecture", id)

    def option(self, name: str) -> str:
        """Returns what was chosen by `-c name=value`, one of the options that the facts declare.

        Raises:
            UsageError: The option has no such value.
        """
        return chosen(self.node, self._options[name])

    def output(self, name: str, value: Any, description: str) -> None:
        """Adds a stack output; a client finds everything it needs among them."""
        CfnOutput(self, name, value=value, description=description)

    def expire_after(self, hours: int) -> None:
        """Lets the complete stack delete itself so many hours after its creation."""
        expiry = Expiry(self, "Expiry", hours=hours)
        self.output("Expires", expiry.moment, "When the stack begins to delete itself")
