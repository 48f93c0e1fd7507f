"""Rules and schedules start things in time, under their roles; what fails goes to the queue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.account import ACCOUNT, REGION, EmulatedAccount
from tests.rehearsal.workflows import Workflows


@pytest.fixture(scope="module")
def flows(account: EmulatedAccount) -> Workflows:
    return Workflows(account)


@pytest.fixture
def group(flows: Workflows) -> Iterator[str]:
    name = flows.name("group")
    flows.client("scheduler").create_schedule_group(Name=name)
    yield name
    flows.client("scheduler").delete_schedule_group(Name=name)


def schedule(
    flows: Workflows,
    group: str,
    target: dict[str, Any],
    *allowed: tuple[str, str],
    source: str = "",
    expression: str = "rate(5 minutes)",
) -> None:
    own = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/{group}"
    role = flows.role("scheduler", *allowed, source=source or own)
    flows.client("scheduler").create_schedule(
        Name=flows.name("schedule"),
        GroupName=group,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"RoleArn": role, **target},
    )


def test_a_schedule_sends_under_its_role(flows: Workflows, group: str) -> None:
    url, arn = flows.queue()
    text = '{"when": "<aws.scheduler.scheduled-time>"}'
    schedule(flows, group, {"Arn": arn, "Input": text}, ("sqs:SendMessage", arn))
    assert not flows.client("sqs").receive_message(QueueUrl=url).get("Messages")
    sent = json.loads(flows.message(url, skipping=60)["Body"])
    assert sent["when"].endswith(":00Z")


def test_a_schedule_calls_any_api(flows: Workflows, group: str) -> None:
    url, arn = flows.queue()
    target = {
        "Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage",
        "Input": json.dumps({"QueueUrl": url, "MessageBody": "hello"}),
    }
    schedule(flows, group, target, ("sqs:SendMessage", arn))
    assert flows.message(url, skipping=60)["Body"] == "hello"


def test_what_a_schedule_may_not_start_lies_in_its_queue(flows: Workflows, group: str) -> None:
    url, arn = flows.queue()
    machine = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:nothing"
    target = {"Arn": machine, "Input": '{"a": 1}', "DeadLetterConfig": {"Arn": arn}}
    schedule(flows, group, target, ("sqs:SendMessage", arn))
    message = flows.message(url, skipping=60)
    attributes = {k: v["StringValue"] for k, v in message["MessageAttributes"].items()}
    assert message["Body"] == '{"a": 1}'
    assert attributes["ERROR_CODE"] == "AccessDeniedException"
    assert attributes["TARGET_ARN"] == machine


def test_a_role_for_another_group_does_nothing(flows: Workflows, group: str) -> None:
    url, arn = flows.queue()
    other = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/other"
    schedule(flows, group, {"Arn": arn, "Input": "1"}, ("sqs:SendMessage", arn), source=other)
    flows.account.advance(600)
    assert not flows.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")


def test_a_daily_schedule_fires_once_a_day(flows: Workflows, group: str) -> None:
    url, arn = flows.queue()
    target = {"Arn": arn, "Input": "1"}
    schedule(flows, group, target, ("sqs:SendMessage", arn), expression="cron(0 2 * * ? *)")
    flows.account.advance(60)  # a schedule counts from when it is seen first
    flows.account.advance(2 * 24 * 3600)
    assert [flows.message(url)["Body"] for _ in "12"] == ["1", "1"]
    assert not flows.client("sqs").receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages")


# Rules


def rule(flows: Workflows, target: dict[str, Any]) -> tuple[str, str]:
    """Creates a rule for events of a source of its own; returns name and source."""
    name, source = flows.name("rule"), flows.name("app")
    events = flows.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [source]}))
    events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])
    return name, source


def put(flows: Workflows, source: str) -> None:
    entry = {"Source": source, "DetailType": "Test", "Detail": '{"n": 7}'}
    flows.client("events").put_events(Entries=[entry])


def arn_of(name: str) -> str:
    return f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"


def test_a_queue_without_a_policy_gets_nothing_and_the_dead_letter_tells(flows: Workflows) -> None:
    (_, arn), (dead, dead_arn) = flows.queue(), flows.queue()
    name, source = rule(flows, {"Arn": arn, "DeadLetterConfig": {"Arn": dead_arn}})
    flows.allow(dead, dead_arn, arn_of(name))
    put(flows, source)
    message = flows.message(dead)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert json.loads(message["Body"])["detail"] == {"n": 7}


def test_a_rule_starts_a_machine_under_its_role(flows: Workflows) -> None:
    url, arn = flows.queue()
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": url, "MessageBody": "{% $states.input %}"},
        "End": True,
    }
    machine = flows.client("stepfunctions").create_state_machine(
        name=flows.name("machine"),
        roleArn=flows.role("states", ("sqs:SendMessage", arn)),
        definition=json.dumps(
            {"QueryLanguage": "JSONata", "StartAt": "Send", "States": {"Send": send}}
        ),
    )["stateMachineArn"]
    target = {
        "Arn": machine,
        "RoleArn": flows.role("events", ("states:StartExecution", machine)),
        "InputTransformer": {
            "InputPathsMap": {"n": "$.detail.n"},
            "InputTemplate": '{"number": <n>}',
        },
    }
    _, source = rule(flows, target)
    put(flows, source)
    assert json.loads(flows.message(url)["Body"]) == {"number": 7}


def test_what_a_rehearsal_cannot_reach_is_said(flows: Workflows) -> None:
    url, arn = flows.queue()
    target = {
        "Arn": f"arn:aws:ssm:{REGION}:{ACCOUNT}:automation-definition/x",
        "DeadLetterConfig": {"Arn": arn},
    }
    name, source = rule(flows, target)
    flows.allow(url, arn, arn_of(name))
    put(flows, source)
    attributes = flows.message(url)["MessageAttributes"]
    assert "does not deliver to arn:aws:ssm" in attributes["ERROR_MESSAGE"]["StringValue"]


def test_an_alarm_that_changes_is_an_event(flows: Workflows) -> None:
    url, arn = flows.queue()
    name, alarm = flows.name("rule"), flows.name("alarm")
    events = flows.client("events")
    pattern = {
        "source": ["aws.cloudwatch"],
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{alarm}"],
        "detail": {"state": {"value": ["ALARM"]}},
    }
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    flows.allow(url, arn, arn_of(name))
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn}])
    cloudwatch = flows.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=alarm,
        Namespace=alarm,
        MetricName="Load",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.put_metric_data(Namespace=alarm, MetricData=[{"MetricName": "Load", "Value": 5}])
    body = json.loads(flows.message(url, skipping=60)["Body"])
    assert body["detail"]["alarmName"] == alarm
