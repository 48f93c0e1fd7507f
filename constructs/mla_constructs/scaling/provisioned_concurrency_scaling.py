"""Provisioned concurrency of a serverless variant that follows its use."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from constructs import Construct

from mla_constructs.errors import InvalidArgument, require_between
from mla_constructs.inference.serverless_endpoint import ServerlessEndpoint
from mla_constructs.scaling.variant_target import variant_target


class ProvisionedConcurrencyScaling(Construct):
    """Scales how many requests of a serverless variant never start cold.

    Requests beyond that are served on demand, up to the variant's maximum concurrency, without any
    scaling policy.

    Args:
        scope: Parent construct.
        id: Construct ID.
        endpoint: The serverless endpoint; it needs provisioned concurrency to begin with.
        min_capacity: Warm requests at least, 1 or more.
        max_capacity: Warm requests at most, up to the variant's maximum concurrency.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-autoscale.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        endpoint: ServerlessEndpoint,
        min_capacity: int,
        max_capacity: int,
    ) -> None:
        super().__init__(scope, id)
        if endpoint.provisioned_concurrency is None:
            raise InvalidArgument(
                "The endpoint's provisioned_concurrency is None: there is nothing to scale, give "
                "it 1 or more."
            )
        self._target = variant_target(
            self,
            endpoint=endpoint,
            dimension="sagemaker:variant:DesiredProvisionedConcurrency",
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            smallest=1,
        )
        require_between("max_capacity", max_capacity, 1, endpoint.max_concurrency)

    def track_utilization(
        self,
        *,
        target: float,
        scale_out_cooldown: Duration,
        scale_in_cooldown: Duration,
    ) -> None:
        """Keeps the share of the provisioned concurrency that is in use at a target.

        Args:
            target: Share in use, above 0 and up to 1; it is a ratio, not a percentage.
            scale_out_cooldown: Time between two additions.
            scale_in_cooldown: Time between two removals.

        Raises:
            InvalidArgument: The target is out of range.
        """
        require_between("target", target, 0.01, 1)
        metrics = autoscaling.PredefinedMetric
        self._target.scale_to_track_metric(
            "ProvisionedConcurrencyUtilization",
            predefined_metric=metrics.SAGEMAKER_VARIANT_PROVISIONED_CONCURRENCY_UTILIZATION,
            target_value=target,
            scale_out_cooldown=scale_out_cooldown,
            scale_in_cooldown=scale_in_cooldown,
        )
