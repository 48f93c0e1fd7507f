"""Stacks that could not be deleted, or never came to be."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.aws import Account
from sandbox.leftovers.listed import wait_until_gone
from sandbox.leftovers.model import Cost, Leftover, StillThere
from sandbox.leftovers.owners import STACK_NAME
from sandbox.leftovers.survey import DEAD, Survey, tags_of


class Stacks:
    """Stacks in DELETE_FAILED, ROLLBACK_FAILED or ROLLBACK_COMPLETE.

    Deleting one again takes what is left of it, what has no tags included.
    """

    kind = "stack"
    covers = ("cloudformation:stack",)

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields them."""
        for stack in survey.stacks or ():
            if stack["StackStatus"] not in DEAD:
                continue
            # A stack delivered by a pipeline has no tags: CloudFormation's would be its name.
            tags = {STACK_NAME: stack["StackName"], **tags_of(stack)}
            if owner := survey.owners.of_tags(tags):
                yield Leftover(
                    kind=f"stack in {stack['StackStatus']}",
                    name=stack["StackName"],
                    id=stack["StackId"],
                    stack=owner.stack,
                    reason="tag project" if owner.reason == "tag project" else "its name",
                    cost=Cost.NOTHING,
                    removal="delete again",
                    since=stack.get("CreationTime"),
                )

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it and waits until it is gone."""
        account.ask("cloudformation", "delete_stack", StackName=leftover.id)
        state: dict[str, str] = {}

        def deleting() -> bool:
            # By its ID a stack is found after its deletion as well.
            answer = account.ask("cloudformation", "describe_stacks", StackName=leftover.id)
            state.update(answer["Stacks"][0])
            return state["StackStatus"] == "DELETE_IN_PROGRESS"

        wait_until_gone(deleting, leftover.name)
        if state and state["StackStatus"] != "DELETE_COMPLETE":
            reason = state.get("StackStatusReason", "its events say why")
            raise StillThere(f"{state['StackStatus']}: {reason}")
