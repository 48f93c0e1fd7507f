"""Alarms in the emulated account: who hears of them, and what the metrics say."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount

PATTERN = {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]}


class Metrics:
    """A metric and alarms on it, by names of their own."""

    def __init__(self, account: EmulatedAccount) -> None:
        self.account = account
        self.cloudwatch = account.client("cloudwatch")
        self.space = f"test-{uuid.uuid4().hex[:12]}"
        self.made: list[str] = []

    def publish(self, value: float, **dimensions: str) -> None:
        datum = {"MetricName": "m", "Value": value, "Dimensions": named(dimensions)}
        self.cloudwatch.put_metric_data(Namespace=self.space, MetricData=[datum])

    def alarm(self, dimensions: dict[str, str] | None = None, **settings: Any) -> str:
        name = f"{self.space}-{len(self.made)}"
        watched = {
            "Namespace": self.space,
            "MetricName": "m",
            "Dimensions": named(dimensions or {}),
            "Statistic": "Sum",
            "Period": 60,
        }
        self.cloudwatch.put_metric_alarm(
            AlarmName=name,
            **{
                **({} if "Metrics" in settings else watched),
                "EvaluationPeriods": 1,
                "Threshold": 5,
                "ComparisonOperator": "GreaterThanOrEqualToThreshold",
                "TreatMissingData": "notBreaching",
                **settings,
            },
        )
        self.made.append(name)
        return name

    def state(self, name: str) -> str:
        (alarm,) = self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return str(alarm["StateValue"])


def named(dimensions: dict[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions.items()]


@pytest.fixture
def metrics(account: EmulatedAccount) -> Iterator[Metrics]:
    metrics = Metrics(account)
    yield metrics
    metrics.cloudwatch.delete_alarms(AlarmNames=metrics.made)


SECONDS = 10


class Mailbox:
    """A queue that a topic and a rule deliver to."""

    def __init__(self, account: EmulatedAccount) -> None:
        name = f"mailbox-{uuid.uuid4().hex[:12]}"
        self.sqs, self.sns = account.client("sqs"), account.client("sns")
        self.url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        senders = {"Service": ["sns.amazonaws.com", "events.amazonaws.com"]}
        self.sqs.set_queue_attributes(
            QueueUrl=self.url, Attributes={"Policy": policy(senders, "sqs:SendMessage", self.arn)}
        )
        self.topic = self.sns.create_topic(Name=name)["TopicArn"]
        self.sns.subscribe(TopicArn=self.topic, Protocol="sqs", Endpoint=self.arn)

    def let_in(self, service: str) -> None:
        allowed = policy({"Service": service}, "sns:Publish", self.topic)
        self.sns.set_topic_attributes(
            TopicArn=self.topic, AttributeName="Policy", AttributeValue=allowed
        )

    def read(self, expected: int = 0) -> list[dict[str, Any]]:
        """The messages that came; those expected are waited for, as rules deliver when they can."""
        messages: list[dict[str, Any]] = []
        deadline = time.monotonic() + SECONDS
        while True:
            found = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            messages += found.get("Messages", [])
            if len(messages) >= expected or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        bodies = [json.loads(message["Body"]) for message in messages]
        return [json.loads(body["Message"]) if "Message" in body else body for body in bodies]


def policy(principal: dict[str, Any], action: str, resource: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": resource,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_an_alarm_hears_its_own_dimensions_alone(metrics: Metrics) -> None:
    mine, none = metrics.alarm({"side": "mine"}), metrics.alarm()
    metrics.publish(100, side="other")
    metrics.account.advance(60)
    assert (metrics.state(mine), metrics.state(none)) == ("OK", "OK")
    metrics.publish(5, side="mine")
    metrics.account.advance(60)
    assert (metrics.state(mine), metrics.state(none)) == ("ALARM", "OK")
    metrics.account.advance(180)
    assert metrics.state(mine) == "OK"


def test_two_of_three(metrics: Metrics) -> None:
    name = metrics.alarm(EvaluationPeriods=3, DatapointsToAlarm=2)
    for value, state in ((9, "OK"), (0, "OK"), (9, "ALARM"), (0, "OK")):
        metrics.publish(value)
        metrics.account.advance(60)
        assert metrics.state(name) == state


def test_no_data_at_all_are_insufficient(metrics: Metrics) -> None:
    name = metrics.alarm(TreatMissingData="missing")
    metrics.publish(9)
    metrics.account.advance(60)
    assert metrics.state(name) == "ALARM"
    metrics.account.advance(600)
    assert metrics.state(name) == "INSUFFICIENT_DATA"


def test_topic_and_event_bus_hear_each_change_once(metrics: Metrics) -> None:
    mailbox = Mailbox(metrics.account)
    mailbox.let_in("cloudwatch.amazonaws.com")
    name = metrics.alarm(AlarmActions=[mailbox.topic], OKActions=[mailbox.topic])
    events = metrics.account.client("events")
    pattern = {**PATTERN, "detail": {"alarmName": [name]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "mailbox", "Arn": mailbox.arn}])
    metrics.account.advance(60)
    mailbox.read(expected=1)  # from no data to OK
    metrics.publish(9)
    metrics.account.advance(120)
    message, event = sorted(mailbox.read(expected=2), key=lambda each: "detail" in each)
    assert (message["OldStateValue"], message["NewStateValue"]) == ("OK", "ALARM")
    assert message["Trigger"]["Statistic"] == "Sum"
    assert event["detail"]["state"]["value"] == "ALARM"
    assert event["detail"]["previousState"]["value"] == "OK"
    assert event["resources"] == [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"]
    (metric,) = event["detail"]["configuration"]["metrics"]
    assert metric["metricStat"]["stat"] == "Sum"
    events.remove_targets(Rule=name, Ids=["mailbox"])
    events.delete_rule(Name=name)


def test_a_topic_that_lets_others_in_hears_nothing(metrics: Metrics) -> None:
    mailbox = Mailbox(metrics.account)
    mailbox.let_in("s3.amazonaws.com")
    name = metrics.alarm(AlarmActions=[mailbox.topic])
    metrics.publish(9)
    metrics.account.advance(60)
    assert metrics.state(name) == "ALARM"
    assert mailbox.read() == []
    assert f"{name} is not heard" in metrics.account.log.read_text()


def test_an_encrypted_topic_needs_a_key_that_lets_cloudwatch_in(metrics: Metrics) -> None:
    kms, mailbox = metrics.account.client("kms"), Mailbox(metrics.account)
    mailbox.let_in("cloudwatch.amazonaws.com")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    mailbox.sns.set_topic_attributes(
        TopicArn=mailbox.topic, AttributeName="KmsMasterKeyId", AttributeValue=key
    )
    metrics.alarm(AlarmActions=[mailbox.topic])
    metrics.publish(9)
    metrics.account.advance(60)
    assert mailbox.read() == []
    root = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    statements = [
        json.loads(policy(who, "kms:*", "*"))["Statement"][0]
        for who in (root, {"Service": "cloudwatch.amazonaws.com"})
    ]
    opened = json.dumps({"Version": "2012-10-17", "Statement": statements})
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=opened)
    metrics.account.advance(300)
    metrics.publish(9)
    metrics.account.advance(60)
    assert [message["NewStateValue"] for message in mailbox.read()] == ["ALARM"]
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)


def queries(space: str) -> list[dict[str, Any]]:
    stat = {
        "Metric": {"Namespace": space, "MetricName": "m", "Dimensions": []},
        "Period": 60,
        "Stat": "Sum",
    }
    return [
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
        {"Id": "half", "Expression": "m1 / 2", "ReturnData": True},
    ]


def test_what_is_read_is_what_is_judged(metrics: Metrics) -> None:
    name = metrics.alarm(Metrics=queries(metrics.space))
    metrics.publish(99, side="other")
    for value in (4, 10):
        metrics.publish(value)
        metrics.account.advance(60)
    assert metrics.state(name) == "ALARM"
    span = {"StartTime": metrics.account.now() - timedelta(minutes=5)}
    span["EndTime"] = metrics.account.now()
    (result,) = metrics.cloudwatch.get_metric_data(
        MetricDataQueries=queries(metrics.space), **span
    )["MetricDataResults"]
    assert result["Values"] == [5, 2]  # the newest first
    assert result["Timestamps"][0] > result["Timestamps"][1]
    points = metrics.cloudwatch.get_metric_statistics(
        Namespace=metrics.space, MetricName="m", Period=60, Statistics=["Sum"], **span
    )["Datapoints"]
    assert [point["Sum"] for point in points] == [4, 10]
    (alarm,) = metrics.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    assert [query["Id"] for query in alarm["Metrics"]] == ["m1", "half"]
    assert "MetricName" not in alarm


def test_what_is_not_computed_is_refused(metrics: Metrics) -> None:
    band = [{"Id": "b", "Expression": "ANOMALY_DETECTION_BAND(m1)"}, queries(metrics.space)[0]]
    with pytest.raises(ClientError, match="does not compute ANOMALY_DETECTION_BAND"):
        metrics.alarm(Metrics=band)
    with pytest.raises(ClientError, match="does not compute tm99"):
        metrics.cloudwatch.put_metric_alarm(
            AlarmName="trimmed",
            Namespace="N",
            MetricName="m",
            ExtendedStatistic="tm99",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )
