"""What observes: log groups and alarms, those included that services make for themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from sandbox.aws import Account
from sandbox.leftovers.listed import Listed
from sandbox.leftovers.model import Cost, Leftover
from sandbox.leftovers.owners import ALARMS, LOG_GROUPS
from sandbox.leftovers.survey import Survey


class LogGroups(Listed):
    """Log groups; one that a service made anew after its stack was deleted has its name alone."""

    kind = "log group"
    covers = ("logs:log-group",)
    service = "logs"
    listing = ("describe_log_groups", "logGroups")
    id = "logGroupName"
    deletion = ("delete_log_group", "logGroupName")

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those whose tags, or else whose name, belong to a stack that lives no more."""
        for group in survey.list(self.service, *self.listing):
            tags = survey.tagged.get(group["arn"].removesuffix(":*"), {})
            owner = survey.owners.of_tags(tags) or survey.owners.of_name(
                group["logGroupName"], LOG_GROUPS
            )
            if owner := survey.left(owner):
                yield self.leftover(
                    group,
                    owner.stack,
                    owner.reason,
                    cost=Cost.STORED if group.get("storedBytes") else Cost.NOTHING,
                    since=datetime.fromtimestamp(group["creationTime"] / 1000, UTC),
                )


class Alarms(Listed):
    """CloudWatch alarms."""

    kind = "alarm"
    covers = ("cloudwatch:alarm",)
    service = "cloudwatch"
    listing = ("describe_alarms", "MetricAlarms")
    id = "AlarmName"
    arn = "AlarmArn"
    since = "AlarmConfigurationUpdatedTimestamp"
    cost = Cost.MONTH

    def find(self, survey: Survey) -> Iterator[Leftover]:
        """Yields those of stacks that live no more, and those that scale an endpoint of theirs."""
        for alarm in survey.list(self.service, *self.listing):
            owner = survey.owners.of_tags(self.tags(survey, alarm)) or survey.owners.of_name(
                alarm["AlarmName"], ALARMS
            )
            if owner := survey.left(owner):
                yield self.leftover(alarm, owner.stack, owner.reason)

    def remove(self, account: Account, leftover: Leftover) -> None:
        """Deletes it."""
        account.ask("cloudwatch", "delete_alarms", AlarmNames=[leftover.id])
