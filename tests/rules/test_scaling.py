"""Each rule about scaling finds its fault, in whichever way the template says it."""

from __future__ import annotations

import pytest

from tests.rules.cases import Case
from tests.rules.said import WAYS, found, template
from tests.rules.shapes import (
    ASYNC,
    INSTANCES,
    PROVISIONED,
    alarm,
    config,
    custom,
    endpoint,
    model,
    packed,
    queued,
    scaled,
    serverless_config,
    serving,
    step,
    target,
    tracking,
    variant,
)

INVOCATIONS = "SageMakerVariantInvocationsPerInstance"
BACKLOG = "ApproximateBacklogSizePerInstance"

CASES = [
    Case(
        "E9501",
        lambda said: scaled(Policy=tracking(said)),
        "SageMakerInferenceComponentInvocationsPerCopy",
        INVOCATIONS,
    ),
    Case(
        "E9501",
        lambda said: packed(Policy=tracking(said)),
        INVOCATIONS,
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
    Case(
        "E9502",
        lambda said: serving(
            Model=model(EnableNetworkIsolation=False),
            Config=serverless_config(ProvisionedConcurrency=1),
            Target=target(ScalableDimension=said),
        ),
        INSTANCES,
        PROVISIONED,
    ),
    Case("E9502", lambda s: scaled(Target=target(ScalableDimension=s)), PROVISIONED, INSTANCES),
    Case(
        "W9504",
        lambda said: queued(Policy=custom(said, "EndpointName")),
        "ModelLatency",
        BACKLOG,
    ),
    Case("E9505", lambda said: queued(Policy=custom(BACKLOG, said)), "VariantName", "EndpointName"),
    Case(
        "E9506",
        lambda said: serving(Config=config(variant(ManagedInstanceScaling=said))),
        {"Status": "ENABLED", "MinInstanceCount": 1},
        None,
    ),
    Case(
        "E9507",
        lambda said: scaled(
            Endpoint=endpoint(EndpointName="tumors"), Target=target(ResourceId=said)
        ),
        "endpoint/tumors/variant/main",
        "endpoint/${Endpoint.EndpointName}/variant/main",
    ),
    Case(
        "E9508",
        lambda said: scaled(Target=target(ResourceId=said)),
        "endpoint/${Endpoint}/variant/main",
        "endpoint/${Endpoint.EndpointName}/variant/main",
    ),
    Case("E9509", lambda said: scaled(Target=target(MinCapacity=said)), 0, 1),
    Case("E9510", lambda said: queued(Alarm=alarm(said)), "ApproximateAgeOfOldestRequest",
     "HasBacklogWithoutCapacity"),
    Case("E9510", lambda said: packed(Alarm=alarm(said)), "Invocation5XXErrors",
     "NoCapacityInvocationFailures"),
    Case(
        "E9510",
        lambda said: packed(
            Alarm=alarm("NoCapacityInvocationFailures", ComparisonOperator=said)
        ),
        "GreaterThanThreshold",
        "GreaterThanOrEqualToThreshold",
    ),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_fault_is_found_however_it_is_said(case: Case, way: str) -> None:
    assert case.rule in case.found(way)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_is_right_is_let_be(case: Case, way: str) -> None:
    assert case.found_when_right(way) == set()


def test_components_are_not_scaled_as_instances() -> None:
    assert found(template(packed())) == set()
    assert found(template(packed(Target=target()))) == {"E9501", "E9502"}


def test_asynchronous_endpoint_is_not_scaled_by_its_invocations() -> None:
    assert found(template(queued())) == set()
    assert found(template(queued(Policy=tracking(INVOCATIONS)))) == {"E9503", "W9504"}


def test_dependency_may_stand_in_depends_on() -> None:
    named = target(ResourceId="endpoint/tumors/variant/main")
    resources = scaled(Endpoint=endpoint(EndpointName="tumors"), Target=named)
    assert found(template(resources)) == {"E9507"}
    named["DependsOn"] = "Endpoint"
    assert found(template(resources)) == set()


def test_endpoint_of_another_template_is_not_judged() -> None:
    resources = {"Target": target(ResourceId="endpoint/elsewhere/variant/main", MinCapacity=0)}
    assert found(template(resources)) == set()


def test_policy_is_found_by_what_it_scales() -> None:
    place = {"ResourceId": "endpoint/tumors/variant/main", "ScalableDimension": INSTANCES}
    policy = tracking(INVOCATIONS, **place)
    del policy["Properties"]["ScalingTargetId"]
    resources = queued(
        Config=config(AsyncInferenceConfig=ASYNC),
        Endpoint=endpoint(EndpointName="tumors"),
        Target={**target(**place), "DependsOn": "Endpoint"},
        Policy=policy,
        Wake=step(),
    )
    assert found(template(resources)) == {"E9503", "W9504"}
