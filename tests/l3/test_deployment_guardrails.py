"""Updates that shift traffic in steps and go back: sizes, times, exclusions, permission."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.instance_variant import instance_variant
from mla_constructs.rollout.deployment_guardrails import DeploymentGuardrails
from mla_constructs.rollout.traffic_shift import (
    TrafficShift,
    all_at_once,
    canary,
    linear,
    rolling,
)

if TYPE_CHECKING:
    from tests.l3.conftest import Parts

SECONDS = Duration.seconds
TIMES: dict[str, Duration] = {
    "bake": SECONDS(300),
    "final_bake": SECONDS(120),
    "timeout": SECONDS(3600),
}
SHIFTS: dict[str, Callable[..., TrafficShift]] = {
    "all_at_once": lambda **changes: all_at_once(
        **({"bake": SECONDS(300), "timeout": SECONDS(3600)} | changes)
    ),
    "canary": lambda **changes: canary(**({"percent": 25} | TIMES | changes)),
    "linear": lambda **changes: linear(**({"percent": 20} | TIMES | changes)),
    "rolling": lambda **changes: rolling(
        **({"percent": 20, "bake": SECONDS(300), "timeout": SECONDS(3600)} | changes)
    ),
}


def alarm(parts: Parts, number: int, endpoint: Endpoint) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        parts.stack,
        f"Alarm{number}",
        metric=endpoint.metric_new_fleet("InvocationModelErrors", statistic="Average"),
        threshold=0.05,
        evaluation_periods=1,
    )


def guard(
    parts: Parts, shift: str = "canary", *, alarms: int = 1, endpoint: Endpoint | None = None
) -> Endpoint:
    endpoint = endpoint or parts.realtime()
    DeploymentGuardrails(
        parts.stack,
        "Guardrails",
        endpoint=endpoint,
        shift=SHIFTS[shift](),
        alarms=[alarm(parts, number, endpoint) for number in range(alarms)],
        roles=[parts.model.role],
    )
    return endpoint


def deployment(parts: Parts) -> dict[str, Any]:
    (endpoint,) = parts.template.find_resources("AWS::SageMaker::Endpoint").values()
    config: dict[str, Any] = endpoint["Properties"]["DeploymentConfig"]
    return config


def share(value: int) -> dict[str, Any]:
    return {"Type": "CAPACITY_PERCENT", "Value": value}


@pytest.mark.parametrize(
    ("shift", "policy"),
    [
        ("all_at_once", {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}),
        (
            "canary",
            {"Type": "CANARY", "WaitIntervalInSeconds": 300, "CanarySize": share(25)},
        ),
        (
            "linear",
            {"Type": "LINEAR", "WaitIntervalInSeconds": 300, "LinearStepSize": share(20)},
        ),
    ],
)
def test_blue_green_shifts(shift: str, policy: dict[str, Any], parts: Parts) -> None:
    guard(parts, shift)
    assert deployment(parts)["BlueGreenUpdatePolicy"] == {
        "TrafficRoutingConfiguration": policy,
        "TerminationWaitInSeconds": 300 if shift == "all_at_once" else 120,
        "MaximumExecutionTimeoutInSeconds": 3600,
    }
    assert "RollingUpdatePolicy" not in deployment(parts)


def test_rolling_replaces_batches_and_puts_back_all_at_once(parts: Parts) -> None:
    guard(parts, "rolling")
    assert deployment(parts)["RollingUpdatePolicy"] == {
        "MaximumBatchSize": share(20),
        "RollbackMaximumBatchSize": share(100),
        "WaitIntervalInSeconds": 300,
        "MaximumExecutionTimeoutInSeconds": 3600,
    }
    assert "BlueGreenUpdatePolicy" not in deployment(parts)


def test_alarms_see_the_new_fleet_and_are_there_before_the_endpoint(parts: Parts) -> None:
    guard(parts, alarms=2)
    alarms = parts.template.find_resources("AWS::CloudWatch::Alarm")
    named = [item["AlarmName"] for item in deployment(parts)["AutoRollbackConfiguration"]["Alarms"]]
    assert named == [{"Ref": name} for name in alarms]
    (config,) = parts.template.find_resources("AWS::SageMaker::EndpointConfig")
    for found in alarms.values():
        dimensions = {d["Name"]: d["Value"] for d in found["Properties"]["Dimensions"]}
        assert dimensions == {
            "EndpointName": {"Ref": "AWS::StackName"},
            "VariantName": "AllTraffic",
            "EndpointConfigName": {"Fn::GetAtt": [config, "EndpointConfigName"]},
        }


def test_role_may_read_these_alarms_before_the_endpoint_is_updated(parts: Parts) -> None:
    guard(parts, alarms=2)
    policies = parts.template.find_resources("AWS::IAM::Policy")
    ((name, policy),) = [item for item in policies.items() if "Guardrails" in item[0]]
    (statement,) = policy["Properties"]["PolicyDocument"]["Statement"]
    assert statement["Action"] == "cloudwatch:DescribeAlarms"
    assert [arn["Fn::GetAtt"][1] for arn in statement["Resource"]] == ["Arn", "Arn"]
    assert policy["Properties"]["Roles"] == [parts.resolve(parts.model.role.role_name)]
    (endpoint,) = parts.template.find_resources("AWS::SageMaker::Endpoint").values()
    assert name in endpoint["DependsOn"]


@pytest.mark.parametrize("alarms", [0, 11])
def test_without_alarms_nothing_rolls_back_and_more_than_ten_are_refused(
    alarms: int, parts: Parts
) -> None:
    with pytest.raises(InvalidArgument, match=f"number of alarms is {alarms}: choose a value from"):
        guard(parts, alarms=alarms)


def several(parts: Parts, **changes: Any) -> Endpoint:
    def variant(name: str) -> Any:
        return instance_variant(
            **{
                "model": parts.model,
                "instance_type": "ml.m5.large",
                "initial_instance_count": 1,
                "model_data_download_timeout": SECONDS(60),
                "container_startup_health_check_timeout": SECONDS(60),
                "variant_name": name,
            }
            | changes
        )

    names = [changes["variant_name"]] if "variant_name" in changes else ["A", "B"]
    return Endpoint(
        parts.stack,
        "Endpoint",
        variants=[variant(name) for name in names],
        roles=[parts.model.role],
        key=parts.key,
        log_retention=logs.RetentionDays.ONE_MONTH,
        removal_policy=RemovalPolicy.DESTROY,
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"percent": 0}, "percent is 0 %: choose a value from"),
        ({"percent": 51}, "percent is 51 %: choose a value from"),
        ({"bake": SECONDS(3601)}, "bake is 3601 s: choose a value from 0 to 3600 s."),
        ({"timeout": SECONDS(599)}, "timeout is 599 s: choose a value from 600 to 28800 s."),
        ({"timeout": SECONDS(28_801)}, "timeout is 28801 s: choose a value from 600 to 28800 s."),
    ],
)
@pytest.mark.parametrize("shift", ["canary", "linear", "rolling"])
def test_sizes_and_times_the_service_refuses_raise(
    shift: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        SHIFTS[shift](**changes)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("shift", "changes", "message"),
    [
        ("linear", {"percent": 9}, "percent is 9 %: choose a value from 10 to 50 %."),
        ("rolling", {"percent": 4}, "percent is 4 %: choose a value from 5 to 50 %."),
        ("rolling", {"rollback_percent": 101}, "rollback_percent is 101 %: choose a value from 1"),
        ("canary", {"final_bake": SECONDS(3601)}, "final_bake is 3601 s: choose a value from 0"),
        ("all_at_once", {"bake": SECONDS(3601)}, "bake is 3601 s: choose a value from 0 to 3600"),
        (
            "canary",
            {"final_bake": SECONDS(3300)},
            "timeout is 3600 s and the update waits for 3600 s in all: give it more than that",
        ),
        (
            "linear",
            {"percent": 10, "timeout": SECONDS(3000)},
            "timeout is 3000 s and the update waits for 3120 s in all",
        ),
        (
            "rolling",
            {"percent": 30, "timeout": SECONDS(1200)},
            "timeout is 1200 s and the update waits for 1200 s in all",
        ),
    ],
)
def test_what_is_particular_to_a_shift_raises(
    shift: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidArgument) as raised:
        SHIFTS[shift](**changes)
    assert message in str(raised.value)


@pytest.mark.parametrize("percent", [1, 50])
def test_edges_of_the_canary_are_accepted(percent: int) -> None:
    assert SHIFTS["canary"](percent=percent).name == "canary"


def test_rolling_takes_one_variant(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="The endpoint has 2 variants: a rolling update"):
        guard_only(parts, several(parts), "rolling")


def test_several_variants_are_fine_for_blue_green(parts: Parts) -> None:
    guard_only(parts, several(parts), "linear")


def test_variant_named_after_its_model_is_refused(parts: Parts) -> None:
    """It would change with every model, and the update would be refused."""
    with pytest.raises(InvalidArgument, match="changes with what it refers to: give it a fixed"):
        guard_only(parts, several(parts, variant_name=parts.model.name), "canary")


def test_inf1_falls_back_in_silence_and_is_refused_aloud(parts: Parts) -> None:
    endpoint = several(parts, variant_name="A", instance_type="ml.inf1.xlarge")
    with pytest.raises(InvalidArgument, match=r"A runs on ml.inf1.xlarge: on Inf1 SageMaker"):
        guard_only(parts, endpoint, "canary")


def test_serverless_endpoint_is_refused(parts: Parts) -> None:
    with pytest.raises(InvalidArgument, match="AllTraffic is serverless: guardrails take"):
        guard_only(parts, parts.serverless(), "canary")


def test_asynchronous_endpoint_is_accepted(parts: Parts) -> None:
    guard(parts, "rolling", endpoint=parts.asynchronous())
    assert "RollingUpdatePolicy" in deployment(parts)


def guard_only(parts: Parts, endpoint: Endpoint, shift: str) -> None:
    DeploymentGuardrails(
        parts.stack,
        "Guardrails",
        endpoint=endpoint,
        shift=SHIFTS[shift](),
        alarms=[
            cloudwatch.Alarm(
                parts.stack,
                "Alarm",
                metric=cloudwatch.Metric(
                    namespace="AWS/SageMaker",
                    metric_name="Invocation5XXErrors",
                    dimensions_map={"EndpointName": Aws.STACK_NAME},
                ),
                threshold=1,
                evaluation_periods=1,
            )
        ],
        roles=[parts.model.role],
    )
