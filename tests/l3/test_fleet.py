"""Devices that run the same components."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration

from mla_constructs.edge.component import Component
from mla_constructs.edge.fleet import Fleet, Rollout
from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

ROLLOUT = Rollout(
    base_per_minute=5,
    factor=2,
    grow_after_succeeded=10,
    maximum_per_minute=50,
    abort_percentage=10,
    abort_after=20,
    device_timeout=Duration.minutes(30),
)


def deployed(parts: Parts, folder: Path) -> Fleet:
    (folder / "recipe.yaml").write_text("ComponentName: $name\nComponentVersion: $version\n")
    component = Component(parts.stack, "Component", recipe=folder / "recipe.yaml", artifacts={})
    fleet = Fleet(parts.stack, "Fleet", credential_duration=Duration.hours(1))
    fleet.deploy("Deployment", components=[component], rollout=ROLLOUT)
    return fleet


def only(parts: Parts, resource_type: str) -> dict[str, Any]:
    (found,) = parts.template.find_resources(resource_type).values()
    return dict(found["Properties"])


def test_rollout_reaches_the_job(parts: Parts, tmp_path: Path) -> None:
    deployed(parts, tmp_path)
    job = only(parts, "AWS::GreengrassV2::Deployment")["IotJobConfiguration"]
    assert job == {
        "JobExecutionsRolloutConfig": {
            "ExponentialRate": {
                "BaseRatePerMinute": 5,
                "IncrementFactor": 2,
                "RateIncreaseCriteria": {"NumberOfSucceededThings": 10},
            },
            "MaximumPerMinute": 50,
        },
        "AbortConfig": {
            "CriteriaList": [
                {
                    "Action": "CANCEL",
                    "FailureType": "ALL",
                    "MinNumberOfExecutedThings": 20,
                    "ThresholdPercentage": 10,
                }
            ]
        },
        "TimeoutConfig": {"InProgressTimeoutInMinutes": 30},
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"base_per_minute": 0}, "base_per_minute is 0: choose a value from 1 to 1000"),
        ({"base_per_minute": 1001}, "base_per_minute is 1001"),
        ({"factor": 0.9}, "factor is 0.9: choose a value from 1 to 5"),
        ({"factor": 6}, "factor is 6"),
        ({"grow_after_succeeded": 0}, "grow_after_succeeded is 0"),
        ({"maximum_per_minute": 0}, "maximum_per_minute is 0"),
        ({"abort_percentage": 101}, "abort_percentage is 101 %: choose a value from 1 to 100 %"),
        ({"abort_after": 0}, "abort_after is 0"),
        ({"device_timeout": Duration.days(8)}, "device_timeout is 11520 minutes"),
    ],
)
def test_what_the_service_would_reject_is_named(change: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        replace(ROLLOUT, **change).check()


@pytest.mark.parametrize("seconds", [899, 43_201])
def test_duration_of_credentials_has_bounds(parts: Parts, seconds: int) -> None:
    with pytest.raises(InvalidArgument, match=f"credential_duration is {seconds} s"):
        Fleet(parts.stack, "Fleet", credential_duration=Duration.seconds(seconds))


def test_group_and_alias_carry_the_stacks_name(parts: Parts, tmp_path: Path) -> None:
    deployed(parts, tmp_path)
    name = {"Ref": "AWS::StackName"}
    assert only(parts, "AWS::IoT::ThingGroup")["ThingGroupName"] == name
    alias = only(parts, "AWS::IoT::RoleAlias")
    assert (alias["RoleAlias"], alias["CredentialDurationSeconds"]) == (name, 3600)


def test_certificate_may_publish_below_the_fleets_topic(parts: Parts, tmp_path: Path) -> None:
    fleet = deployed(parts, tmp_path)
    (publish,) = [
        statement
        for statement in only(parts, "AWS::IoT::Policy")["PolicyDocument"]["Statement"]
        if statement["Action"] == ["iot:Publish"]
    ]
    (arn,) = publish["Resource"]
    assert f":topic/{fleet.topic}/" in arn["Fn::Join"][1]
    assert arn["Fn::Join"][1][-1] == "-*"
