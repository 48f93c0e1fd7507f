"""Where what could not be delivered waits to be looked at."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from mla_constructs.security.findings import acknowledge


class Undelivered(sqs.Queue):
    """A dead-letter queue for events and schedules that could not start what they should; 14 days.

    Args:
        scope: Parent construct.
        id: Construct ID.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    """

    def __init__(self, scope: Construct, id: str) -> None:
        super().__init__(
            scope,
            id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,  # holds events and requests, no data
            enforce_ssl=True,
            retention_period=Duration.days(14),
        )
        for rule in ("AwsSolutions-SQS3", "Serverless-SQSRedrivePolicy"):
            acknowledge(self, rule, "It is a dead-letter queue itself.")
