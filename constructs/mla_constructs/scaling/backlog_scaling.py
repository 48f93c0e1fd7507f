"""Instances of an asynchronous variant that follow its queue, down to none."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.async_endpoint import AsyncEndpoint
from mla_constructs.scaling.variant_target import variant_target


class BacklogScaling(Construct):
    """Scales the number of an asynchronous variant's instances.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: The asynchronous endpoint.
        min_capacity: Instances that are always there; 0 costs nothing while the queue is empty.
        max_capacity: Instances at most.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-autoscale.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: AsyncEndpoint,
        min_capacity: int,
        max_capacity: int,
    ) -> None:
        super().__init__(scope, id)
        self._endpoint = endpoint
        self._target = variant_target(
            self,
            endpoint=endpoint,
            dimension="sagemaker:variant:DesiredInstanceCount",
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            smallest=0,
        )

    def track_backlog_per_instance(
        self,
        *,
        target: float,
        scale_out_cooldown: Duration,
        scale_in_cooldown: Duration,
    ) -> None:
        """Keeps the queued requests per instance at a target, and goes down to the minimum.

        There is no predefined metric for it. From no instance it brings back the first one only
        when more requests wait than the target: the first request does so by `wake_from_zero`.

        Args:
            target: Requests that may wait per instance.
            scale_out_cooldown: Time between two additions.
            scale_in_cooldown: Time between two removals.

        Raises:
            InvalidArgument: The target is not positive.
        """
        if target <= 0:
            raise InvalidArgument(f"target is {target:g}: give a positive number of requests.")
        self._target.scale_to_track_metric(
            "BacklogPerInstance",
            custom_metric=self._endpoint.metric_queue(
                "ApproximateBacklogSizePerInstance", statistic="Average"
            ),
            target_value=target,
            scale_out_cooldown=scale_out_cooldown,
            scale_in_cooldown=scale_in_cooldown,
        )

    def wake_from_zero(self, *, minutes: int, cooldown: Duration) -> None:
        """Adds one instance when requests wait and there is none.

        Args:
            minutes: Consecutive minutes that requests have waited.
            cooldown: Time until another instance may be added by this policy: it has to cover the
                start of the first one.

        Raises:
            InvalidArgument: The number of minutes is not from 1 to 1440, a day.
        """
        require_between("minutes", minutes, 1, 1440)
        wake = autoscaling.StepScalingAction(
            self,
            "Wake",
            scaling_target=self._target,
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            metric_aggregation_type=autoscaling.MetricAggregationType.AVERAGE,
            cooldown=cooldown,
        )
        wake.add_adjustment(adjustment=1, lower_bound=0)
        alarm = cloudwatch.Alarm(
            self,
            "BacklogWithoutCapacity",
            alarm_description="Requests wait and no instance runs: scaling adds the first one.",
            metric=self._endpoint.metric_queue("HasBacklogWithoutCapacity", statistic="Average"),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=minutes,
            datapoints_to_alarm=minutes,
            treat_missing_data=cloudwatch.TreatMissingData.MISSING,
        )
        alarm.add_alarm_action(actions.ApplicationScalingAction(wake))
