"""InvokeEndpoint: which variant, which instance, what it answered, and what is told of it.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
"""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import botocore.session

from rehearsal.emulator import host
from rehearsal.emulator.api import ServiceError, constraints
from rehearsal.emulator.sagemaker.calls import Calls, NoAnswerError
from rehearsal.emulator.sagemaker.capture import Capture
from rehearsal.emulator.sagemaker.endpoint import Endpoint
from rehearsal.emulator.sagemaker.endpoints import Endpoints
from rehearsal.emulator.sagemaker.fleets import Fleet, Instance, Variant
from rehearsal.emulator.sagemaker.metrics import InvocationMetrics
from rehearsal.emulator.sagemaker.records import arn
from rehearsal.emulator.sagemaker.refusals import model_error, rest_error

PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/invocations")
SECONDS = 60.0
"""That a model may take."""

LARGEST_BODY = 6_291_456
OK, REDIRECTION = 200, 300
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


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
    """

    status: int
    content_type: str
    content: bytes
    attributes: str
    seconds: float


class Runtime:
    """The data plane of endpoints.

    Args:
        endpoints: The endpoints that run.
        metrics: Counts invocations.
        capture: Keeps what is captured.
    """

    def __init__(self, endpoints: Endpoints, metrics: InvocationMetrics, capture: Capture) -> None:
        self.endpoints = endpoints
        self.metrics = metrics
        self.capture = capture
        self.calls = Calls()
        self._copies: set[asyncio.Task[None]] = set()
        self._headers = _headers()

    async def handle(self, path: str, headers: Mapping[str, str], body: bytes) -> host.Answer:
        """Answers a request of the data plane, errors as the REST protocol has them."""
        try:
            return await self.invoke(path, headers, body)
        except ServiceError as error:
            return rest_error(error)

    async def invoke(self, path: str, headers: Mapping[str, str], body: bytes) -> host.Answer:
        """Answers InvokeEndpoint.

        Raises:
            ServiceError: The request is not allowed, not valid, or the model failed.
        """
        asked = Asked(headers, body, time.perf_counter())
        match = PATH.fullmatch(path)
        if match is None:
            raise ServiceError("UnknownOperationException", f"The rehearsal does not know {path}.")
        name = unquote(match["name"])
        self._authorize(name, headers)
        self._validate(headers, body)
        endpoint, fleet = self._serving(name)
        variant = choose(fleet, headers.get("x-amzn-sagemaker-target-variant"))
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

    def _authorize(self, name: str, headers: Mapping[str, str]) -> None:
        key = host.access_key(headers)
        denied = host.denial(key, "sagemaker:InvokeEndpoint", arn("endpoint", name))
        if denied:
            raise ServiceError("AccessDeniedException", denied, 403)

    def _validate(self, headers: Mapping[str, str], body: bytes) -> None:
        if len(body) > LARGEST_BODY:
            raise ServiceError("413", f"HTTP content length exceeded {LARGEST_BODY} bytes.", 413)
        for header, (member, shape) in self._headers.items():
            if header in headers:
                broken = list(constraints(headers[header], shape, member))
                if broken:
                    raise ServiceError(
                        "ValidationError", f"1 validation error detected: {broken[0]}"
                    )
        for header in UNSUPPORTED:
            if header in headers:
                raise ServiceError(
                    "ValidationError", f"The rehearsal does not serve requests with {header}."
                )

    def _serving(self, name: str) -> tuple[Endpoint, Fleet]:
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


async def ask(calls: Calls, instance: Instance, asked: Asked) -> Answered:
    """Sends a request through an instance's containers, each one's answer to the next."""
    headers, content = asked.headers, asked.body
    passed = {"content-type": headers.get("content-type", "application/octet-stream")}
    passed |= {name: headers[name] for name in ("accept", ATTRIBUTES) if name in headers}
    started = time.perf_counter()
    status, told = OK, dict(passed)
    for container in instance.containers:
        left = SECONDS - (time.perf_counter() - started)
        passed["content-type"] = told.get("content-type", passed["content-type"])
        try:
            status, told, content = await calls.post(
                container.port, "/invocations", passed, content, left
            )
        except TimeoutError:
            status, told, content = 0, {}, TIMED_OUT
        except NoAnswerError:
            status, told, content = 0, {}, NO_ANSWER
        if not OK <= status < REDIRECTION:
            break
    seconds = time.perf_counter() - started
    kind = told.get("content-type", "application/octet-stream")
    return Answered(status, kind, content, told.get(ATTRIBUTES, ""), seconds)


UNSUPPORTED = (
    "x-amzn-sagemaker-enable-explanations",
    "x-amzn-sagemaker-inference-component",
    "x-amzn-sagemaker-session-id",
    "x-amzn-sagemaker-target-container-hostname",
    "x-amzn-sagemaker-target-model",
)
"""What needs an endpoint that this data plane does not host."""

TIMED_OUT = (
    b"Your invocation timed out while waiting for a response from container primary. Review the "
    b"latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
)
NO_ANSWER = b"Amazon SageMaker could not get a response from the container."


def _headers() -> dict[str, tuple[str, Any]]:
    """Returns the members of InvokeEndpoint that are sent as headers, with their shapes."""
    service = botocore.session.get_session().get_service_model("sagemaker-runtime")
    shape = service.operation_model("InvokeEndpoint").input_shape
    return {
        member.serialization["name"].lower(): (name, member)
        for name, member in shape.members.items()
        if member.serialization.get("location") == "header"
    }


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
