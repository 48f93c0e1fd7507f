"""Application Auto Scaling in the emulated account: a real endpoint, and CloudFormation's types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import EmulatedAccount
from tests.rehearsal.hosting import Hosting, until, variant

DIMENSION = "sagemaker:variant:DesiredInstanceCount"
METRIC = "SageMakerVariantInvocationsPerInstance"


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    hosting = Hosting(account)
    yield hosting
    hosting.clean()


@pytest.fixture(scope="module")
def endpoint(hosting: Hosting) -> str:
    return hosting.endpoint(hosting.config(variant(hosting.model())))


def about(endpoint: str) -> dict[str, str]:
    return {
        "ServiceNamespace": "sagemaker",
        "ResourceId": f"endpoint/{endpoint}/variant/AllTraffic",
        "ScalableDimension": DIMENSION,
    }


def template(endpoint: str, **tracking: Any) -> str:
    """A target and its policy, as CDK writes them."""
    target = {**about(endpoint), "MinCapacity": 1, "MaxCapacity": "2"}
    policy = {
        "PolicyName": "track",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": "Target"},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 100,
            "PredefinedMetricSpecification": {"PredefinedMetricType": METRIC},
            **tracking,
        },
    }
    kind = "AWS::ApplicationAutoScaling"
    return json.dumps(
        {
            "Resources": {
                "Target": {"Type": f"{kind}::ScalableTarget", "Properties": target},
                "Policy": {"Type": f"{kind}::ScalingPolicy", "Properties": policy},
            },
            "Outputs": {
                "Target": {"Value": {"Ref": "Target"}},
                "Id": {"Value": {"Fn::GetAtt": ["Target", "Id"]}},
                "Policy": {"Value": {"Ref": "Policy"}},
                "Arn": {"Value": {"Fn::GetAtt": ["Policy", "Arn"]}},
            },
        }
    )


def test_a_stack_scales_a_real_endpoint_out_and_in(hosting: Hosting, endpoint: str) -> None:
    account, stack = hosting.account, hosting.name("stack")
    formation, scaling = account.client("cloudformation"), account.client("application-autoscaling")
    formation.create_stack(StackName=stack, TemplateBody=template(endpoint))
    created = settled(formation, stack)
    outputs = {each["OutputKey"]: each["OutputValue"] for each in created["Outputs"]}
    assert outputs["Target"] == f"{about(endpoint)['ResourceId']}|{DIMENSION}|sagemaker"
    assert outputs["Id"] == outputs["Target"]
    assert ":scalingPolicy:" in outputs["Policy"]
    assert outputs["Arn"] == outputs["Policy"]

    account.weigh(50)
    for _ in range(3):
        for _ in range(5):
            hosting.invoke(endpoint)
        account.advance(60)
    account.weigh(1)
    (serving,) = hosting.describe(endpoint)["ProductionVariants"]
    assert (serving["CurrentInstanceCount"], serving["DesiredInstanceCount"]) == (2, 2)
    account.advance(25 * 60)
    (serving,) = hosting.describe(endpoint)["ProductionVariants"]
    assert serving["CurrentInstanceCount"] == 1
    activities = scaling.describe_scaling_activities(ServiceNamespace="sagemaker")
    mine = [
        each["Description"]
        for each in activities["ScalingActivities"]
        if endpoint in each["ResourceId"]
    ]
    assert mine == ["Setting desired instance count to 1.", "Setting desired instance count to 2."]

    formation.update_stack(StackName=stack, TemplateBody=template(endpoint, DisableScaleIn=True))
    assert settled(formation, stack)["StackStatus"] == "UPDATE_COMPLETE"
    assert [name.rsplit("-", 6)[1] for name in alarms(account, endpoint)] == ["AlarmHigh"]
    formation.delete_stack(StackName=stack)
    until(lambda: alarms(account, endpoint), lambda names: not names)
    targets = scaling.describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[about(endpoint)["ResourceId"]]
    )
    assert targets["ScalableTargets"] == []


def settled(formation: Any, stack: str) -> dict[str, Any]:
    return dict(
        until(
            lambda: formation.describe_stacks(StackName=stack)["Stacks"][0],
            lambda described: not described["StackStatus"].endswith("IN_PROGRESS"),
        )
    )


def alarms(account: EmulatedAccount, endpoint: str) -> list[str]:
    found = account.client("cloudwatch").describe_alarms(
        AlarmNamePrefix=f"TargetTracking-endpoint/{endpoint}/"
    )
    return [alarm["AlarmName"] for alarm in found["MetricAlarms"]]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"ResourceId": "endpoint/nobody/variant/v"}, "Could not find endpoint"),
        ({"ResourceId": "endpoint/x"}, "no resource ID"),
        ({"ServiceNamespace": "ecs"}, "Unsupported service namespace"),
        (
            {
                "ServiceNamespace": "dynamodb",
                "ScalableDimension": "dynamodb:table:ReadCapacityUnits",
            },
            "does not scale dynamodb:table",
        ),
        ({"MinCapacity": 3, "MaxCapacity": 2}, "cannot be less"),
    ],
)
def test_what_is_no_target_is_refused(
    account: EmulatedAccount, change: dict[str, Any], why: str
) -> None:
    request = {**about("nobody"), "MinCapacity": 1, "MaxCapacity": 2, **change}
    with pytest.raises(ClientError, match=why):
        account.client("application-autoscaling").register_scalable_target(**request)


def test_an_alarm_of_ones_own_calls_a_step_policy(hosting: Hosting, endpoint: str) -> None:
    account = hosting.account
    scaling, cloudwatch = account.client("application-autoscaling"), account.client("cloudwatch")
    scaling.register_scalable_target(**about(endpoint), MinCapacity=1, MaxCapacity=2)
    step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
    policy = scaling.put_scaling_policy(
        **about(endpoint),
        PolicyName="step",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [step],
        },
    )["PolicyARN"]
    name = hosting.name("alarm")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="m",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[policy],
    )
    cloudwatch.put_metric_data(Namespace=name, MetricData=[{"MetricName": "m", "Value": 1}])
    account.advance(60)
    (serving,) = hosting.describe(endpoint)["ProductionVariants"]
    assert serving["CurrentInstanceCount"] == 2
    (described,) = scaling.describe_scaling_policies(
        ServiceNamespace="sagemaker", PolicyNames=["step"]
    )["ScalingPolicies"]
    assert [alarm["AlarmName"] for alarm in described["Alarms"]] == [name]
    cloudwatch.delete_alarms(AlarmNames=[name])
    scaling.deregister_scalable_target(**about(endpoint))


def test_other_policies_are_refused_by_name(account: EmulatedAccount, endpoint: str) -> None:
    scaling = account.client("application-autoscaling")
    scaling.register_scalable_target(**about(endpoint), MinCapacity=1, MaxCapacity=2)
    with pytest.raises(ClientError, match="type PredictiveScaling is missing or unknown"):
        scaling.put_scaling_policy(
            **about(endpoint), PolicyName="p", PolicyType="PredictiveScaling"
        )
    with pytest.raises(ClientError, match="does not know application-autoscaling GetPredictive"):
        scaling.get_predictive_scaling_forecast(
            **about(endpoint), PolicyName="p", StartTime=0, EndTime=1
        )
    scaling.deregister_scalable_target(**about(endpoint))
