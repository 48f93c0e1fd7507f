"""Requests to inference components: which copy answers, and what is told of it.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-zero-instances.html
"""

from __future__ import annotations

import time
from statistics import mean

from rehearsal.emulator import cloudwatch, host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.sagemaker.calls import Calls
from rehearsal.emulator.sagemaker.component import Component
from rehearsal.emulator.sagemaker.components import Components
from rehearsal.emulator.sagemaker.containers import PRINCIPAL
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Copy, Fleet, Variant
from rehearsal.emulator.sagemaker.metrics import INVOCATIONS, InvocationMetrics, errors, short
from rehearsal.emulator.sagemaker.packing import COMPONENT
from rehearsal.emulator.sagemaker.runtime import Answered, Asked, ask

NAMESPACE = "/aws/sagemaker/InferenceComponents"
MB = 1024 * 1024


class Copies:
    """Lets copies answer, and measures them.

    Args:
        components: The components.
        calls: Connections to containers.
        metrics: Counts invocations.
    """

    def __init__(self, components: Components, calls: Calls, metrics: InvocationMetrics) -> None:
        self.components = components
        self.calls = calls
        self.metrics = metrics
        self._before: dict[str, tuple[float, float]] = {}

    async def answer(
        self, endpoint: Endpoint, fleet: Fleet, variant: Variant, asked: Asked
    ) -> Answered:
        """Lets a copy of the component answer that a request names.

        Raises:
            ServiceError: The endpoint has no such component, or that has no copy.
        """
        del fleet, variant
        name = asked.headers[COMPONENT]
        component = self.components.running.get(name.lower())
        if component is None or component.endpoint is not endpoint:
            raise ServiceError(
                "ValidationError", f"Inference Component {name} not found on {endpoint.name}."
            )
        dimensions = {"InferenceComponentName": component.name}
        copy = component.next_copy()
        if copy is None:
            self.metrics.count_for(dimensions, {"NoCapacityInvocationFailures": 1.0})
            raise ServiceError(
                "ValidationError",
                "Inference Component has no capacity to process this request. "
                "ApplicationAutoScaling may be in-progress (if configured) or try to increase the "
                "capacity by invoking UpdateInferenceComponentRuntimeConfig API.",
            )
        copy.in_flight += 1
        in_flight = copy.in_flight
        try:
            answered = await ask(self.calls, copy, asked)
        finally:
            copy.in_flight -= 1
        overhead = time.perf_counter() - asked.began - answered.seconds
        self.metrics.count_for(
            dimensions,
            {
                "Invocations": 1.0,
                "InvocationsPerCopy": 1 / max(1, len(component.copies)),
                "ConcurrentRequestsPerCopy": float(in_flight * self.metrics.weight),
                "ModelLatency": short(answered.seconds * 1e6),
                "OverheadLatency": short(overhead * 1e6),
                **errors(answered.status),
            },
        )
        return answered

    def each_minute(self, component: Component) -> None:
        """Publishes what the copies of a component used, and that they rest if they do."""
        copies = list(component.copies)
        if not copies:
            return
        dimensions = {"InferenceComponentName": component.name}
        since = time.time() - 60
        for name in ("InvocationsPerCopy", "ConcurrentRequestsPerCopy"):
            if cloudwatch.silent(INVOCATIONS, name, dimensions, since):
                cloudwatch.put_values(INVOCATIONS, name, dimensions, {0.0: 1}, "None", at=since)
        if not self._allowed(component):
            return
        figures = [self._figures(copy) for copy in copies]
        for name in figures[0]:
            value = mean(figure[name] for figure in figures)
            host.put_metric(NAMESPACE, name, dimensions, value, "Percent")

    def _figures(self, copy: Copy) -> dict[str, float]:
        """Returns the shares of what a copy has reserved that it used."""
        used = [container.usage() for container in copy.containers]
        cpu, now = sum(usage.cpu for usage in used), time.monotonic()
        cpu_before, before = self._before.get(copy.id, (cpu, now))
        self._before[copy.id] = cpu, now
        reserved = copy.needs.get("NumberOfCpuCoresRequired", 1)
        share = 100 * (cpu - cpu_before) / max(now - before, 0.01)
        memory = copy.needs["MinMemoryRequiredInMb"] * MB
        return {
            "CPUUtilization": share,
            "CPUUtilizationNormalized": share / reserved,
            "MemoryUtilization": 100 * sum(usage.memory for usage in used) / memory,
            "MemoryUtilizationNormalized": 100 * sum(usage.memory for usage in used) / memory,
        }

    def _allowed(self, component: Component) -> bool:
        role = component.variant.model["ExecutionRoleArn"]
        try:
            session = host.role_credentials(role, service=PRINCIPAL, source_arn=component.arn)
        except NotAssumableError:
            return False
        context = {"cloudwatch:namespace": NAMESPACE}
        key = session["aws_access_key_id"]
        return host.denial(key, "cloudwatch:PutMetricData", "*", context) is None
