"""What Greengrass tells of a fleet's deployments and components."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.observability.log_group import EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge


class FleetEvents(Construct):
    """Counts and logs failed deployments and broken components.

    Greengrass sends these events on a best-effort basis: one may be missing, or come twice.

    Args:
        scope: Parent construct.
        id: Construct ID.
        core_devices: How the ARN of each of the fleet's core devices begins.
        key: Encrypts the log.
        log_retention: How long the events are kept.
        removal_policy: What becomes of the log when the stack is deleted.

    Source: https://docs.aws.amazon.com/greengrass/v2/developerguide/
    deployment-health-notifications.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        core_devices: str,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        log = EncryptedLogGroup(
            self,
            "Log",
            # EventBridge logs to groups below this prefix only.
            name=f"/aws/events/{Aws.STACK_NAME}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self._rule = events.CfnRule(
            self,
            "Rule",
            description="Failed deployments and broken components of the fleet",
            event_pattern={
                "source": ["aws.greengrass"],
                "resources": [{"prefix": core_devices}],
                "$or": [
                    {"detail": {"coreDeviceExecutionStatus": ["FAILED", "REJECTED"]}},
                    {"detail": {"components": {"lifecycleState": ["BROKEN"]}}},
                ],
            },
            targets=[events.CfnRule.TargetProperty(id="Log", arn=log.log_group_arn)],
        )
        acknowledge(
            self._rule,
            "Serverless-EventBusDLQ",
            "The alarm counts what the rule matched, whether its log takes the event or not; "
            "EventBridge tries to deliver for 24 hours, and the core device keeps its own log.",
        )
        self._allow_logging(log)

    def metric_failures(self) -> cloudwatch.Metric:
        """Returns how many events there were in a minute."""
        return cloudwatch.Metric(
            namespace="AWS/Events",
            metric_name="TriggeredRules",
            dimensions_map={"RuleName": self._rule.ref},
            statistic="Sum",
            period=Duration.minutes(1),
        )

    def _allow_logging(self, log: EncryptedLogGroup) -> None:
        """EventBridge writes under a policy of the log group's, not under a role."""
        stack = Stack.of(self)
        statement = iam.PolicyStatement(
            principals=[
                iam.ServicePrincipal("events.amazonaws.com"),
                iam.ServicePrincipal("delivery.logs.amazonaws.com"),
            ],
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[log.log_group_arn],
            conditions={
                "StringEquals": {"aws:SourceAccount": stack.account},
                "ArnEquals": {"aws:SourceArn": self._rule.attr_arn},
            },
        )
        logs.CfnResourcePolicy(
            self,
            "LogPolicy",
            policy_name=f"{Aws.STACK_NAME}-events",
            policy_document=stack.to_json_string(
                iam.PolicyDocument(statements=[statement]).to_json()
            ),
        )
