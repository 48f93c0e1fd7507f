"""Alarms and the topic that carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from mla_constructs.observability.alarms import AlarmTopic

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    parts = new_parts()
    AlarmTopic(parts.stack, "Alarms", key=parts.key).watch(
        "Errors",
        cloudwatch.Metric(
            namespace="AWS/SageMaker",
            metric_name="Invocation5XXErrors",
            statistic="Sum",
            period=Duration.minutes(1),
        ),
        at_least=3,
        minutes=5,
        meaning="Requests fail: read the logs.",
    )
    return parts


@pytest.fixture(scope="module")
def topic(built: Parts) -> str:
    (name,) = built.template.find_resources("AWS::SNS::Topic")
    return str(name)


@pytest.fixture(scope="module")
def statements(built: Parts, topic: str) -> dict[str, dict[str, Any]]:
    """The statements of the topic's policy by effect."""
    (policy,) = built.template.find_resources("AWS::SNS::TopicPolicy").values()
    assert policy["Properties"]["Topics"] == [{"Ref": topic}]
    found = policy["Properties"]["PolicyDocument"]["Statement"]
    assert len(found) == 2
    return {statement["Effect"]: statement for statement in found}


SENT_BY_ALARMS = {
    "StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}},
    "ArnLike": {
        "aws:SourceArn": {
            "Fn::Join": [
                "",
                [
                    "arn:",
                    {"Ref": "AWS::Partition"},
                    ":cloudwatch:",
                    {"Ref": "AWS::Region"},
                    ":",
                    {"Ref": "AWS::AccountId"},
                    ":alarm:*",
                ],
            ]
        }
    },
}


def test_topic_is_encrypted_with_the_key(built: Parts, topic: str) -> None:
    assert topic
    built.template.has_resource_properties(
        "AWS::SNS::Topic", {"KmsMasterKeyId": built.resolve(built.key.key_arn)}
    )


def test_alarms_of_this_account_may_publish(
    topic: str, statements: dict[str, dict[str, Any]]
) -> None:
    """A policy of one's own replaces the default one, which would let them in."""
    allowed = statements["Allow"]
    assert allowed["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (allowed["Action"], allowed["Resource"]) == ("sns:Publish", {"Ref": topic})
    assert allowed["Condition"] == SENT_BY_ALARMS


def test_nobody_may_publish_without_tls(topic: str, statements: dict[str, dict[str, Any]]) -> None:
    denied = statements["Deny"]
    assert (denied["Principal"], denied["Action"]) == ("*", "sns:Publish")
    assert denied["Resource"] == {"Ref": topic}
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_key_is_opened_to_the_alarms_of_this_account(built: Parts) -> None:
    """Without it an alarm changes its state and the notification is lost."""
    (key,) = built.template.find_resources("AWS::KMS::Key").values()
    (opened,) = (
        statement
        for statement in key["Properties"]["KeyPolicy"]["Statement"]
        if statement["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    )
    assert opened["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert opened["Condition"] == SENT_BY_ALARMS


def test_alarm_notifies_on_the_way_in_and_on_the_way_out(built: Parts, topic: str) -> None:
    (alarm,) = built.template.find_resources("AWS::CloudWatch::Alarm").values()
    assert alarm["Properties"] == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Statistic": "Sum",
        "Period": 60,
        "Threshold": 3,
        "EvaluationPeriods": 5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        "AlarmDescription": "Requests fail: read the logs.",
        "AlarmActions": [{"Ref": topic}],
        "OKActions": [{"Ref": topic}],
    }
