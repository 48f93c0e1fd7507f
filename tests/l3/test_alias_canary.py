"""An alias whose traffic CodeDeploy shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from mla_constructs.delivery.alias_canary import AliasCanary
from mla_constructs.errors import InvalidArgument

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def canary(parts: Parts, **changes: Any) -> AliasCanary:
    function = lambda_.Function(
        parts.stack,
        "Function",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
        handler="index.handler",
        runtime=lambda_.Runtime.PYTHON_3_14,
    )
    alias = lambda_.Alias(parts.stack, "Live", alias_name="live", version=function.current_version)
    alarm = cloudwatch.Alarm(
        parts.stack,
        "Errors",
        metric=alias.metric_errors(period=Duration.minutes(1)),
        threshold=1,
        evaluation_periods=1,
    )
    arguments: dict[str, Any] = {
        "function": function,
        "alias": alias,
        "shift": "LambdaCanary10Percent5Minutes",
        "alarms": [alarm],
    }
    return AliasCanary(parts.stack, "Canary", **(arguments | changes))


def test_update_of_the_alias_goes_through_codedeploy(parts: Parts) -> None:
    canary(parts)
    (group,) = parts.template.find_resources("AWS::CodeDeploy::DeploymentGroup")
    (application,) = parts.template.find_resources("AWS::CodeDeploy::Application")
    (alias,) = parts.template.find_resources("AWS::Lambda::Alias").values()
    assert alias["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"] == {
        "ApplicationName": {"Ref": application},
        "DeploymentGroupName": {"Ref": group},
    }


def test_alarm_moves_the_traffic_back(parts: Parts) -> None:
    canary(parts)
    (alarm,) = parts.template.find_resources("AWS::CloudWatch::Alarm")
    group = parts.properties("AWS::CodeDeploy::DeploymentGroup")
    assert group["AlarmConfiguration"] == {"Alarms": [{"Name": {"Ref": alarm}}], "Enabled": True}
    assert "DEPLOYMENT_STOP_ON_ALARM" in group["AutoRollbackConfiguration"]["Events"]


def test_role_may_move_this_alias_and_look_at_this_alarm(parts: Parts) -> None:
    canary(parts)
    (alarm,) = parts.template.find_resources("AWS::CloudWatch::Alarm")
    (policy,) = (
        found["Properties"]["PolicyDocument"]["Statement"]
        for name, found in parts.template.find_resources("AWS::IAM::Policy").items()
        if name.startswith("Canary")
    )
    arn = {"Fn::GetAtt": ["Function76856677", "Arn"]}
    assert policy[0]["Resource"] == [arn, {"Fn::Join": ["", [arn, ":live"]]}]
    assert policy[1]["Action"] == "cloudwatch:DescribeAlarms"
    assert policy[1]["Resource"] == {"Fn::GetAtt": [alarm, "Arn"]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"alarms": []}, "There are 0 alarms: give 1 to 10"),
        ({"shift": "LambdaCanary50Percent"}, "shift is 'LambdaCanary50Percent': choose from"),
    ],
)
def test_refuses(parts: Parts, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        canary(parts, **changes)
