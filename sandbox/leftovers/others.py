"""Whatever else carries our tags: simple things are deleted, the rest is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.aws import Account, Unseen
from sandbox.leftovers.model import Cost, Leftover
from sandbox.leftovers.survey import Survey, missing


def resource_type(arn: str) -> str:
    """Returns service and resource type of an ARN, such as "sagemaker:endpoint" or "sns:"."""
    _, _, service, _, _, resource = arn.split(":", 5)
    head = min(resource.split("/")[0], resource.split(":")[0], key=len)
    return f"{service}:{head if head != resource else ''}"


def _last(arn: str) -> str:
    return arn.replace("/", ":").rpartition(":")[2]


def _whole(arn: str) -> str:
    return arn


@dataclass(frozen=True)
class Simple:
    """What one call shows and another deletes, both by one argument.

    Attributes:
        kind: What it is.
        service: Its service, as boto3 names it.
        look: Client method that fails if it does not exist.
        delete: Client method that deletes it.
        argument: What both call it.
        value: Makes the argument of the ARN.
        cost: What it is billed for.
    """

    kind: str
    service: str
    look: str
    delete: str
    argument: str
    value: Callable[[str], str]
    cost: Cost = Cost.NOTHING


SIMPLE = {
    "codecommit:": Simple(
        "repository", "codecommit", "get_repository", "delete_repository", "repositoryName", _last
    ),
    "codepipeline:": Simple(
        "delivery pipeline", "codepipeline", "get_pipeline", "delete_pipeline", "name", _last
    ),
    "dynamodb:table": Simple(
        "table",
        "dynamodb",
        "describe_table",
        "delete_table",
        "TableName",
        _last,
        Cost.STORED,
    ),
    "lambda:function": Simple(
        "function", "lambda", "get_function", "delete_function", "FunctionName", _last
    ),
    "sns:": Simple("topic", "sns", "get_topic_attributes", "delete_topic", "TopicArn", _whole),
    "states:stateMachine": Simple(
        "state machine",
        "stepfunctions",
        "describe_state_machine",
        "delete_state_machine",
        "stateMachineArn",
        _whole,
    ),
}

RECORDS = {"sagemaker:training-job", "sagemaker:processing-job", "sagemaker:transform-job"}
"""Of jobs that ended nothing is left but a record, which has no price."""


class Others:
    """What the tag index knows and no other finder answers for.

    Args:
        covered: Services and resource types of the other finders.
    """

    kind = "other tagged resources"
    covers = ()

    def __init__(self, covered: frozenset[str]) -> None:
        self._covered = covered | RECORDS

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields what is there still, as far as that can be told."""
        for arn, tags in survey.tagged.items():
            of_type = resource_type(arn)
            if of_type in self._covered or not (owner := survey.owner(tags)):
                continue
            simple = SIMPLE.get(of_type)
            if simple and not self._exists(survey, simple, arn):
                continue
            yield Leftover(
                kind=simple.kind if simple else of_type.replace(":", " ").strip(),
                name=_last(arn),
                id=arn,
                stack=owner.stack,
                reason=owner.reason,
                cost=simple.cost if simple else Cost.UNKNOWN,
                removal="delete" if simple else "by hand",
                by_hand=not simple,
            )

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it."""
        simple = SIMPLE[resource_type(leftover.id)]
        argument = {simple.argument: simple.value(leftover.id)}
        account.ask(simple.service, simple.delete, **argument)

    def _exists(self, survey: Survey, simple: Simple, arn: str) -> bool:
        """The index forgets late: whether it is there is the service's to say."""
        try:
            survey.account.ask(simple.service, simple.look, **{simple.argument: simple.value(arn)})
        except Unseen as unseen:
            if missing(unseen):
                return False
            survey.note(unseen)
        return True
