"""InvokeEndpointAsync: requests that wait for an instance, answers in S3, notices by SNS.

Sources: https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from rehearsal.emulator import clock, host, inventory
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.admission import authorize, check_headers, header_members
from rehearsal.emulator.sagemaker.backlog import Backlog, Waiting
from rehearsal.emulator.sagemaker.fleets import Fleet, Instance, Variant
from rehearsal.emulator.sagemaker.invocation import Invocation
from rehearsal.emulator.sagemaker.metrics import InvocationMetrics
from rehearsal.emulator.sagemaker.records import Record
from rehearsal.emulator.sagemaker.runtime import Runtime

PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/async-invocations")
PREFIX = "x-amzn-sagemaker-"
ACCEPTED = 202
LARGEST_BODY = 128_000
AT_A_TIME = 4
"""Requests that an instance works on where the configuration leaves it to SageMaker."""

TTL, TIMEOUT = (60, 21_600), (1, 3_600)
"""Least and greatest, in seconds; without a wish it is the greatest TTL and 900 s."""

DEFAULT_TIMEOUT = 900
LOOK_SECONDS = 0.05
"""Real seconds between two looks at a queue while no instance works."""


class Asynchronous:
    """The queues of asynchronous endpoints.

    Args:
        runtime: The data plane, which gets the operation.
        metrics: Counts invocations.
    """

    def __init__(self, runtime: Runtime, metrics: InvocationMetrics) -> None:
        self.runtime = runtime
        self.metrics = metrics
        self.backlogs: dict[str, Backlog] = {}
        self._members = header_members("InvokeEndpointAsync")
        runtime.operations[PATH] = self.invoke

    def register(self) -> None:
        """Counts in what waits."""
        inventory.watch("sagemaker.async-request", self._requests)

    async def invoke(self, name: str, headers: Mapping[str, str], body: bytes) -> host.Answer:
        """Answers InvokeEndpointAsync: the request is in the queue.

        Raises:
            ServiceError: The request is not allowed or not valid.
        """
        authorize("InvokeEndpointAsync", name, headers)
        check_headers(headers, self._members)
        endpoint, fleet = self.runtime.serving(name)
        config = fleet.config.get("AsyncInferenceConfig")
        if config is None:
            raise ServiceError(
                "ValidationError",
                f"Endpoint {name} of account {host.ACCOUNT} is not asynchronous: call "
                "InvokeEndpoint.",
            )
        request = accepted(headers, body, config["OutputConfig"])
        backlog = self.backlogs.get(endpoint.arn)
        if backlog is None or backlog.endpoint is not endpoint:
            backlog = self.backlogs[endpoint.arn] = Backlog(endpoint)
        backlog.put(request)
        self._serve(backlog)
        told = {
            "Content-Type": "application/json",
            "X-Amzn-SageMaker-OutputLocation": request.output_location,
        }
        if request.failure_location:
            told["X-Amzn-SageMaker-FailureLocation"] = request.failure_location
        return ACCEPTED, told, json.dumps({"InferenceId": request.inference_id}).encode()

    def each_minute(self) -> None:
        """Publishes the metrics of the queues, the empty ones included."""
        for endpoint in list(self.runtime.endpoints.running.values()):
            if endpoint.fleet and "AsyncInferenceConfig" in endpoint.fleet.config:
                known = self.backlogs.get(endpoint.arn)
                mine = known is not None and known.endpoint is endpoint
                (known if known and mine else Backlog(endpoint)).measure()

    def _requests(self) -> dict[str, Waiting]:
        return {
            f"{backlog.endpoint.name}/{request.inference_id}": request
            for backlog in list(self.backlogs.values())
            for request in backlog.all()
        }

    def _serve(self, backlog: Backlog) -> None:
        """Lets a thread hand requests out for as long as there are any."""
        with backlog.changed:
            if backlog.served:
                return
            backlog.served = True
        loop = asyncio.get_running_loop()
        name = f"queue of {backlog.endpoint.name}"
        host.in_background(lambda: self._hand_out(backlog, loop), name)

    def _hand_out(self, backlog: Backlog, loop: asyncio.AbstractEventLoop) -> None:
        endpoint = backlog.endpoint
        with clock.keeping_pace() as pause:
            while True:
                if self.runtime.endpoints.running.get(endpoint.name.lower()) is not endpoint:
                    backlog.drop()
                for request in backlog.expired():
                    job = Invocation(self.runtime, self.metrics, backlog, request, loop)
                    host.in_background(job.expire, request.inference_id)
                while (pair := _next(backlog)) is not None:
                    request, fleet, variant, instance = pair
                    job = Invocation(self.runtime, self.metrics, backlog, request, loop)
                    host.in_background(
                        partial(job.run, fleet, variant, instance), request.inference_id
                    )
                # While an instance works no minute is skipped: a second is not an hour.
                if backlog.working:
                    backlog.wait()
                else:
                    with backlog.changed:
                        if not backlog.all():
                            backlog.served = False
                            return
                    pause(LOOK_SECONDS)


def _next(backlog: Backlog) -> tuple[Waiting, Fleet, Variant, Instance] | None:
    """Takes the oldest request out for an instance with room, None if there is neither."""
    fleet = backlog.endpoint.next_fleet()
    config = fleet.config.get("AsyncInferenceConfig", {}) if fleet else {}
    room = config.get("ClientConfig", {}).get("MaxConcurrentInvocationsPerInstance", AT_A_TIME)
    free = [
        (variant, instance)
        for variant in (fleet.variants.values() if fleet else ())
        for instance in list(variant.instances)
        if instance.in_flight < room
    ]
    if fleet is None or not free:
        return None
    variant, instance = min(free, key=lambda pair: pair[1].in_flight)
    request = backlog.take(instance)
    return None if request is None else (request, fleet, variant, instance)


def accepted(headers: Mapping[str, str], body: bytes, output: Record) -> Waiting:
    """Returns a request as it goes into the queue.

    Raises:
        ServiceError: It is not valid.
    """
    location = headers.get(f"{PREFIX}inputlocation", "")
    if bool(body) == bool(location):
        raise ServiceError(
            "ValidationError", "Exactly one of Body and InputLocation must be specified."
        )
    if len(body) > LARGEST_BODY:
        raise ServiceError("ValidationError", f"Body must be {LARGEST_BODY} bytes or less.")
    for name in ("s3outputpathextension", "filename"):
        if f"{PREFIX}{name}" in headers:
            raise ServiceError(
                "ValidationError", f"The rehearsal does not serve requests with {PREFIX}{name}."
            )
    if location.startswith("https:") or "S3OutputPath" not in output:
        raise ServiceError(
            "ValidationError",
            "The rehearsal reads and writes at locations that begin with s3://, and needs an "
            "S3OutputPath.",
        )
    own = str(uuid.uuid4())
    failures = output.get("S3FailurePath", "").rstrip("/")
    return Waiting(
        inference_id=headers.get(f"{PREFIX}inference-id") or own,
        headers=headers,
        input_location=location,
        body=body,
        output_location=f"{output['S3OutputPath'].rstrip('/')}/{own}.out",
        failure_location=f"{failures}/{own}-error.out" if failures else "",
        received=clock.now(),
        lives=timedelta(seconds=_seconds(headers, "requestttlseconds", *TTL, TTL[1])),
        seconds=_seconds(headers, "invocationtimeoutseconds", *TIMEOUT, DEFAULT_TIMEOUT),
    )


def _seconds(headers: Mapping[str, str], name: str, least: int, most: int, default: int) -> int:
    text = headers.get(f"{PREFIX}{name}")
    if text is None:
        return default
    if not text.isdecimal() or not least <= int(text) <= most:
        raise ServiceError(
            "ValidationError",
            f"1 validation error detected: Value '{text}' at '{name}' failed to satisfy "
            f"constraint: Member must have value from {least} to {most}",
        )
    return int(text)
