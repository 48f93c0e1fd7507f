"""The ways in which an update moves an endpoint's traffic to the new fleet."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

from aws_cdk import Duration
from aws_cdk import aws_sagemaker as sagemaker

from mla_constructs.errors import InvalidArgument, require_between

Endpoint = sagemaker.CfnEndpoint


@dataclass(frozen=True, kw_only=True)
class TrafficShift:
    """One way, with its sizes and times: made by the functions of this module.

    Attributes:
        name: What the service's guide calls it.
        blue_green: The policy if a whole second fleet stands beside the first.
        rolling: The policy if instances are replaced batch by batch.
    """

    name: str
    blue_green: Endpoint.BlueGreenUpdatePolicyProperty | None = None
    rolling: Endpoint.RollingUpdatePolicyProperty | None = None


def all_at_once(*, bake: Duration, timeout: Duration) -> TrafficShift:
    """Returns the shift of all traffic in one step.

    Args:
        bake: How long alarms watch the new fleet before the old one goes, 0 to 3600 s.
        timeout: Longest the whole update may take, 600 to 28,800 s and more than it waits.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
    deployment-guardrails-blue-green-all-at-once.html
    """
    return _blue_green(
        "all at once", "ALL_AT_ONCE", bake=Duration.seconds(0), final_bake=bake, timeout=timeout
    )


def canary(
    *, percent: int, bake: Duration, final_bake: Duration, timeout: Duration
) -> TrafficShift:
    """Returns the shift in two steps: a small one that is watched, then the rest.

    Args:
        percent: Share of the new fleet that gets traffic first, 1 to 50 %.
        bake: How long alarms watch the first step, 0 to 3600 s.
        final_bake: How long they watch all of the new fleet before the old one goes, 0 to 3600 s.
        timeout: Longest the whole update may take, 600 to 28,800 s and more than it waits.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
    deployment-guardrails-blue-green-canary.html
    """
    require_between("percent", percent, 1, 50, unit="%")
    return _blue_green(
        "canary", "CANARY", percent=percent, bake=bake, final_bake=final_bake, timeout=timeout
    )


def linear(
    *, percent: int, bake: Duration, final_bake: Duration, timeout: Duration
) -> TrafficShift:
    """Returns the shift in equal steps, each of them watched.

    Args:
        percent: Share of the new fleet that every step adds, 10 to 50 %.
        bake: How long alarms watch after each step, 0 to 3600 s.
        final_bake: How long they watch all of the new fleet before the old one goes, 0 to 3600 s.
        timeout: Longest the whole update may take, 600 to 28,800 s and more than it waits.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
    deployment-guardrails-blue-green-linear.html
    """
    require_between("percent", percent, 10, 50, unit="%")
    return _blue_green(
        "linear", "LINEAR", percent=percent, bake=bake, final_bake=final_bake, timeout=timeout
    )


def rolling(
    *, percent: int, bake: Duration, timeout: Duration, rollback_percent: int = 100
) -> TrafficShift:
    """Returns the replacement of instances batch by batch, without a whole second fleet.

    Args:
        percent: Share of the fleet in a batch, 5 to 50 %; so much more runs meanwhile.
        bake: How long alarms watch each batch before the old instances of its size go, 0 to 3600 s.
        timeout: Longest the whole update may take, 600 to 28,800 s and more than it waits.
        rollback_percent: Share of the fleet that is put back at a time, 1 to 100 %; 100 brings up
            the whole old fleet at once.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
    """
    require_between("percent", percent, 5, 50, unit="%")
    require_between("rollback_percent", rollback_percent, 1, 100, unit="%")
    _require_times(ceil(100 / percent) * _seconds("bake", bake), timeout)
    return TrafficShift(
        name="rolling",
        rolling=Endpoint.RollingUpdatePolicyProperty(
            maximum_batch_size=_share(percent),
            rollback_maximum_batch_size=_share(rollback_percent),
            wait_interval_in_seconds=bake.to_seconds(),
            maximum_execution_timeout_in_seconds=timeout.to_seconds(),
        ),
    )


def _blue_green(
    name: str,
    type_: Literal["ALL_AT_ONCE", "CANARY", "LINEAR"],
    *,
    bake: Duration,
    final_bake: Duration,
    timeout: Duration,
    percent: int | None = None,
) -> TrafficShift:
    steps = ceil(100 / percent) if percent and type_ == "LINEAR" else 1
    waits = steps * _seconds("bake", bake) + _seconds("final_bake", final_bake)
    _require_times(waits, timeout)
    return TrafficShift(
        name=name,
        blue_green=Endpoint.BlueGreenUpdatePolicyProperty(
            traffic_routing_configuration=Endpoint.TrafficRoutingConfigProperty(
                type=type_,
                canary_size=_share(percent) if percent and type_ == "CANARY" else None,
                linear_step_size=_share(percent) if percent and type_ == "LINEAR" else None,
                wait_interval_in_seconds=bake.to_seconds(),
            ),
            termination_wait_in_seconds=final_bake.to_seconds(),
            maximum_execution_timeout_in_seconds=timeout.to_seconds(),
        ),
    )


def _share(percent: int) -> Endpoint.CapacitySizeProperty:
    # The guide's page on rolling updates writes CAPACITY_PERCENTAGE, which the service refuses.
    return Endpoint.CapacitySizeProperty(type="CAPACITY_PERCENT", value=percent)


def _seconds(name: str, wait: Duration) -> float:
    require_between(name, wait.to_seconds(), 0, 3600, unit="s")
    return wait.to_seconds()


def _require_times(waits: float, timeout: Duration) -> None:
    require_between("timeout", timeout.to_seconds(), 600, 28_800, unit="s")
    if timeout.to_seconds() <= waits:
        raise InvalidArgument(
            f"timeout is {timeout.to_seconds():g} s and the update waits for {waits:g} s in all: "
            "give it more than that, and time to start the instances."
        )
