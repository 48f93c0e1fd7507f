"""Load on an endpoint: real requests, and minutes that are skipped."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rehearsal.stage import Stage

REQUESTS = 60
"""Real requests in each minute of load; the metrics count each of them as several."""

MINUTE = 60


def load(
    stage: Stage,
    send: Callable[[], object],
    *,
    per_minute: int,
    minutes: int,
    at_once: int = 1,
    seconds: int = MINUTE,
) -> None:
    """Lets so many invocations come in every minute.

    Args:
        stage: The rehearsal.
        send: Sends one request and raises if it is not answered.
        per_minute: Invocations a minute, as CloudWatch counts them.
        minutes: For how long; that time is skipped.
        at_once: Requests in flight.
        seconds: After how many seconds the next burst comes, 10 for metrics of high resolution.
    """
    bursts = minutes * MINUTE // seconds
    requests = REQUESTS * seconds // MINUTE
    weight = max(1, round(per_minute / REQUESTS))
    align(stage, seconds)
    stage.account.weigh(weight)
    try:
        with ThreadPoolExecutor(at_once) as senders:
            for _ in range(bursts):
                for sent in [senders.submit(send) for _ in range(requests)]:
                    sent.result()
                stage.account.advance(seconds)
    finally:
        stage.account.weigh(1)
    stage.show(
        f"load of {minutes} min",
        f"{weight * REQUESTS} invocations a minute: {bursts * requests} requests, each counted "
        f"{weight} times",
    )


def align(stage: Stage, seconds: int = MINUTE) -> None:
    """Skips to the beginning of a period, so that a burst is not split over two of them."""
    stage.account.advance(seconds - stage.account.now().timestamp() % seconds)


def instances(stage: Stage, endpoint: str, variant: str = "AllTraffic") -> int:
    """Returns how many instances of a variant serve."""
    described = stage.client("sagemaker").describe_endpoint(EndpointName=endpoint)
    return next(
        int(each["CurrentInstanceCount"])
        for each in described["ProductionVariants"]
        if each["VariantName"] == variant
    )


def out_and_in(
    stage: Stage,
    endpoint: str,
    send: Callable[[], object],
    *,
    target: float,
    calm_minutes: int,
) -> None:
    """Shows that load above a tracked target brings instances, and calm takes them away.

    Args:
        stage: The rehearsal.
        endpoint: Its name; it has one instance now.
        send: Sends one request and raises if it is not answered.
        target: Invocations per instance and minute that the policy keeps.
        calm_minutes: Without load, the lower alarm's periods and the cooldown included.
    """
    seen = instances(stage, endpoint)
    stage.expect("1 instance before the load", seen == 1, f"{seen} instances")
    # 2.2 times the target asks for 3 instances; the upper alarm takes 3 minutes.
    load(stage, send, per_minute=round(2.2 * target), minutes=4)
    seen = instances(stage, endpoint)
    stage.expect("3 instances under 2.2 times the target", seen == OUT, f"{seen} instances")
    stage.advance(minutes=calm_minutes)
    seen = instances(stage, endpoint)
    stage.expect(f"1 instance after {calm_minutes} calm minutes", seen == 1, f"{seen} instances")
    stage.show("what was scaled", " ".join(activities(stage, endpoint)))


def activities(stage: Stage, endpoint: str, variant: str = "AllTraffic") -> list[str]:
    """Returns what was scaled, the oldest first."""
    found = stage.client("application-autoscaling").describe_scaling_activities(
        ServiceNamespace="sagemaker", ResourceId=f"endpoint/{endpoint}/variant/{variant}"
    )["ScalingActivities"]
    return [each["Description"] for each in reversed(found)]


OUT = 3
"""Instances that 2.2 times the target asks for."""
