"""InvokeEndpoint: which variant, which instance, what it answered, and what is told of it.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from rehearsal.emulator import host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.admission import authorize, check_headers, header_members
from rehearsal.emulator.sagemaker.calls import Calls, NoAnswerError
from rehearsal.emulator.sagemaker.capture import Capture
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.endpoints import Endpoints
from rehearsal.emulator.sagemaker.fleets import Fleet, Instance, Variant
from rehearsal.emulator.sagemaker.metrics import InvocationMetrics, errors, short
from rehearsal.emulator.sagemaker.multimodel import HEADER as TARGET_MODEL
from rehearsal.emulator.sagemaker.packing import hostname, require_target, route
from rehearsal.emulator.sagemaker.refusals import model_error, rest_error

PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/invocations")
SECONDS = 60.0
"""That a model may take."""

LARGEST_BODY = 6_291_456
OK, REDIRECTION = 200, 300
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"

Operation = Callable[[str, Mapping[str, str], bytes], Awaitable[host.Answer]]
"""(endpoint, headers with names in lower case, body)."""


@dataclass(frozen=True)
class Asked:
    """A request to an endpoint.

    Attributes:
        headers: Names in lower case.
        body: What the model gets.
        began: When it came, on the performance counter.
    """

    headers: Mapping[str, str]
    body: bytes
    began: float


@dataclass(frozen=True)
class Answered:
    """What a model answered.

    Attributes:
        status: Of HTTP; 0 if there was none.
        content_type: As the container says.
        content: The body.
        attributes: Custom attributes that the container set.
        seconds: How long it took.
        measured: Values of metrics of loading the model.
        containers: How long each of several containers took.
    """

    status: int
    content_type: str
    content: bytes
    attributes: str
    seconds: float
    measured: Mapping[str, float] = field(default_factory=dict)
    containers: Mapping[str, float] = field(default_factory=dict)


class Runtime:
    """The data plane of endpoints.

    Args:
        endpoints: The endpoints that run.
        metrics: Counts invocations.
        capture: Keeps what is captured.

    Attributes:
        operations: Path of an operation -> what answers it.
        serverless: Lets a serverless variant answer.
        component: Lets an inference component answer.
    """

    serverless: Callable[[Endpoint, Fleet, Variant, Asked], Awaitable[Answered]]
    component: Callable[[Endpoint, Fleet, Variant, Asked], Awaitable[Answered]]

    def __init__(self, endpoints: Endpoints, metrics: InvocationMetrics, capture: Capture) -> None:
        self.endpoints = endpoints
        self.metrics = metrics
        self.capture = capture
        self.calls = Calls()
        self._copies: set[asyncio.Task[None]] = set()
        self._headers = header_members("InvokeEndpoint")
        self.operations: dict[re.Pattern[str], Operation] = {PATH: self.invoke}

    async def handle(self, path: str, headers: Mapping[str, str], body: bytes) -> host.Answer:
        """Answers a request of the data plane, errors as the REST protocol has them."""
        try:
            for pattern, operation in self.operations.items():
                if match := pattern.fullmatch(path):
                    return await operation(unquote(match["name"]), headers, body)
            raise ServiceError("UnknownOperationException", f"The rehearsal does not know {path}.")
        except ServiceError as error:
            return rest_error(error)

    async def invoke(self, name: str, headers: Mapping[str, str], body: bytes) -> host.Answer:
        """Answers InvokeEndpoint.

        Raises:
            ServiceError: The request is not allowed, not valid, or the model failed.
        """
        asked = Asked(headers, body, time.perf_counter())
        authorize("InvokeEndpoint", name, headers)
        if len(body) > LARGEST_BODY:
            raise ServiceError("413", f"HTTP content length exceeded {LARGEST_BODY} bytes.", 413)
        check_headers(headers, self._headers)
        endpoint, fleet = self.serving(name)
        if "AsyncInferenceConfig" in fleet.config:
            raise ServiceError(
                "ValidationError",
                f"Endpoint {name} of account {host.ACCOUNT} is asynchronous: call "
                "InvokeEndpointAsync.",
            )
        variant = choose(fleet, headers.get("x-amzn-sagemaker-target-variant"))
        require_target(endpoint.name, variant, headers)
        self._copy(endpoint, fleet, variant, asked)
        answered = await self._answer(endpoint, fleet, variant, asked)
        if not OK <= answered.status < REDIRECTION:
            raise model_error(answered.status, answered.content, endpoint.name)
        told = {
            "Content-Type": answered.content_type,
            "x-Amzn-Invoked-Production-Variant": variant.name,
        }
        if answered.attributes:
            told["X-Amzn-SageMaker-Custom-Attributes"] = answered.attributes
        return OK, told, answered.content

    def serving(self, name: str) -> tuple[Endpoint, Fleet]:
        """Returns an endpoint with the fleet that gets the next request.

        Raises:
            ServiceError: It is not there, or nothing of it serves yet.
        """
        endpoint = self.endpoints.running.get(name.lower())
        fleet = endpoint.next_fleet() if endpoint else None
        if endpoint is None or fleet is None or endpoint.record["EndpointStatus"] == "Deleting":
            raise ServiceError(
                "ValidationError", f"Endpoint {name} of account {host.ACCOUNT} not found."
            )
        return endpoint, fleet

    async def _answer(
        self, endpoint: Endpoint, fleet: Fleet, variant: Variant, asked: Asked
    ) -> Answered:
        """Lets an instance of a variant answer, counts it and captures it."""
        if variant.serverless:
            return await self.serverless(endpoint, fleet, variant, asked)
        if variant.packs:
            return await self.component(endpoint, fleet, variant, asked)
        instance = variant.next_instance()
        if instance is None:
            raise ServiceError("ServiceUnavailable", f"{variant.name} has no instance.", 503)
        at = time.time()
        instance.in_flight += 1
        in_flight = instance.in_flight
        try:
            answered = await ask(self.calls, instance, asked)
        finally:
            instance.in_flight -= 1
        self.metrics.add(
            (endpoint.name, variant.name, fleet.name),
            status=answered.status,
            instances=len(variant.instances),
            in_flight=in_flight,
            model_seconds=answered.seconds,
            overhead_seconds=time.perf_counter() - asked.began - answered.seconds,
        )
        if answered.measured:
            self.metrics.count((endpoint.name, variant.name, fleet.name), answered.measured)
        dimensions = {"EndpointName": endpoint.name, "VariantName": variant.name}
        for name, seconds in answered.containers.items():
            self.metrics.count_for(
                {**dimensions, "ContainerName": name},
                {
                    "Invocations": 1.0,
                    "ContainerLatency": short(seconds * 1e6),
                    **errors(answered.status),
                },
            )
        if OK <= answered.status < REDIRECTION and self.capture.wanted(fleet):
            self.capture.keep(
                endpoint,
                fleet,
                variant,
                (
                    at,
                    asked.headers.get("x-amzn-sagemaker-inference-id", ""),
                    asked.headers.get("content-type", ""),
                    asked.body,
                    answered.content_type,
                    answered.content,
                ),
            )
        return answered

    def _copy(self, endpoint: Endpoint, fleet: Fleet, production: Variant, asked: Asked) -> None:
        """Sends the shadow variants their share of the requests; nobody waits for the answers."""
        for shadow in fleet.shadows.values():
            share = shadow.weight / production.weight if production.weight else 0.0
            if random.random() < share:  # noqa: S311
                task = asyncio.create_task(self._answer_copy(endpoint, fleet, shadow, asked))
                self._copies.add(task)
                task.add_done_callback(self._copies.discard)

    async def _answer_copy(
        self, endpoint: Endpoint, fleet: Fleet, shadow: Variant, asked: Asked
    ) -> None:
        try:
            await self._answer(endpoint, fleet, shadow, asked)
        except ServiceError:
            return  # it has no instance: nobody hears of it


async def ask(calls: Calls, instance: Instance, asked: Asked, seconds: float = SECONDS) -> Answered:
    """Sends a request through an instance's containers, each one's answer to the next."""
    headers, content = asked.headers, asked.body
    passed = {"content-type": headers.get("content-type", "application/octet-stream")}
    passed |= {name: headers[name] for name in ("accept", ATTRIBUTES) if name in headers}
    measured: dict[str, float] = {}
    containers: dict[str, float] = {}
    steps = await route(calls, instance, headers, measured)
    if instance.models is not None:
        passed[TARGET_MODEL] = headers[TARGET_MODEL]
    started = time.perf_counter()
    status, told = OK, dict(passed)
    for container, path in steps:
        began = time.perf_counter()
        left = seconds - (time.perf_counter() - started)
        passed["content-type"] = told.get("content-type", passed["content-type"])
        try:
            status, told, content = await calls.post(container.port, path, passed, content, left)
        except TimeoutError:
            status, told, content = 0, {}, TIMED_OUT
        except NoAnswerError:
            status, told, content = 0, {}, NO_ANSWER
        if name := hostname(container):
            containers[name] = time.perf_counter() - began
        if not OK <= status < REDIRECTION:
            break
    taken = time.perf_counter() - started
    if instance.models is not None:
        await instance.models.answered(calls, headers[TARGET_MODEL], measured)
    kind = told.get("content-type", "application/octet-stream")
    return Answered(status, kind, content, told.get(ATTRIBUTES, ""), taken, measured, containers)


TIMED_OUT = (
    b"Your invocation timed out while waiting for a response from container primary. Review the "
    b"latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
NO_ANSWER = b"Amazon SageMaker could not get a response from the container."


def choose(fleet: Fleet, target: str | None) -> Variant:
    """Returns the variant that a request names, or one by the weights.

    Raises:
        ServiceError: There is none of that name, or none has a weight.
    """
    variants = list(fleet.variants.values())
    if target is not None:
        found = fleet.variants.get(target)
        if found is None:
            raise ServiceError("ValidationError", f"Variant {target} not found for Request.")
        return found
    if len(variants) == 1:
        return variants[0]
    weights = [variant.weight for variant in variants]
    if not sum(weights):
        raise ServiceError("ValidationError", "No variant of the endpoint has a weight above 0.")
    return random.choices(variants, weights)[0]  # noqa: S311
