"""Updates of endpoints shift traffic as asked, watched by alarms, and go back when one goes off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account import EmulatedAccount
from tests.rehearsal.hosting import Hosting, code, hosted, until, variant

REQUESTS = 40


@pytest.fixture(scope="module")
def hosting(account: EmulatedAccount) -> Iterator[Hosting]:
    yield from hosted(account)


def half(kind: str) -> dict[str, Any]:
    return {kind: {"Type": "CAPACITY_PERCENT", "Value": 50}}


def blue_green(kind: str, bake: int, final: int, **size: Any) -> dict[str, Any]:
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": bake, **size},
            "TerminationWaitInSeconds": final,
            "MaximumExecutionTimeoutInSeconds": 3600,
        }
    }


def rolling(bake: int) -> dict[str, Any]:
    policy = {"WaitIntervalInSeconds": bake, "MaximumExecutionTimeoutInSeconds": 3600}
    return {"RollingUpdatePolicy": {**policy, **half("MaximumBatchSize")}}


def served(hosting: Hosting, endpoint: str) -> set[str]:
    """Returns the answers to the same request, and "error" where the model fails."""
    seen = set()
    for _ in range(REQUESTS):
        try:
            seen.add(hosting.invoke(endpoint)["Body"])
        except hosting.runtime.exceptions.ModelError:
            seen.add("error")
    return seen


def baking(hosting: Hosting, endpoint: str) -> dict[str, Any]:
    """Returns the pending deployment once it bakes."""

    def pending() -> dict[str, Any]:
        return dict(hosting.describe(endpoint)["PendingDeploymentSummary"])

    def bakes(pending: dict[str, Any]) -> bool:
        (only,) = pending["ProductionVariants"]
        return [each["Status"] for each in only.get("VariantStatus", [])] == ["Baking"]

    return dict(until(pending, bakes))


def two(hosting: Hosting, first: str, second: str) -> tuple[str, str]:
    """Returns an endpoint of two instances, and the configuration of another model."""
    roles = [hosting.role(), hosting.role()]
    configs = [
        hosting.config(variant(hosting.model(model, role), InitialInstanceCount=2))
        for model, role in zip((first, second), roles, strict=True)
    ]
    return hosting.endpoint(configs[0]), configs[1]


def alarm(hosting: Hosting, endpoint: str, config: str) -> str:
    """Returns an alarm on model errors of a new fleet."""
    name = hosting.name("alarm")
    hosting.account.client("cloudwatch").put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="InvocationModelErrors",
        Dimensions=[
            {"Name": "EndpointName", "Value": endpoint},
            {"Name": "VariantName", "Value": "AllTraffic"},
            {"Name": "EndpointConfigName", "Value": config},
        ],
        Statistic="Average",
        Period=60,
        EvaluationPeriods=2,
        Threshold=0.05,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )
    return name


def test_a_canary_takes_half_then_everything(hosting: Hosting) -> None:
    endpoint, new = two(hosting, "champion", "challenger")
    (before,) = served(hosting, endpoint)
    deployment = blue_green("CANARY", 600, 300, **half("CanarySize"))
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=deployment
    )
    pending = baking(hosting, endpoint)
    assert pending["EndpointConfigName"] == new
    assert pending["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert len(served(hosting, endpoint)) == 2
    hosting.account.advance(600)
    (after,) = served(hosting, endpoint)
    assert after != before
    assert hosting.describe(endpoint)["EndpointStatus"] == "Updating"
    hosting.account.advance(300)
    done = hosting.settled(endpoint)
    assert (done["EndpointStatus"], done["EndpointConfigName"]) == ("InService", new)
    assert done["LastDeploymentConfig"] == deployment
    assert "FailureReason" not in done


def test_a_linear_shift_goes_step_by_step(hosting: Hosting) -> None:
    endpoint, new = two(hosting, "champion", "challenger")
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=new,
        DeploymentConfig=blue_green("LINEAR", 120, 0, **half("LinearStepSize")),
    )
    baking(hosting, endpoint)
    assert len(served(hosting, endpoint)) == 2
    hosting.account.advance(120)
    assert hosting.settled(endpoint)["EndpointConfigName"] == new


@pytest.mark.parametrize(
    "deployment",
    [
        blue_green("CANARY", 600, 300, **half("CanarySize")),
        blue_green("ALL_AT_ONCE", 0, 600),
        rolling(600),
    ],
    ids=["canary", "all at once", "rolling"],
)
def test_an_alarm_takes_everything_back(hosting: Hosting, deployment: dict[str, Any]) -> None:
    endpoint, broken = two(hosting, "champion", "broken")
    (good,) = served(hosting, endpoint)
    old = hosting.describe(endpoint)["EndpointConfigName"]
    name = alarm(hosting, endpoint, broken)
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=broken,
        DeploymentConfig={
            **deployment,
            "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name}]},
        },
    )
    baking(hosting, endpoint)
    for _ in range(3):
        if "error" in served(hosting, endpoint):
            hosting.account.advance(60)
    back = hosting.settled(endpoint)
    assert (back["EndpointStatus"], back["EndpointConfigName"]) == ("InService", old)
    assert name in back["FailureReason"]
    assert back["ProductionVariants"][0]["CurrentInstanceCount"] == 2
    assert "PendingDeploymentSummary" not in back
    assert served(hosting, endpoint) == {good}


def test_rolling_replaces_one_instance_at_a_time(hosting: Hosting) -> None:
    endpoint, new = two(hosting, "champion", "challenger")
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=rolling(60)
    )
    (one,) = baking(hosting, endpoint)["ProductionVariants"]
    assert one["CurrentInstanceCount"] == 1
    hosting.account.advance(60)
    middle = hosting.describe(endpoint)
    assert middle["ProductionVariants"][0]["CurrentInstanceCount"] == 1
    hosting.account.advance(60)
    assert hosting.settled(endpoint)["EndpointConfigName"] == new


def test_a_role_that_cannot_see_the_alarms_rolls_back(hosting: Hosting) -> None:
    endpoint = hosting.endpoint(hosting.config(variant(hosting.model())))
    blind = hosting.config(variant(hosting.model("challenger", hosting.role("alarms"))))
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=blind,
        DeploymentConfig={
            **blue_green("ALL_AT_ONCE", 0, 60),
            "AutoRollbackConfiguration": {
                "Alarms": [{"AlarmName": alarm(hosting, endpoint, blind)}]
            },
        },
    )
    back = hosting.settled(endpoint)
    assert "cloudwatch:DescribeAlarms" in back["FailureReason"]
    assert back["EndpointConfigName"] != blind


@pytest.mark.parametrize(
    ("deployment", "words"),
    [
        ({**blue_green("ALL_AT_ONCE", 0, 60), **rolling(60)}, "Only one of"),
        (blue_green("CANARY", 60, 60), "CanarySize is required"),
        (
            blue_green("LINEAR", 60, 60, LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 60}),
            "between 10% and 50%",
        ),
        (
            blue_green(
                "LINEAR", 3600, 60, LinearStepSize={"Type": "CAPACITY_PERCENT", "Value": 10}
            ),
            "must exceed",
        ),
    ],
)
def test_an_impossible_deployment_is_refused(
    hosting: Hosting, deployment: dict[str, Any], words: str
) -> None:
    endpoint = hosting.endpoint(hosting.config(variant(hosting.model())))
    new = hosting.config(variant(hosting.model()))
    with pytest.raises(ClientError) as refused:
        hosting.sagemaker.update_endpoint(
            EndpointName=endpoint, EndpointConfigName=new, DeploymentConfig=deployment
        )
    assert words in code(refused)[1]
    assert hosting.describe(endpoint)["EndpointStatus"] == "InService"
