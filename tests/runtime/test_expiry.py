"""A stack that deletes itself: the function that reckons when, and the call of the schedule.

Both run against an emulated CloudFormation, under what their roles allow.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import boto3
import botocore.endpoint
import pytest
from botocore import xform_name
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from moto.cloudformation.models import cloudformation_backends

from catalogue.template import Template
from runtime.functions.custom_resources.handlers import cloudformation, expiry
from study.evaluation import Decision, Policies
from study.sample import ACCOUNT as SAMPLE_ACCOUNT
from study.sample import OTHER_ACCOUNT
from tests.support.emulated_aws import ACCOUNT, REGION, EmulatedAws
from tests.support.expiring import expiring

SERVICE_ROLE = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role"
CONTENT = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
ASKED = "cloudformation:DescribeStacks"


@pytest.fixture(scope="module")
def emulator() -> Iterator[EmulatedAws]:
    with EmulatedAws().running() as emulator:
        yield emulator


@pytest.fixture
def aws(emulator: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> EmulatedAws:
    emulator.reset()
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    # Between the attempts of a throttled call.
    monkeypatch.setattr(botocore.endpoint.time, "sleep", lambda _: None)
    return emulator


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, dict[str, str]]]:
    """What CloudFormation is told: status, reason and attributes."""
    found: list[tuple[str, str, dict[str, str]]] = []

    def keep(_: Any, status: str, reason: str, done: cloudformation.Done) -> None:
        found.append((status, reason, dict(done.data)))

    monkeypatch.setattr(cloudformation, "_answer", keep)
    return found


Answers = list[tuple[str, str, dict[str, str]]]


@cache
def template_of(stack_id: str) -> Template:
    return expiring(8, stack_id)


@contextmanager
def under(role: str, stack_id: str) -> Iterator[None]:
    """Refuses whatever the role's policies do not allow on the stack that a call names."""
    policies = Policies(template_of(stack_id))
    holder = policies.sample.find(role)
    call = BaseClient._make_api_call

    def judge(client: Any, operation: str, arguments: dict[str, Any]) -> Any:
        action = f"{client.meta.service_model.signing_name}:{operation}"
        decision = policies.role_may(holder, action, arguments["StackName"])
        if decision is not Decision.ALLOWED:
            denied = {"Error": {"Code": "AccessDenied", "Message": decision}}
            raise ClientError(denied, operation)  # type: ignore[arg-type]
        return call(client, operation, arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", judge)
        yield


def created(aws: EmulatedAws, name: str = "nightly", *, role: bool = True) -> str:
    """Returns the ID of a new stack, deployed under a service role as `cdk deploy` does it."""
    client = aws.client("cloudformation")
    deployed_as = {"RoleARN": SERVICE_ROLE} if role else {}
    stack = client.create_stack(StackName=name, TemplateBody=json.dumps(CONTENT), **deployed_as)
    return str(stack["StackId"])


def emulated(stack_id: str) -> Any:
    """Returns the emulator's own stack, which can be made older than it is."""
    return cloudformation_backends[ACCOUNT][REGION].stacks[stack_id]


def age(stack_id: str, **ago: float) -> datetime:
    """Makes a stack older; returns when it was created then."""
    stack = emulated(stack_id)
    stack.creation_time -= timedelta(**ago)
    return stack.creation_time.replace(tzinfo=UTC)  # type: ignore[no-any-return]


def send(request_type: str, stack_id: str, hours: str, *, policy_of: str | None = None) -> None:
    """Calls the handler as CloudFormation does, which sends numbers as text."""
    known = {} if request_type == "Create" else {"PhysicalResourceId": "ExpiryMoment"}
    event = {
        "RequestType": request_type,
        "StackId": stack_id,
        "LogicalResourceId": "ExpiryMoment",
        "ResourceProperties": {"Hours": hours},
        **known,
    }
    with under("ExpiryClockRole", policy_of or stack_id):
        expiry.handler(event, None)


def in_words(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def test_moment_is_so_many_hours_after_the_creation(aws: EmulatedAws, answers: Answers) -> None:
    stack_id = created(aws)
    creation = age(stack_id, minutes=2)
    send("Create", stack_id, "8")
    assert answers == [("SUCCESS", "", {"Moment": in_words(creation + timedelta(hours=8))})]


@pytest.mark.parametrize("hours", [4, 24])
def test_update_reckons_from_the_creation_again(
    aws: EmulatedAws, answers: Answers, hours: int
) -> None:
    stack_id = created(aws)
    creation = age(stack_id, hours=3)
    emulated(stack_id).status = "UPDATE_IN_PROGRESS"
    send("Update", stack_id, str(hours))
    assert answers == [("SUCCESS", "", {"Moment": in_words(creation + timedelta(hours=hours))})]


@pytest.mark.parametrize("request_type", ["Create", "Update"])
def test_moment_that_has_passed_fails_the_deployment(
    aws: EmulatedAws, answers: Answers, request_type: str
) -> None:
    """Create: the option came with an update of a stack that had none."""
    stack_id = created(aws)
    creation = age(stack_id, hours=5.5)
    emulated(stack_id).status = "UPDATE_IN_PROGRESS"
    send(request_type, stack_id, "5")
    ((status, reason, _),) = answers
    assert status == "FAILED"
    assert f"expire_after_hours is 5, and the stack was created at {in_words(creation)}" in reason
    assert "choose 6 or more" in reason
    send(request_type, stack_id, "6")
    assert answers[1][0] == "SUCCESS", "the number that the sentence names"


def test_rollback_to_hours_that_have_passed_does_not_fail(
    aws: EmulatedAws, answers: Answers
) -> None:
    stack_id = created(aws)
    age(stack_id, hours=4.5)
    emulated(stack_id).status = "UPDATE_ROLLBACK_IN_PROGRESS"
    before = datetime.now(UTC).replace(microsecond=0)
    send("Update", stack_id, "4")
    ((status, _, data),) = answers
    assert status == "SUCCESS"
    assert before <= datetime.fromisoformat(data["Moment"]) <= datetime.now(UTC)


def test_stack_that_could_not_delete_itself_is_refused(aws: EmulatedAws, answers: Answers) -> None:
    send("Create", created(aws, role=False), "8")
    ((status, reason, _),) = answers
    assert status == "FAILED"
    assert "has no service role" in reason


def test_stack_that_is_not_found_is_a_failure(aws: EmulatedAws, answers: Answers) -> None:
    stack_id = created(aws)
    send("Create", f"{stack_id[:-4]}0000", "8", policy_of=f"{stack_id[:-4]}0000")
    ((status, reason, _),) = answers
    assert status == "FAILED"
    assert "does not exist" in reason


def test_throttled_question_is_asked_again(aws: EmulatedAws, answers: Answers) -> None:
    stack_id = created(aws)
    aws.fail(ASKED, "Throttling", times=5)
    send("Create", stack_id, "8")
    assert answers[0][0] == "SUCCESS"
    assert aws.calls.count(ASKED) == 6


def test_question_that_stays_throttled_is_a_failure(aws: EmulatedAws, answers: Answers) -> None:
    stack_id = created(aws)
    aws.fail(ASKED, "Throttling")
    send("Create", stack_id, "8")
    ((status, reason, _),) = answers
    assert status == "FAILED"
    assert "(Throttling)" in reason


def test_role_sees_no_other_stack(aws: EmulatedAws, answers: Answers) -> None:
    send("Create", created(aws, "another"), "8", policy_of=created(aws))
    ((status, reason, _),) = answers
    assert status == "FAILED"
    assert "(AccessDenied)" in reason


def test_deletion_asks_for_nothing(aws: EmulatedAws, answers: Answers) -> None:
    stack_id = created(aws)
    aws.calls.clear()
    send("Delete", stack_id, "8")
    assert answers == [("SUCCESS", "", {})]
    assert aws.calls == []


# The schedule


def scheduled(aws: EmulatedAws, stack_id: str, moment: str) -> dict[str, Any]:
    """Creates the template's schedule; returns it as the service has it."""
    template = template_of(stack_id)
    properties = Policies(template).sample.value(template.only("AWS::Scheduler::Schedule"))
    client = aws.client("scheduler")
    client.create_schedule_group(Name=properties["GroupName"])
    client.create_schedule(Name="expiry", **{**properties, "StartDate": moment})
    found = client.get_schedule(Name="expiry", GroupName=properties["GroupName"])
    return dict(found)


def invoke(target: dict[str, Any]) -> None:
    """Makes a universal target's call."""
    service, action = target["Arn"].split(":")[-2:]
    getattr(boto3.client(service), xform_name(action))(**json.loads(target["Input"]))


def status(aws: EmulatedAws, stack_id: str) -> str:
    (stack,) = aws.client("cloudformation").describe_stacks(StackName=stack_id)["Stacks"]
    return str(stack["StackStatus"])


def test_schedule_deletes_its_stack_and_no_other(aws: EmulatedAws, answers: Answers) -> None:
    stack_id, another = created(aws), created(aws, "nightly-2")
    send("Create", stack_id, "8")
    moment = answers[0][2]["Moment"]
    schedule = scheduled(aws, stack_id, moment)
    assert schedule["ScheduleExpression"] == "rate(1 hour)"
    assert schedule["StartDate"] == datetime.fromisoformat(moment)

    with under("ExpiryRole", stack_id):
        invoke(schedule["Target"])
    assert (status(aws, stack_id), status(aws, another)) == ("DELETE_COMPLETE", "CREATE_COMPLETE")

    later = created(aws)
    with under("ExpiryRole", stack_id):
        invoke(schedule["Target"])
    assert status(aws, later) == "CREATE_COMPLETE", "a later stack of the same name"


def test_call_that_is_refused_is_made_again_an_hour_later(
    aws: EmulatedAws, answers: Answers
) -> None:
    """As during an update: https://github.com/aws/aws-toolkit-azure-devops/issues/317."""
    stack_id = created(aws)
    send("Create", stack_id, "8")
    schedule = scheduled(aws, stack_id, answers[0][2]["Moment"])
    aws.fail("cloudformation:DeleteStack", "ValidationError", times=1)
    with under("ExpiryRole", stack_id):
        with pytest.raises(ClientError, match="ValidationError"):
            invoke(schedule["Target"])
        assert schedule["ScheduleExpression"] == "rate(1 hour)"
        invoke(schedule["Target"])
    assert status(aws, stack_id) == "DELETE_COMPLETE"


def test_schedules_role_does_nothing_else(aws: EmulatedAws) -> None:
    stack_id, another = created(aws), created(aws, "another")
    client = boto3.client("cloudformation")
    with under("ExpiryRole", stack_id):
        for call in (client.describe_stacks, client.update_stack, client.create_stack):
            with pytest.raises(ClientError, match="AccessDenied"):
                call(StackName=stack_id)
        for name in (another, "nightly"):
            with pytest.raises(ClientError, match="AccessDenied"):
                client.delete_stack(StackName=name)
    assert {status(aws, stack_id), status(aws, another)} == {"CREATE_COMPLETE"}


def test_schedules_role_is_for_schedules_of_its_group() -> None:
    template = expiring(8)
    policies = Policies(template)
    ((group, _),) = template.of_type("AWS::Scheduler::ScheduleGroup")
    arn = policies.sample.arn(group)

    def gets_it(service: str, account: str, source: str) -> bool:
        context = {"aws:SourceAccount": account, "aws:SourceArn": source}
        role = policies.sample.find("ExpiryRole")
        return policies.may_assume(role, {"Service": service}, context) is Decision.ALLOWED

    assert gets_it("scheduler.amazonaws.com", SAMPLE_ACCOUNT, arn)
    assert not gets_it("scheduler.amazonaws.com", SAMPLE_ACCOUNT, f"{arn}-2")
    assert not gets_it("scheduler.amazonaws.com", OTHER_ACCOUNT, arn)
    assert not gets_it("events.amazonaws.com", SAMPLE_ACCOUNT, arn)
