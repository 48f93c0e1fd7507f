"""Rules on what devices send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_logs as logs

from mla_constructs.edge.topic_rules import TopicRules
from mla_constructs.storage.buckets import AccessLogBucket, DataBucket

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    rules = TopicRules(
        parts.stack,
        "Rules",
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_WEEK,
        removal_policy=RemovalPolicy.DESTROY,
    )
    bucket = DataBucket(
        parts.stack,
        "Results",
        key=parts.key,
        access_logs=AccessLogBucket(
            parts.stack, "AccessLogs", removal_policy=RemovalPolicy.DESTROY
        ),
        removal_policy=RemovalPolicy.DESTROY,
        expire_after=Duration.days(1),
    )
    metric = rules.measure(
        "Rows", topic="fleet/+/results", metric="Rows", value="${rows}", where="rows > 0"
    )
    assert (metric.metric_name, metric.statistic) == ("Rows", "Sum")
    rules.archive("Archive", topic="fleet/+/results", bucket=bucket, prefix="results")
    return parts


def payloads(parts: Parts) -> dict[str, Any]:
    rules = parts.template.find_resources("AWS::IoT::TopicRule").values()
    found = [rule["Properties"]["TopicRulePayload"] for rule in rules]
    return {next(iter(payload["Actions"][0])): payload for payload in found}


def test_a_message_adds_to_the_metric(built: Parts) -> None:
    payload = payloads(built)["CloudwatchMetric"]
    assert payload["Sql"] == "SELECT * FROM 'fleet/+/results' WHERE rows > 0"
    assert payload["AwsIotSqlVersion"] == "2016-03-23"
    (action,) = payload["Actions"]
    assert action["CloudwatchMetric"]["MetricValue"] == "${rows}"
    assert action["CloudwatchMetric"]["MetricNamespace"] == {"Ref": "AWS::StackName"}


def test_a_message_becomes_an_object(built: Parts) -> None:
    payload = payloads(built)["S3"]
    assert payload["Sql"] == "SELECT * FROM 'fleet/+/results'"
    (action,) = payload["Actions"]
    assert action["S3"]["Key"].startswith("results/day=${parse_time(")
    assert "${topic(2)}" in action["S3"]["Key"]


def test_rules_may_measure_in_this_namespace_and_write_below_this_prefix(built: Parts) -> None:
    (policy,) = (
        found["Properties"]["PolicyDocument"]["Statement"]
        for name, found in built.template.find_resources("AWS::IAM::Policy").items()
        if name.startswith("RulesRole")
    )
    by_action = {str(statement["Action"]): statement for statement in policy}
    put = by_action["cloudwatch:PutMetricData"]
    assert put["Condition"] == {"StringEquals": {"cloudwatch:namespace": {"Ref": "AWS::StackName"}}}
    (write,) = (s for action, s in by_action.items() if "s3:PutObject" in action)
    assert write["Resource"]["Fn::Join"][1][-1] == "/results/*"


def test_rules_act_after_their_role_may(built: Parts) -> None:
    for rule in built.template.find_resources("AWS::IoT::TopicRule").values():
        assert any(name.startswith("RulesRoleDefaultPolicy") for name in rule["DependsOn"])
