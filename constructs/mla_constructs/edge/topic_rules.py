"""What becomes of the messages that devices send."""

from __future__ import annotations

from aws_cdk import Aws, Duration, RemovalPolicy, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_iot as iot
from aws_cdk import aws_logs as logs
from constructs import Construct

from mla_constructs.observability.log_group import STREAM_ACTIONS, EncryptedLogGroup
from mla_constructs.security.data_key import DataKey
from mla_constructs.security.findings import acknowledge_wildcard
from mla_constructs.storage.buckets import DataBucket

SQL_VERSION = "2016-03-23"
MINUTE = Duration.minutes(1)


class TopicRules(Construct):
    """Rules of AWS IoT that turn MQTT messages into metrics and objects.

    What a rule cannot deliver is logged with the reason.

    Args:
        scope: Parent construct.
        id: Construct ID.
        key: Encrypts the log of failures.
        log_retention: How long failures are kept.
        removal_policy: What becomes of their log when the stack is deleted.

    Attributes:
        role: What the rules may do.

    Source: https://docs.aws.amazon.com/iot/latest/developerguide/iot-rule-actions.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        key: DataKey,
        log_retention: logs.RetentionDays,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(scope, id)
        stack = Stack.of(self)
        rules = stack.format_arn(service="iot", resource="rule", resource_name="*")
        self.role = iam.Role(
            self,
            "Role",
            description="Rules on the fleet's messages",
            assumed_by=iam.ServicePrincipal(
                "iot.amazonaws.com",
                conditions={
                    "StringEquals": {"aws:SourceAccount": stack.account},
                    "ArnLike": {"aws:SourceArn": rules},
                },
            ),
        )
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=["cloudwatch:PutMetricData"],
                resources=["*"],
                conditions={"StringEquals": {"cloudwatch:namespace": Aws.STACK_NAME}},
            )
        )
        acknowledge_wildcard(
            self.role,
            "*",
            "cloudwatch:PutMetricData knows no resource types; it is limited to one namespace.",
        )
        self._failures = EncryptedLogGroup(
            self,
            "Failures",
            name=f"/aws/iot/{Aws.STACK_NAME}",
            key=key,
            retention=log_retention,
            removal_policy=removal_policy,
        )
        self._failures.grant_writing(
            self.role, actions=["logs:DescribeLogStreams", *STREAM_ACTIONS]
        )

    def measure(
        self, id: str, *, topic: str, metric: str, value: str = "1", where: str = ""
    ) -> cloudwatch.Metric:
        """Adds a value to a metric of the stack for each message, and returns its sum a minute.

        Args:
            id: Construct ID of the rule.
            topic: Filter of topics, such as "fleet/+/results".
            metric: Name of the metric, in the namespace that has the stack's name.
            value: A number or what stands for it in the message, such as "${rows}".
            where: Condition on the message, in AWS IoT's SQL; empty counts every message.
        """
        action = iot.CfnTopicRule.CloudwatchMetricActionProperty(
            metric_namespace=Aws.STACK_NAME,
            metric_name=metric,
            metric_unit="Count",
            metric_value=value,
            role_arn=self.role.role_arn,
        )
        sql = _select(topic, where)
        self._rule(id, sql, iot.CfnTopicRule.ActionProperty(cloudwatch_metric=action))
        return cloudwatch.Metric(
            namespace=Aws.STACK_NAME,
            metric_name=metric,
            statistic="Sum",
            period=MINUTE,
        )

    def archive(self, id: str, *, topic: str, bucket: DataBucket, prefix: str) -> None:
        """Keeps each message as an object below a prefix, by day, thing and moment.

        Args:
            id: Construct ID of the rule.
            topic: Filter of topics whose second level is the thing's name.
            bucket: Where the objects lie.
            prefix: Below which they lie there.
        """
        bucket.grant_write_below(self.role, prefix, in_parts=False)
        day = "${parse_time('yyyy-MM-dd', timestamp())}"
        action = iot.CfnTopicRule.S3ActionProperty(
            bucket_name=bucket.bucket_name,
            key=f"{prefix}/day={day}/${{topic(2)}}/${{timestamp()}}-${{newuuid()}}.json",
            role_arn=self.role.role_arn,
        )
        self._rule(id, _select(topic), iot.CfnTopicRule.ActionProperty(s3=action))

    def _rule(self, id: str, sql: str, action: iot.CfnTopicRule.ActionProperty) -> None:
        failed = iot.CfnTopicRule.CloudwatchLogsActionProperty(
            log_group_name=self._failures.log_group_name, role_arn=self.role.role_arn
        )
        rule = iot.CfnTopicRule(
            self,
            id,
            topic_rule_payload=iot.CfnTopicRule.TopicRulePayloadProperty(
                sql=sql,
                aws_iot_sql_version=SQL_VERSION,
                rule_disabled=False,
                actions=[action],
                error_action=iot.CfnTopicRule.ActionProperty(cloudwatch_logs=failed),
            ),
        )
        # A rule that acts before its role may act fails, and AWS IoT checks it when it is made.
        rule.node.add_dependency(self.role)


def _select(topic: str, where: str = "") -> str:
    condition = f" WHERE {where}" if where else ""
    return f"SELECT * FROM '{topic}'{condition}"  # noqa: S608 - of AWS IoT, known at synthesis
