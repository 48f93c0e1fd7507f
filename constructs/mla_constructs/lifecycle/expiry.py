"""A stack that deletes itself."""

from __future__ import annotations

from aws_cdk import Aws, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from mla_constructs.custom_resources.function import ResourceFunction
from mla_constructs.errors import require_between

MAX_HOURS = 365 * 24
ATTEMPT_EVERY_SECONDS = 3600


class Expiry(Construct):
    """Deletes its stack some hours after the stack's creation, trying hourly until it is gone.

    The moment is reckoned when the stack is deployed, from its creation: an update does not put it
    off, another number of hours moves it. A moment that has passed already fails the deployment.

    Whatever is in the stack by now depends on the schedule: add it when the rest is complete. So
    the schedule is there before anything costs, even if the creation stops halfway, and is the last
    to go: a deletion that failed is tried again, and so is one that CloudFormation refused, during
    an update or under termination protection.

    The schedule's role may ask for the deletion of this one stack and nothing else. CloudFormation
    deletes under the service role that the stack was deployed with; a stack without one, which
    could not delete itself, is refused.

    Args:
        scope: The stack.
        id: Construct ID.
        hours: After how many hours, 1 to 8760.

    Attributes:
        moment: When, such as "2026-11-22T18:30:00Z".

    Raises:
        InvalidArgument: The hours are out of range.

    Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
    Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html
    """

    def __init__(self, scope: Stack, id: str, *, hours: int) -> None:
        super().__init__(scope, id)
        require_between("hours", hours, 1, MAX_HOURS, unit="h")
        self.moment = self._moment(hours)
        # A group of its own: it is what a schedule's role can be limited to.
        group = scheduler.CfnScheduleGroup(self, "Group")
        role = self._role(group)
        schedule = scheduler.CfnSchedule(
            self,
            "Schedule",
            description=f"Deletes its stack {hours} h after the stack was created",
            group_name=group.ref,
            schedule_expression="rate(1 hour)",
            start_date=self.moment,
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=f"arn:{Aws.PARTITION}:scheduler:::aws-sdk:cloudformation:deleteStack",
                # By its ID: a later stack of the same name is another one.
                input=scope.to_json_string({"StackName": Aws.STACK_ID}),
                role_arn=role.role_arn,
                # An attempt ends when the next one begins, so none is kept in a queue.
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=ATTEMPT_EVERY_SECONDS
                ),
            ),
        )
        schedule.node.add_dependency(role)
        for other in scope.node.children:
            if other is not self:
                other.node.add_dependency(schedule)

    def _moment(self, hours: int) -> str:
        clock = ResourceFunction(self, "Clock", task="expiry")
        clock.role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Aws.STACK_ID])
        )
        resource = clock.resource(self, "Moment", "Custom::Expiry", {"Hours": hours})
        resource.node.add_dependency(clock.role)
        return resource.get_att_string("Moment")

    def _role(self, group: scheduler.CfnScheduleGroup) -> iam.Role:
        """Returns the role that the group's schedules alone can use.

        Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/
        cross-service-confused-deputy-prevention.html
        """
        role = iam.Role(
            self,
            "Role",
            description="Deletes its own stack",
            assumed_by=iam.ServicePrincipal(
                "scheduler.amazonaws.com",
                conditions={
                    "StringEquals": {
                        "aws:SourceAccount": Aws.ACCOUNT_ID,
                        "aws:SourceArn": group.attr_arn,
                    }
                },
            ),
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["cloudformation:DeleteStack"], resources=[Aws.STACK_ID])
        )
        return role
