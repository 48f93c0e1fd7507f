"""Rules that start something when an event happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from constructs import Construct

from mla_constructs.events.undelivered import Undelivered


class EventRule(Construct):
    """A rule that starts one thing when an event matches, under a role for just that.

    EventBridge tries for a day; what could not be started by then lies in the queue. CDK's own
    targets have roles that any rule of any account may make EventBridge use.

    Args:
        scope: Parent construct.
        id: Construct ID; the rule is named after the stack and it.
        description: What happens when.
        pattern: Which events, in EventBridge's own form; the account's default bus has them.
        target_arn: What is started.
        action: The permission that starting it takes, such as "states:StartExecution".
        event_input: What it is started with: text, numbers, lists and mappings, in which
            events.EventField stands for a value of the event.
        undelivered: Keeps what could not be started.

    Attributes:
        role: May start the target.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-iam-roles.html
    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/
    cross-service-confused-deputy-prevention.html
    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        description: str,
        pattern: Mapping[str, Any],
        target_arn: str,
        action: str,
        event_input: Mapping[str, Any],
        undelivered: Undelivered,
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        name = f"{Aws.STACK_NAME}-{id}"
        arn = stack.format_arn(service="events", resource="rule", resource_name=name)
        this_rule_only = {
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnEquals": {"aws:SourceArn": arn},
        }
        service = iam.ServicePrincipal("events.amazonaws.com")
        self.role = iam.Role(
            self,
            "Role",
            description=description,
            assumed_by=service.with_conditions(this_rule_only),
        )
        self.role.add_to_policy(iam.PolicyStatement(actions=[action], resources=[target_arn]))
        undelivered.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[service],
                actions=["sqs:SendMessage"],
                resources=[undelivered.queue_arn],
                conditions=this_rule_only,
            )
        )
        # Binding to no rule in particular only writes the input down.
        written = events.RuleTargetInput.from_object(event_input).bind(self)  # type: ignore[arg-type]
        rule = events.CfnRule(
            self,
            "Resource",
            name=name,
            description=description,
            event_pattern=pattern,
            targets=[
                events.CfnRule.TargetProperty(
                    id="Target",
                    arn=target_arn,
                    role_arn=self.role.role_arn,
                    input=written.input,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_template=written.input_template,
                        input_paths_map=written.input_paths_map,
                    )
                    if written.input_template
                    else None,
                    dead_letter_config=events.CfnRule.DeadLetterConfigProperty(
                        arn=undelivered.queue_arn
                    ),
                )
            ],
        )
        rule.node.add_dependency(self.role)
