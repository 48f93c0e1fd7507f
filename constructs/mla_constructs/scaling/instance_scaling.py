"""Instances of a real-time variant that follow its load, or the clock."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.async_endpoint import AsyncEndpoint
from mla_constructs.inference.endpoint import Endpoint
from mla_constructs.inference.serverless_endpoint import ServerlessEndpoint
from mla_constructs.scaling.variant_target import variant_target

MAX_STEPS = 20
"""https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-quotas.html"""


@dataclass(frozen=True, kw_only=True)
class Step:
    """What a step policy does from a certain value on, until the next step's value.

    Attributes:
        at: Value of the metric from which the step holds, itself included.
        change: Instances more, or less if negative.
    """

    at: float
    change: int


class InstanceScaling(Construct):
    """Scales the number of a real-time variant's instances.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: The endpoint, which answers within the request.
        min_capacity: Instances that are always there, at least 1: real-time variants that name a
            model do not scale to zero.
        max_capacity: Instances at most; it bounds the bill.
        variant_name: Which variant; None is the endpoint's only one.

    Raises:
        InvalidArgument: A value the service does not accept, or an endpoint whose metrics are
            others.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: Endpoint,
        min_capacity: int,
        max_capacity: int,
        variant_name: str | None = None,
    ) -> None:
        super().__init__(scope, id)
        if isinstance(endpoint, (AsyncEndpoint, ServerlessEndpoint)):
            raise InvalidArgument(
                f"endpoint is of class {type(endpoint).__name__}: scale it by BacklogScaling if "
                "asynchronous, by ProvisionedConcurrencyScaling if serverless."
            )
        self._bounds = (min_capacity, max_capacity)
        self._first_steps: dict[str, float] = {}
        self._target = variant_target(
            self,
            endpoint=endpoint,
            dimension="sagemaker:variant:DesiredInstanceCount",
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            smallest=1,
            variant_name=variant_name,
        )

    def track_invocations_per_instance(
        self,
        *,
        max_requests_per_second: float,
        safety_factor: float,
        scale_out_cooldown: Duration,
        scale_in_cooldown: Duration,
    ) -> None:
        """Keeps the invocations per instance and minute at a target.

        Args:
            max_requests_per_second: What one instance sustained in a load test.
            safety_factor: Share of it that an instance is asked for, above 0 and up to 1: the rest
                carries the load until a new instance is in service.
            scale_out_cooldown: Time between two additions.
            scale_in_cooldown: Time between two removals.

        Raises:
            InvalidArgument: The rate is not positive or the factor is out of range.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-loadtest.html
        """
        if max_requests_per_second <= 0:
            raise InvalidArgument(
                f"max_requests_per_second is {max_requests_per_second:g}: give the positive rate "
                "that one instance sustained in a load test."
            )
        require_between("safety_factor", safety_factor, 0.01, 1)
        self._target.scale_to_track_metric(
            "InvocationsPerInstance",
            predefined_metric=(
                autoscaling.PredefinedMetric.SAGEMAKER_VARIANT_INVOCATIONS_PER_INSTANCE
            ),
            target_value=max_requests_per_second * safety_factor * 60,
            scale_out_cooldown=scale_out_cooldown,
            scale_in_cooldown=scale_in_cooldown,
        )

    def track_concurrent_requests(
        self,
        *,
        target: float,
        scale_out_cooldown: Duration,
        scale_in_cooldown: Duration,
    ) -> None:
        """Keeps the requests in flight per model container at a target, measured every 10 s.

        Requests that wait inside the container count. It goes out sooner than on a metric of one
        value per minute, and comes in at the same pace.

        Args:
            target: Requests in flight per container.
            scale_out_cooldown: Time between two additions.
            scale_in_cooldown: Time between two removals.

        Raises:
            InvalidArgument: The target is not positive.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
        endpoint-auto-scaling-add-code-define.html
        """
        if target <= 0:
            raise InvalidArgument(f"target is {target:g}: give a positive number of requests.")
        metrics = autoscaling.PredefinedMetric
        self._target.scale_to_track_metric(
            "ConcurrentRequests",
            predefined_metric=(
                metrics.SAGEMAKER_VARIANT_CONCURRENT_REQUESTS_PER_MODEL_HIGH_RESOLUTION
            ),
            target_value=target,
            scale_out_cooldown=scale_out_cooldown,
            scale_in_cooldown=scale_in_cooldown,
        )

    def step_on(
        self,
        metric: cloudwatch.Metric,
        *,
        steps: Sequence[Step],
        periods: int,
        cooldown: Duration,
    ) -> None:
        """Adds, or removes, as many instances as the metric is far beyond a threshold.

        One call goes one way: steps that add begin at the lowest value and reach upwards, steps
        that remove begin at the highest and reach downwards. The first step's value is the
        threshold of the alarm that calls the policy.

        Args:
            metric: What is watched; it need not be proportional to the capacity, as a tracked one.
            steps: At most 20, all of them adding or all of them removing.
            periods: Consecutive periods of the metric beyond the threshold.
            cooldown: Time in which a scale-out counts as part of the capacity, or in which no
                other scale-in follows.

        Raises:
            InvalidArgument: The steps are none, too many, mixed or not in order, the thresholds
                for out and in touch, or the alarm would look back for more than a day.

        Source: https://docs.aws.amazon.com/autoscaling/application/userguide/
        step-scaling-policy-overview.html
        """
        out = _require_steps(steps)
        first = steps[0].at
        self._require_margin(out=out, first=first)
        seconds = metric.period.to_seconds()
        require_between("periods", periods, 1, 86_400 // seconds, unit=f"of {seconds:g} s")

        policy = autoscaling.StepScalingAction(
            self,
            "Out" if out else "In",
            scaling_target=self._target,
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            # The alarm's statistic has been taken already; of its last values the largest decides.
            metric_aggregation_type=autoscaling.MetricAggregationType.MAXIMUM,
            cooldown=cooldown,
        )
        for step, beyond in zip(steps, [*steps[1:], None], strict=True):
            near, far = step.at - first, beyond.at - first if beyond else None
            policy.add_adjustment(
                adjustment=step.change,
                lower_bound=near if out else far,
                upper_bound=far if out else near,
            )
        alarm = self._alarm(metric, out=out, first=first, periods=periods)
        alarm.add_alarm_action(actions.ApplicationScalingAction(policy))

    def schedule(
        self,
        id: str,
        *,
        at: autoscaling.Schedule,
        time_zone: str,
        min_capacity: int | None = None,
        max_capacity: int | None = None,
    ) -> None:
        """Sets the bounds of the capacity at a time; they hold until somebody sets others.

        Capacity below the new minimum is raised to it at once, and above the new maximum lowered
        to it: what is in between stays for the policies to decide.

        Args:
            id: Construct ID, and part of the action's name.
            at: When, to the minute.
            time_zone: IANA name; with one that has daylight saving time the action follows it.
            min_capacity: New minimum, at least 1; None leaves the minimum that holds then.
            max_capacity: New maximum; None leaves the maximum that holds then.

        Raises:
            InvalidArgument: Neither bound is given, they are out of order, or the time zone is no
                IANA name.

        Source: https://docs.aws.amazon.com/autoscaling/application/userguide/
        scheduled-scaling-policy-overview.html
        """
        if min_capacity is None and max_capacity is None:
            raise InvalidArgument(f"{id} sets neither bound: give min_capacity or max_capacity.")
        lowest = self._bounds[0] if min_capacity is None else min_capacity
        highest = self._bounds[1] if max_capacity is None else max_capacity
        if not 1 <= lowest <= highest:
            raise InvalidArgument(
                f"{id} would scale between {lowest} and {highest}: choose 1 <= min_capacity <= "
                "max_capacity."
            )
        if not re.fullmatch(r"UTC|[A-Z][A-Za-z]+(/[A-Z][A-Za-z0-9_+-]+)+", time_zone):
            raise InvalidArgument(
                f"time_zone is {time_zone!r}: give an IANA name such as 'Europe/Berlin' or 'UTC'."
            )
        self._target.scale_on_schedule(
            id,
            schedule=at,
            time_zone=TimeZone.of(time_zone),
            min_capacity=min_capacity,
            max_capacity=max_capacity,
        )

    def _alarm(
        self, metric: cloudwatch.Metric, *, out: bool, first: float, periods: int
    ) -> cloudwatch.Alarm:
        operators = cloudwatch.ComparisonOperator
        return cloudwatch.Alarm(
            self,
            "Load" if out else "Calm",
            alarm_description=(
                f"The step policy {'adds' if out else 'removes'} instances while this lasts."
            ),
            metric=metric,
            threshold=first,
            comparison_operator=operators.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
            if out
            else operators.LESS_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=periods,
            # Without data nothing is known of the load, and nothing is scaled.
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )

    def _require_margin(self, *, out: bool, first: float) -> None:
        """Raises InvalidArgument if out and in would call each other."""
        self._first_steps["out" if out else "in"] = first
        if self._first_steps.get("in", -inf) >= self._first_steps.get("out", inf):
            raise InvalidArgument(
                "Instances would be removed at {in:g} and added at {out:g}: leave a margin in "
                "between, or adding and removing call each other.".format_map(self._first_steps)
            )


def _require_steps(steps: Sequence[Step]) -> bool:
    """Returns whether the steps add.

    Raises:
        InvalidArgument: They are none, too many, mixed or not in order.
    """
    require_between("The number of steps", len(steps), 1, MAX_STEPS)
    signs = {step.change > 0 for step in steps if step.change}
    if len(signs) != 1 or not all(step.change for step in steps):
        raise InvalidArgument(
            f"steps change the capacity by {[step.change for step in steps]}: let all of them add "
            "or all of them remove."
        )
    (out,) = signs
    for near, far in pairwise(steps):
        if (far.at > near.at) != out or far.at == near.at:
            raise InvalidArgument(
                f"steps are at {[step.at for step in steps]}: begin with the one next to the "
                f"normal value, and go {'up' if out else 'down'} from there."
            )
    return out
