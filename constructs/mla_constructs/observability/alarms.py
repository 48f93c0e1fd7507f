"""Alarms and the topic that carries them."""

from __future__ import annotations

from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from constructs import Construct

from mla_constructs.errors import require_between
from mla_constructs.observability.topic import EncryptedTopic
from mla_constructs.security.data_key import DataKey, sent_by_alarms


class AlarmTopic(Construct):
    """An encrypted, TLS-only topic that every alarm of the architecture notifies.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the messages; it is opened to the account's alarms.

    Attributes:
        topic: Subscribe to it to hear of alarms.
    """

    def __init__(self, scope: Construct, id: str, *, key: DataKey) -> None:
        super().__init__(scope, id)
        key.allow_alarms()
        self.topic = EncryptedTopic(self, "Topic", key=key)
        # A topic policy of one's own replaces the default one that lets the account's alarms in.
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self.topic.topic_arn],
                conditions=sent_by_alarms(self),
            )
        )

    def watch(
        self,
        id: str,
        metric: cloudwatch.IMetric,
        *,
        at_least: float,
        minutes: int,
        meaning: str,
    ) -> cloudwatch.Alarm:
        """Creates an alarm that notifies the topic on the way in and on the way out.

        Args:
            id: Construct ID of the alarm.
            metric: A metric with a period of one minute; no data counts as healthy, since these
                metrics are only published while there is something to measure.
            at_least: Threshold in the metric's unit; the alarm fires at or above it.
            minutes: Number of consecutive minutes at or above the threshold.
            meaning: What is wrong and what to look at, for whoever is woken by it.

        Raises:
            InvalidArgument: The number of minutes is not from 1 to 1440, a day.
        """
        require_between("minutes", minutes, 1, 1440)
        alarm = cloudwatch.Alarm(
            self,
            id,
            metric=metric,
            threshold=at_least,
            evaluation_periods=minutes,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=meaning,
        )
        action = actions.SnsAction(self.topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        return alarm
