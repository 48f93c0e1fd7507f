"""Metrics of endpoints: of each invocation, and of each instance once a minute.

Source: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import mean

from rehearsal.emulator import cloudwatch, host
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Instance, Variant
from rehearsal.emulator.sagemaker.sizes import memory

log = logging.getLogger(__name__)

INVOCATIONS = "AWS/SageMaker"
INSTANCES = "/aws/sagemaker/Endpoints"
MINUTE = 60
SLOT = 10
"""Seconds of the finest periods that metrics of endpoints have."""

OK, CLIENT_ERROR, SERVER_ERROR = 200, 400, 500
DIGITS = 3
"""Of a latency that are kept, so that equal ones are told as one with its count."""

UNITS = {
    **dict.fromkeys(
        ("ModelLatency", "OverheadLatency", "ModelSetupTime", "RequestDownloadLatency",
         "ResponseUploadLatency", "ContainerLatency", "ModelLoadingWaitTime",
         "ModelDownloadingTime", "ModelLoadingTime", "ModelUnloadingTime"), "Microseconds"
    ),
    **dict.fromkeys(("TimeInBacklog", "TotalProcessingTime"), "Milliseconds"),
    **dict.fromkeys(
        ("RequestDownloadFailures", "ResponseUploadFailures", "NotificationFailures",
         "ExpiredRequests", "InvocationFailures", "InvocationsProcessed",
         "ServerlessProvisionedConcurrencyExecutions",
         "ServerlessProvisionedConcurrencyInvocations",
         "ServerlessProvisionedConcurrencySpilloverInvocations"), "Count"
    ),
}  # fmt: skip
"""Of metrics that have one."""

Key = tuple[str, str, str, int]
"""Endpoint, variant, configuration, slot since 1970."""

OtherKey = tuple[tuple[tuple[str, str], ...], int]
"""Dimensions, slot since 1970."""


@dataclass
class Invocations:
    """What a variant was asked in one slot: how often which value of a metric was seen."""

    seen: dict[str, Counter[float]] = field(default_factory=lambda: defaultdict(Counter))


class InvocationMetrics:
    """Counts in memory; CloudWatch hears of it before it is read and each minute.

    Attributes:
        weight: How many invocations each one stands for, when a rehearsal makes load of few.
    """

    weight = 1

    def __init__(self) -> None:
        self._kept: defaultdict[Key, Invocations] = defaultdict(Invocations)
        self._others: defaultdict[OtherKey, Invocations] = defaultdict(Invocations)
        self._keeping = threading.Lock()

    def add(
        self,
        key: tuple[str, str, str],
        *,
        status: int,
        instances: int,
        in_flight: int,
        model_seconds: float,
        overhead_seconds: float,
    ) -> None:
        """Counts one invocation.

        Args:
            key: Endpoint, variant and configuration.
            status: What the model answered; 0 if it did not.
            instances: Of the variant at the time.
            in_flight: Requests in the instance, this one included.
            model_seconds: How long the model took.
            overhead_seconds: How long the rest took.
        """
        values = {
            "Invocations": 1.0,
            "InvocationsPerInstance": 1 / max(1, instances),
            "ModelLatency": short(model_seconds * 1e6),
            "OverheadLatency": short(overhead_seconds * 1e6),
            **errors(status),
            "ConcurrentRequestsPerModel": float(in_flight * self.weight),
            "InvocationModelErrors": float(not OK <= status < OK + 100),
        }
        self.count(key, values)

    def count(self, key: tuple[str, str, str], values: Mapping[str, float]) -> None:
        """Counts one value of each of these metrics.

        Args:
            key: Endpoint, variant and configuration; without a configuration the metrics have no
                such dimension.
            values: By the metrics' names.
        """
        with self._keeping:
            seen = self._kept[*key, int(time.time() // SLOT)].seen
            for name, value in values.items():
                seen[name][value] += self.weight

    def count_for(self, dimensions: Mapping[str, str], values: Mapping[str, float]) -> None:
        """Counts values of metrics with dimensions of their own, such as a container's."""
        key = tuple(sorted(dimensions.items())), int(time.time() // SLOT)
        with self._keeping:
            seen = self._others[key].seen
            for name, value in values.items():
                seen[name][value] += self.weight

    def tell(self) -> None:
        """Tells CloudWatch what was counted."""
        with self._keeping:
            taken, self._kept = self._kept, defaultdict(Invocations)
            others, self._others = self._others, defaultdict(Invocations)
        for (named, slot), invocations in others.items():
            for name, values in invocations.seen.items():
                unit = UNITS.get(name, "None")
                cloudwatch.put_values(INVOCATIONS, name, dict(named), values, unit, at=slot * SLOT)
        for (endpoint, variant, config, slot), invocations in taken.items():
            dimensions = {"EndpointName": endpoint, "VariantName": variant}
            for name, values in invocations.seen.items():
                every = [dimensions, {**dimensions, "EndpointConfigName": config}]
                for each in every if config else every[:1]:
                    cloudwatch.put_values(
                        INVOCATIONS, name, each, values, UNITS.get(name, "None"), at=slot * SLOT
                    )

    def rest(self, endpoint: Endpoint) -> None:
        """Tells CloudWatch of no load where there was none, on which scaling in depends.

        Source: https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-policy.html
        """
        since = time.time() - MINUTE
        for variant in endpoint.fleet or ():
            dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
            if variant.serverless:
                continue  # it has neither
            for name, period in (
                ("InvocationsPerInstance", MINUTE),
                ("ConcurrentRequestsPerModel", SLOT),
            ):
                if variant.instances and cloudwatch.silent(INVOCATIONS, name, dimensions, since):
                    for later in range(0, MINUTE, period):
                        cloudwatch.put_values(
                            INVOCATIONS, name, dimensions, {0.0: 1}, "None", at=since + later
                        )


def errors(status: int) -> dict[str, float]:
    """Returns which errors of an invocation are counted; 0 means that there was no answer."""
    return {
        "Invocation4XXErrors": float(CLIENT_ERROR <= status < SERVER_ERROR),
        "Invocation5XXErrors": float(status >= SERVER_ERROR or status == 0),
    }


def short(value: float) -> float:
    """Returns a measured time with few digits."""
    return float(f"{value:.{DIGITS}g}")


class InstanceMetrics:
    """Utilization of the real processes, published under the execution role."""

    def __init__(self) -> None:
        self._before: dict[str, tuple[float, float]] = {}

    def measure(self, endpoint: Endpoint) -> None:
        """Publishes the utilization of all instances of an endpoint since the last time."""
        for variant in endpoint.variants:
            instances = list(variant.instances)
            if not instances or not self._allowed(endpoint, variant):
                continue
            figures = [self._figures(variant, instance) for instance in instances]
            dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
            for name in figures[0]:
                value = mean(figure[name] for figure in figures)
                host.put_metric(INSTANCES, name, dimensions, value, "Percent")
            for models in [instance.models for instance in instances if instance.models]:
                loaded = float(models.count)
                host.put_metric(INSTANCES, "LoadedModelCount", dimensions, loaded, "None")

    def _allowed(self, endpoint: Endpoint, variant: Variant) -> bool:
        try:
            credentials = host.role_credentials(
                variant.model["ExecutionRoleArn"], service=PRINCIPAL, source_arn=endpoint.arn
            )
        except NotAssumableError:
            return False
        context = {"cloudwatch:namespace": INSTANCES}
        key = credentials["aws_access_key_id"]
        reason = host.denial(key, "cloudwatch:PutMetricData", "*", context)
        if reason:
            log.warning("no utilization of %s: %s", endpoint.arn, reason)
        return not reason

    def _figures(self, variant: Variant, instance: Instance) -> dict[str, float]:
        running = [instance, *instance.copies]
        used = [container.usage() for each in running for container in each.containers]
        if variant.serverless:
            size_mb = variant.concurrency["MemorySizeInMB"]
            return {"MemoryUtilization": 100 * sum(u.memory for u in used) / (size_mb * MIB)}
        cpu, now = sum(usage.cpu for usage in used), time.monotonic()
        cpu_before, before = self._before.get(instance.id, (cpu, now))
        self._before[instance.id] = cpu, now
        size = variant.settings.get("InstanceType", "")
        disk = variant.settings.get("VolumeSizeInGB", DISK_GB) * 1e9
        return {
            "CPUUtilization": 100 * (cpu - cpu_before) / max(now - before, 0.01),
            "MemoryUtilization": 100 * sum(u.memory for u in used) / memory(size),
            "DiskUtilization": 100 * sum(u.disk for u in used) / disk,
        }


DISK_GB = 30
"""Taken for the volume of an instance where the variant names no size."""

MIB = 2**20
