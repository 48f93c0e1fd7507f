"""GetMetricData and GetMetricStatistics: the numbers that alarms judge, for everybody to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from math import ceil
from typing import Any

from rehearsal.emulator.metrics.expressions import resolve
from rehearsal.emulator.metrics.statistics import (
    Datum,
    Values,
    known,
    of_unit,
    statistic,
    windows,
)

Request = dict[str, Any]
Data = Callable[[str, str, Mapping[str, str], float, float], list[Datum]]
"""(namespace, name, dimensions, start, end) -> what was published."""

MAX_PERIODS = 100_800
MAX_POINTS = 1440
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html"""


class Reader:
    """Reads metrics.

    Args:
        data: Gives what was published.
        seconds: Gives a time of a request in seconds since 1970.
    """

    def __init__(self, data: Data, seconds: Callable[[Any], float]) -> None:
        self.data = data
        self.seconds = seconds

    def values(self, stat: Mapping[str, Any], end: float, count: int) -> Values:
        """Returns a metric's values in the last periods before a time."""
        period = int(stat.get("Period") or 60)
        data = self._of(stat["Metric"], stat.get("Unit"), end - period * count, end)
        return windows(data, stat["Stat"], period=period, end=end, count=count)

    def get_metric_data(self, request: Request) -> Request:
        """Answers GetMetricData, the newest values first unless asked otherwise."""
        queries = request["MetricDataQueries"]
        periods = [int(q["MetricStat"]["Period"]) for q in queries if "MetricStat" in q]
        if not periods or (len(set(periods)) > 1 and any(q.get("Expression") for q in queries)):
            raise ValueError("The rehearsal computes expressions over metrics of one period.")
        asked = {
            q["Id"]: self._span(request, int(q["MetricStat"]["Period"]))
            for q in queries
            if "MetricStat" in q
        }
        by_stat = {id(q["MetricStat"]): asked[q["Id"]] for q in queries if "MetricStat" in q}

        def fetch(stat: Mapping[str, Any]) -> Values:
            end, count, _ = by_stat[id(stat)]
            return self.values(stat, end, count)

        found = resolve(queries, fetch)
        newest_first = request.get("ScanBy", "TimestampDescending") == "TimestampDescending"
        first = next(iter(asked.values()))
        results = [
            _result(query, found[query["Id"]], asked.get(query["Id"], first), newest_first)
            for query in queries
            if query.get("ReturnData", True)
        ]
        return {"MetricDataResults": results, "Messages": []}

    def get_metric_statistics(self, request: Request) -> Request:
        """Answers GetMetricStatistics."""
        wanted = request.get("Statistics", []) + request.get("ExtendedStatistics", [])
        if not wanted:
            raise ValueError("Statistics or ExtendedStatistics is required.")
        period = int(request["Period"])
        end, count, start = self._span(request, period)
        if count > MAX_POINTS:
            raise ValueError(
                f"You have requested up to {count:,} datapoints, which exceeds the limit of "
                f"{MAX_POINTS:,}."
            )
        data = self._of(request, request.get("Unit"), start, end)
        points: list[Request] = []
        for number in range(count):
            at = start + number * period
            within = [datum for datum in data if at <= datum.at < min(at + period, end)]
            if within:
                points.append(_point(at, within, wanted))
        return {"Label": request["MetricName"], "Datapoints": points}

    def _of(
        self, metric: Mapping[str, Any], unit: str | None, start: float, end: float
    ) -> list[Datum]:
        dimensions = {each["Name"]: each["Value"] for each in metric.get("Dimensions") or ()}
        found = self.data(metric["Namespace"], metric["MetricName"], dimensions, start, end)
        return of_unit(found, unit)

    def _span(self, request: Request, period: int) -> tuple[float, int, float]:
        start = self.seconds(request["StartTime"]) // period * period
        count = ceil((self.seconds(request["EndTime"]) - start) / period)
        if not 0 < count <= MAX_PERIODS:
            raise ValueError(f"From StartTime to EndTime are {count} periods of {period} s.")
        return start + count * period, count, start


def _result(
    query: Request, values: Values, span: tuple[float, int, float], newest_first: bool
) -> Request:
    end, count, start = span
    period = (end - start) / count
    pairs = [(_time(start + i * period), v) for i, v in enumerate(values) if v is not None]
    if newest_first:
        pairs.reverse()
    metric = query.get("MetricStat", {}).get("Metric", {})
    return {
        "Id": query["Id"],
        "Label": query.get("Label") or metric.get("MetricName") or query["Id"],
        "Timestamps": [at for at, _ in pairs],
        "Values": [value for _, value in pairs],
        "StatusCode": "Complete",
    }


def _point(at: float, data: list[Datum], wanted: list[str]) -> Request:
    point: Request = {"Timestamp": _time(at), "Unit": data[0].unit}
    for name in wanted:
        value = statistic(data, name)
        if known(name) and name.startswith("p"):
            point.setdefault("ExtendedStatistics", {})[name] = value
        else:
            point[name] = value
    return point


def _time(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)
