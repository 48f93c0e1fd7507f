"""Metrics as a scenario asks for them."""

from __future__ import annotations

from datetime import timedelta

from rehearsal.stage import Stage

SINCE = timedelta(hours=24)
HOUR = 3600


def total(stage: Stage, metric: str, statistic: str = "Sum", **dimensions: str) -> float:
    """Returns the sum or the number of a SageMaker metric's values in the last day.

    Args:
        stage: The rehearsal.
        metric: Its name.
        statistic: "Sum" or "SampleCount".
        dimensions: By their names.
    """
    now = stage.account.now()
    points = stage.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        StartTime=now - SINCE,
        EndTime=now + timedelta(minutes=1),
        Period=HOUR,
        Statistics=[statistic],
    )["Datapoints"]
    return float(sum(point[statistic] for point in points))
