"""Instances of a real-time variant that follow the number of requests."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.realtime_endpoint import RealtimeEndpoint
from mla_constructs.scaling.variant_target import variant_target


class InstanceScaling(Construct):
    """Scales the number of a real-time variant's instances.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: The real-time endpoint.
        min_capacity: Instances that are always there, at least 1: real-time variants that name a
            model do not scale to zero.
        max_capacity: Instances at most; it bounds the bill.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: RealtimeEndpoint,
        min_capacity: int,
        max_capacity: int,
    ) -> None:
        super().__init__(scope, id)
        self._target = variant_target(
            self,
            endpoint=endpoint,
            dimension="sagemaker:variant:DesiredInstanceCount",
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            smallest=1,
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
