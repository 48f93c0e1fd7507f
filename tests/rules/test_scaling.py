"""Each rule about scaling finds its fault, in whichever way the template says it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.said import WAYS, Said, found, template
from tests.rules.shapes import (
    ASYNC,
    COPIES,
    INSTANCES,
    PROVISIONED,
    Resources,
    alarm,
    config,
    custom,
    endpoint,
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
Case = tuple[str, Callable[[Any], Resources], Any, Any]

CASES: list[Case] = [
    (
        "E9501",
        lambda said: scaled(Policy=tracking(said)),
        "SageMakerInferenceComponentInvocationsPerCopy",
        INVOCATIONS,
    ),
    (
        "E9501",
        lambda said: packed(Policy=tracking(said)),
        INVOCATIONS,
        "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution",
    ),
    (
        "E9502",
        lambda said: serving(
            Config=serverless_config(ProvisionedConcurrency=1),
            Target=target(ScalableDimension=said),
        ),
        INSTANCES,
        PROVISIONED,
    ),
    ("E9502", lambda said: scaled(Target=target(ScalableDimension=said)), PROVISIONED, INSTANCES),
    (
        "E9502",
        lambda said: packed(
            Target=target(ResourceId={"Fn::Sub": "endpoint/${Endpoint.EndpointName}/variant/main"})
            if said
            else target(
                ResourceId={"Fn::Sub": "inference-component/${Component.InferenceComponentName}"},
                ScalableDimension=COPIES,
            )
        ),
        True,
        False,
    ),
    (
        "E9503",
        lambda said: queued(Policy=tracking(said)),
        INVOCATIONS,
        "none of them",
    ),
    (
        "W9504",
        lambda said: queued(Policy=custom(said, "EndpointName")),
        "ModelLatency",
        BACKLOG,
    ),
    ("E9505", lambda said: queued(Policy=custom(BACKLOG, said)), "VariantName", "EndpointName"),
    (
        "E9506",
        lambda said: serving(Config=config(variant(ManagedInstanceScaling=said))),
        {"Status": "ENABLED", "MinInstanceCount": 1},
        None,
    ),
    (
        "E9507",
        lambda said: scaled(
            Endpoint=endpoint(EndpointName="tumors"), Target=target(ResourceId=said)
        ),
        "endpoint/tumors/variant/main",
        "endpoint/${Endpoint.EndpointName}/variant/main",
    ),
    (
        "E9508",
        lambda said: scaled(Target=target(ResourceId=said)),
        "endpoint/${Endpoint}/variant/main",
        "endpoint/${Endpoint.EndpointName}/variant/main",
    ),
    ("E9509", lambda said: scaled(Target=target(MinCapacity=said)), 0, 1),
    ("E9510", lambda said: queued(Alarm=alarm(said)), "ApproximateAgeOfOldestRequest",
     "HasBacklogWithoutCapacity"),
    ("E9510", lambda said: packed(Alarm=alarm(said)), "Invocation5XXErrors",
     "NoCapacityInvocationFailures"),
    (
        "E9510",
        lambda said: packed(
            Alarm=alarm("NoCapacityInvocationFailures", ComparisonOperator=said)
        ),
        "GreaterThanThreshold",
        "GreaterThanOrEqualToThreshold",
    ),
]  # fmt: skip
NAMES = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_fault_is_found_however_it_is_said(case: Case, way: str) -> None:
    rule, build, fault, right = case
    assert rule in found(template(build(Said(fault, right)) if _plain(case) else build(fault), way))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_what_is_right_is_let_be(case: Case, way: str) -> None:
    _, build, _, right = case
    document = template(build(Said(right, right)) if _plain(case) else build(right), way)
    if right != "none of them":
        assert found(document) == set()


def _plain(case: Case) -> bool:
    return not isinstance(case[2], bool)


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
