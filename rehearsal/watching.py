"""What an architecture tells: alarms, and messages of its topics."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rehearsal.stage import Stage


def physical_ids(stage: Stage, kind: str) -> list[str]:
    """Returns the physical IDs of the stack's resources of a type."""
    resources = stage.client("cloudformation").list_stack_resources(StackName=stage.stack.name)
    return [
        each["PhysicalResourceId"]
        for each in resources["StackResourceSummaries"]
        if each["ResourceType"] == kind
    ]


def alarm_state(stage: Stage, name: str) -> str:
    """Returns the state of the stack's alarm whose logical ID begins with a name."""
    resources = stage.client("cloudformation").list_stack_resources(StackName=stage.stack.name)
    (alarm,) = (
        each["PhysicalResourceId"]
        for each in resources["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::CloudWatch::Alarm"
        and each["LogicalResourceId"].removeprefix("Alarms").startswith(name)
    )
    found = stage.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"]
    return str(found[0]["StateValue"])


@contextmanager
def heard(stage: Stage, topic_arn: str) -> Iterator[Callable[[], str]]:
    """Subscribes a queue to a topic, and gives what returns all that was published meanwhile."""
    sns, sqs = stage.client("sns"), stage.client("sqs")
    url = sqs.create_queue(QueueName="rehearsal-listener")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"][
        "QueueArn"
    ]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    subscription = sns.subscribe(
        TopicArn=topic_arn, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    known: list[str] = []

    def messages() -> str:
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get(
            "Messages", []
        ):
            known.append(message["Body"])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return "\n".join(known)

    try:
        yield messages
    finally:
        sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)
