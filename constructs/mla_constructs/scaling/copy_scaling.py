"""Copies of an inference component that follow its requests, down to none."""

from __future__ import annotations

from aws_cdk import Duration
from aws_cdk import aws_applicationautoscaling as autoscaling
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from constructs import Construct

from mla_constructs.errors import InvalidArgument
from mla_constructs.inference.inference_component import InferenceComponent
from mla_constructs.scaling.variant_target import scalable_target


class CopyScaling(Construct):
    """Scales the number of an inference component's copies; SageMaker adds the instances.

    Args:
        scope: Parent construct.
        id: Construct ID.
        component: The inference component; its scalable target is deleted before it.
        min_capacity: Copies that are always there; 0 on all components lets the instances go.
        max_capacity: Copies at most; the endpoint's instances have to have room for them.

    Raises:
        InvalidArgument: A value the service does not accept.

    Source: https://docs.aws.amazon.com/sagemaker/latest/dg/
    endpoint-auto-scaling-zero-instances.html
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        component: InferenceComponent,
        min_capacity: int,
        max_capacity: int,
    ) -> None:
        super().__init__(scope, id)
        self._component = component
        self._target = scalable_target(
            self,
            resource_id=f"inference-component/{component.name}",
            dimension="sagemaker:inference-component:DesiredCopyCount",
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            smallest=0,
        )
        self._target.node.add_dependency(component)

    def track_invocations_per_copy(
        self,
        *,
        target: float,
        scale_out_cooldown: Duration,
        scale_in_cooldown: Duration,
    ) -> None:
        """Keeps the invocations per copy and minute at a target, and goes down to the minimum.

        Without a copy there is no value per copy: what brings back the first one is
        `wake_from_zero`.

        Args:
            target: Invocations per copy and minute.
            scale_out_cooldown: Time between two additions.
            scale_in_cooldown: Time between two removals.

        Raises:
            InvalidArgument: The target is not positive.
        """
        if target <= 0:
            raise InvalidArgument(f"target is {target:g}: give a positive number of invocations.")
        self._target.scale_to_track_metric(
            "InvocationsPerCopy",
            predefined_metric=(
                autoscaling.PredefinedMetric.SAGEMAKER_INFERENCE_COMPONENT_INVOCATIONS_PER_COPY
            ),
            target_value=target,
            scale_out_cooldown=scale_out_cooldown,
            scale_in_cooldown=scale_in_cooldown,
        )

    def wake_from_zero(self, *, cooldown: Duration) -> None:
        """Adds the first copy after one request that failed because there was none.

        At one failure or more. The published example asks for more than one within a minute: a
        client that calls once and gives up would never wake the component.

        Args:
            cooldown: Time until another copy may be added by this policy. Requests go on failing
                while the first one starts: shorter than the start, and each minute adds one.
        """
        wake = autoscaling.StepScalingAction(
            self,
            "Wake",
            scaling_target=self._target,
            adjustment_type=autoscaling.AdjustmentType.CHANGE_IN_CAPACITY,
            metric_aggregation_type=autoscaling.MetricAggregationType.MAXIMUM,
            cooldown=cooldown,
        )
        wake.add_adjustment(adjustment=1, lower_bound=0)
        alarm = cloudwatch.Alarm(
            self,
            "NoCapacity",
            alarm_description="A request failed for want of a copy: scaling adds the first one.",
            metric=self._component.metric("NoCapacityInvocationFailures", statistic="Sum"),
            threshold=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            datapoints_to_alarm=1,
            # Published only when a request has failed: nothing to see means nobody waits, and the
            # next failure is a change of state again.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.ApplicationScalingAction(wake))
