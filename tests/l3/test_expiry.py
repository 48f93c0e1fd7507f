"""What a stack that deletes itself consists of, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mla_constructs.errors import InvalidArgument
from mla_constructs.lifecycle.expiry import Expiry

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


@pytest.fixture(scope="module")
def built(new_parts: type[Parts]) -> Parts:
    """A stack with a key, a topic and an endpoint, complete before its expiry is added."""
    parts = new_parts()
    parts.realtime()
    Expiry(parts.stack, "Expiry", hours=8)
    return parts


@pytest.fixture(scope="module")
def resources(built: Parts) -> dict[str, Any]:
    return dict(built.template.to_json()["Resources"])


@pytest.fixture(scope="module")
def schedule(resources: dict[str, Any]) -> str:
    (name,) = (n for n, r in resources.items() if r["Type"] == "AWS::Scheduler::Schedule")
    return str(name)


def needed(resources: dict[str, Any], name: str) -> set[str]:
    """Returns what has to be there before a resource is created, directly or not."""
    found: set[str] = set()
    ahead = [name]
    while ahead:
        resource = resources[ahead.pop()]
        text = str(resource)
        new = {other for other in resources if f"'{other}'" in text} - found
        found |= new
        ahead += new
    return found


def test_everything_else_is_created_after_the_schedule_and_deleted_before_it(
    resources: dict[str, Any], schedule: str
) -> None:
    expiry = needed(resources, schedule) | {schedule}
    assert {name for name in resources if name.startswith("Expiry")} == expiry
    others = resources.keys() - expiry
    assert others
    for name in others:
        assert schedule in resources[name]["DependsOn"], name


def test_schedule_begins_at_the_moment_and_calls_every_hour(
    built: Parts, resources: dict[str, Any]
) -> None:
    properties = built.properties("AWS::Scheduler::Schedule")
    (moment,) = (n for n, r in resources.items() if r["Type"] == "Custom::Expiry")
    assert resources[moment]["Properties"]["Hours"] == 8
    assert properties["StartDate"] == {"Fn::GetAtt": [moment, "Moment"]}
    assert properties["ScheduleExpression"] == "rate(1 hour)"
    assert properties["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600}
    assert "EndDate" not in properties


def test_schedule_has_its_right_before_its_first_call(
    resources: dict[str, Any], schedule: str
) -> None:
    policies = {
        name
        for name in needed(resources, schedule)
        if resources[name]["Type"] == "AWS::IAM::Policy"
        and "cloudformation:DeleteStack" in str(resources[name])
    }
    assert len(policies) == 1


@pytest.mark.parametrize("hours", [0, -1, 8761])
def test_hours_out_of_range_are_refused(parts: Parts, hours: int) -> None:
    with pytest.raises(InvalidArgument, match=f"hours is {hours} h: choose a value from 1 to 8760"):
        Expiry(parts.stack, "Expiry", hours=hours)


@pytest.mark.parametrize("hours", [1, 8760])
def test_hours_within_range_are_taken(parts: Parts, hours: int) -> None:
    Expiry(parts.stack, "Expiry", hours=hours)
    assert parts.properties("Custom::Expiry")["Hours"] == hours
