"""What target tracking watches: predefined metrics, and the alarms that it makes.

Sources: https://docs.aws.amazon.com/autoscaling/application/userguide/monitoring-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.emulator.autoscaling.records import Key, Record, invalid, new_id

HIGH_PERIODS = 3
LOW_PERIODS = 15
LOW_SHARE = 0.9
"""Observed of the service, not documented: periods of its alarms, and the lower one's threshold."""

PREDEFINED: dict[str, tuple[str, str, str, str, int]] = {
    "SageMakerVariantInvocationsPerInstance": (
        "sagemaker:variant:DesiredInstanceCount",
        *("AWS/SageMaker", "InvocationsPerInstance", "Sum", 60),
    ),
    "SageMakerVariantConcurrentRequestsPerModelHighResolution": (
        "sagemaker:variant:DesiredInstanceCount",
        *("AWS/SageMaker", "ConcurrentRequestsPerModel", "Maximum", 10),
    ),
    "SageMakerVariantProvisionedConcurrencyUtilization": (
        "sagemaker:variant:DesiredProvisionedConcurrency",
        *("AWS/SageMaker", "ServerlessProvisionedConcurrencyUtilization", "Maximum", 60),
    ),
    "SageMakerInferenceComponentInvocationsPerCopy": (
        "sagemaker:inference-component:DesiredCopyCount",
        *("AWS/SageMaker", "InvocationsPerCopy", "Sum", 60),
    ),
    "SageMakerInferenceComponentConcurrentRequestsPerCopyHighResolution": (
        "sagemaker:inference-component:DesiredCopyCount",
        *("AWS/SageMaker", "ConcurrentRequestsPerCopy", "Maximum", 10),
    ),
    "LambdaProvisionedConcurrencyUtilization": (
        "lambda:function:ProvisionedConcurrency",
        *("AWS/Lambda", "ProvisionedConcurrencyUtilization", "Maximum", 60),
    ),
    "ECSServiceAverageCPUUtilization": (
        "ecs:service:DesiredCount",
        *("AWS/ECS", "CPUUtilization", "Average", 60),
    ),
    "ECSServiceAverageMemoryUtilization": (
        "ecs:service:DesiredCount",
        *("AWS/ECS", "MemoryUtilization", "Average", 60),
    ),
    "ALBRequestCountPerTarget": (
        "ecs:service:DesiredCount",
        *("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", 60),
    ),
}
"""Metric -> dimension that it is for; namespace, name, statistic and period in CloudWatch."""


def watched(target: Key, tracking: Mapping[str, Any]) -> Record:
    """Returns what a target tracking policy watches, as the parameters of an alarm.

    Raises:
        ServiceError: The metric is not one for this target.
    """
    if "CustomizedMetricSpecification" in tracking:
        return _customized(tracking["CustomizedMetricSpecification"])
    asked = tracking["PredefinedMetricSpecification"]
    name = asked["PredefinedMetricType"]
    known = PREDEFINED.get(name)
    if known is None or known[0] != target[2]:
        raise invalid(f"The metric {name} cannot be tracked for {target[2]}.")
    dimension, namespace, metric, statistic, period = known
    label = asked.get("ResourceLabel")
    if (name == "ALBRequestCountPerTarget") != bool(label):
        raise invalid("ResourceLabel is required for ALBRequestCountPerTarget, and for it alone.")
    dimensions = _balanced(label) if label else _dimensions(target[1], dimension)
    return {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Statistic": statistic,
        "Period": period,
    }


def _dimensions(resource: str, dimension: str) -> dict[str, str]:
    parts = resource.split("/")
    match dimension:
        case "sagemaker:inference-component:DesiredCopyCount":
            return {"InferenceComponentName": parts[1]}
        case "lambda:function:ProvisionedConcurrency":
            _, function, alias = resource.split(":")
            return {"FunctionName": function, "Resource": f"{function}:{alias}"}
        case "ecs:service:DesiredCount":
            return {"ClusterName": parts[1], "ServiceName": parts[2]}
        case _:
            return {"EndpointName": parts[1], "VariantName": parts[3]}


def _balanced(label: str) -> dict[str, str]:
    balancer, _, group = label.partition("/targetgroup/")
    if not balancer.startswith("app/") or not group:
        raise invalid(f"{label} is no resource label: app/NAME/ID/targetgroup/NAME/ID is one.")
    return {"LoadBalancer": balancer, "TargetGroup": f"targetgroup/{group}"}


def _customized(asked: Mapping[str, Any]) -> Record:
    if asked.get("Metrics"):
        if set(asked) - {"Metrics"}:
            raise invalid("A customized metric has either Metrics or a MetricName, not both.")
        return {
            "Metrics": [
                {**query, "MetricStat": {"Period": 60, **query["MetricStat"]}}
                if "MetricStat" in query
                else dict(query)
                for query in asked["Metrics"]
            ]
        }
    missing = {"MetricName", "Namespace", "Statistic"} - set(asked)
    if missing:
        raise invalid(f"A customized metric lacks {', '.join(sorted(missing))}.")
    found = {**asked, "Dimensions": asked.get("Dimensions", []), "Period": 60}
    return {name: value for name, value in found.items() if name != "Metrics"}


def alarms(target: Key, policy_arn: str, tracking: Mapping[str, Any]) -> list[Record]:
    """Returns the alarms of a target tracking policy, the upper one first."""
    metric, value = watched(target, tracking), tracking["TargetValue"]
    sides = [("AlarmHigh", "GreaterThanThreshold", value, HIGH_PERIODS)]
    if not tracking.get("DisableScaleIn", False):
        sides.append(("AlarmLow", "LessThanThreshold", value * LOW_SHARE, LOW_PERIODS))
    return [
        {
            **_slower(metric, side),
            "AlarmName": f"TargetTracking-{target[1]}-{side}-{new_id()}",
            "AlarmDescription": "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy "
            f"{policy_arn}.",
            "ComparisonOperator": comparison,
            "Threshold": threshold,
            "EvaluationPeriods": periods,
            "AlarmActions": [policy_arn],
        }
        for side, comparison, threshold, periods in sides
    ]


def _slower(metric: Record, side: str) -> Record:
    """A high-resolution metric scales out sooner and in at the same pace as others."""
    if side == "AlarmLow" and metric.get("Period", 60) < 60:  # noqa: PLR2004
        return {**metric, "Period": 60}
    return metric
