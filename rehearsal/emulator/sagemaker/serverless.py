"""Serverless variants: an environment for each request in flight, started when there is none.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints.html
https://docs.aws.amazon.com/sagemaker/latest/dg/serverless-endpoints-monitoring.html
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta

from rehearsal.emulator import clock
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.calls import Calls
from rehearsal.emulator.sagemaker.containers import ContainerError
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.fleets import Fleet, Instance, Variant
from rehearsal.emulator.sagemaker.metrics import InvocationMetrics, errors, short
from rehearsal.emulator.sagemaker.refusals import throttled
from rehearsal.emulator.sagemaker.runtime import Answered, Asked, ask

log = logging.getLogger(__name__)

LARGEST_BODY = 4 * 2**20
IDLE = timedelta(minutes=5)
"""After which an environment beyond the provisioned ones goes; AWS does not say when its do."""


class Serverless:
    """Answers requests to serverless variants.

    Args:
        calls: Connections to containers.
        metrics: Counts invocations.
    """

    def __init__(self, calls: Calls, metrics: InvocationMetrics) -> None:
        self.calls = calls
        self.metrics = metrics

    async def answer(
        self, endpoint: Endpoint, fleet: Fleet, variant: Variant, asked: Asked
    ) -> Answered:
        """Lets a warm environment answer, or a new one.

        Raises:
            ServiceError: The request is too large, there are too many, or no environment starts.
        """
        if len(asked.body) > LARGEST_BODY:
            raise ServiceError("413", f"HTTP content length exceeded {LARGEST_BODY} bytes.", 413)
        if variant.busy >= variant.concurrency["MaxConcurrency"]:
            raise throttled()
        variant.busy += 1
        counted = _concurrency(variant)
        setup = 0.0
        try:
            environment = _take_warm(variant)
            if environment is None:
                began = time.perf_counter()
                environment = await asyncio.to_thread(self._start, endpoint, variant)
                setup = time.perf_counter() - began
                counted["ModelSetupTime"] = short(setup * 1e6)
            try:
                answered = await ask(self.calls, environment, asked)
            finally:
                _give_back(environment)
        finally:
            variant.busy -= 1
        overhead = time.perf_counter() - asked.began - answered.seconds
        self.metrics.count(
            (endpoint.name, variant.name, fleet.name),
            {
                "Invocations": 1.0,
                "ModelLatency": short(answered.seconds * 1e6),
                "OverheadLatency": short(overhead * 1e6),
                **errors(answered.status),
                **counted,
            },
        )
        return answered

    def rest(self, endpoint: Endpoint) -> None:
        """Stops the environments that have been idle for some minutes and are not provisioned."""
        for variant in endpoint.variants:
            for environment in _idle(variant) if variant.serverless else ():
                environment.stop()

    def _start(self, endpoint: Endpoint, variant: Variant) -> Instance:
        """Starts an environment for a request that finds none: a cold start."""
        try:
            environment = Instance.launch(variant.model, endpoint.arn)
            try:
                environment.wait_until_healthy()
            except ContainerError:
                environment.stop()
                raise
        except ContainerError as error:
            log.warning("%s: a cold start failed: %s", endpoint.arn, error)
            raise ServiceError(
                "ModelNotReadyException", f"The model of {variant.name} is not ready: {error}", 429
            ) from None
        environment.in_flight = 1
        with variant.changing:
            variant.instances.append(environment)
        return environment


def _concurrency(variant: Variant) -> dict[str, float]:
    """Returns the metrics of the concurrency that a request meets, itself included."""
    most = variant.concurrency["MaxConcurrency"]
    counted = {"ServerlessConcurrentExecutionsUtilization": variant.busy / most}
    provisioned = variant.concurrency.get("ProvisionedConcurrency", 0)
    if provisioned:
        prefix = "ServerlessProvisionedConcurrency"
        spilled = variant.busy > provisioned
        used = min(variant.busy, provisioned)
        counted[f"{prefix}Executions"] = float(used)
        counted[f"{prefix}Utilization"] = used / provisioned
        counted[f"{prefix}Invocations"] = float(not spilled)
        counted[f"{prefix}SpilloverInvocations"] = float(spilled)
    return counted


def _take_warm(variant: Variant) -> Instance | None:
    """Returns an idle environment for a request, None if all are busy."""
    with variant.changing:
        for environment in variant.instances:
            if not environment.in_flight:
                environment.in_flight = 1
                return environment
    return None


def _give_back(environment: Instance) -> None:
    environment.idle_since = clock.now()
    environment.in_flight = 0


def _idle(variant: Variant) -> list[Instance]:
    """Takes the environments away that are idle for too long, the youngest first."""
    now = clock.now()
    kept = variant.concurrency.get("ProvisionedConcurrency", 0)
    gone = []
    with variant.changing:
        for environment in reversed(list(variant.instances)):
            idle = not environment.in_flight and now - environment.idle_since >= IDLE
            if idle and len(variant.instances) > kept:
                variant.instances.remove(environment)
                gone.append(environment)
    return gone
