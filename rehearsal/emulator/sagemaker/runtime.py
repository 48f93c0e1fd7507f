"""InvokeEndpoint: which variant, which instance, what it answered, and the metrics of it."""

from __future__ import annotations

import json
import random
import re
import time
from typing import Any
from urllib.parse import unquote

import aiohttp

from rehearsal.emulator import host
from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.endpoints import Endpoint, Endpoints, Variant
from rehearsal.emulator.sagemaker.records import arn

PATH = re.compile(r"/endpoints/(?P<name>[^/]+)/invocations")
SECONDS = 60
NAMESPACE = "AWS/SageMaker"
OK, CLIENT_ERROR, SERVER_ERROR = 200, 400, 500


class Runtime:
    """The data plane of endpoints.

    Args:
        endpoints: The endpoints that run.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._connections: aiohttp.ClientSession | None = None

    async def invoke(self, path: str, headers: dict[str, str], body: bytes) -> host.Answer:
        """Answers InvokeEndpoint.

        Raises:
            ServiceError: The request is not allowed, not valid, or the model failed.
        """
        match = PATH.fullmatch(path)
        if match is None:
            raise ServiceError("UnknownOperationException", f"The rehearsal does not know {path}.")
        name = unquote(match["name"])
        denied = host.denial(
            host.access_key(headers), "sagemaker:InvokeEndpoint", arn("endpoint", name)
        )
        if denied:
            raise ServiceError("AccessDeniedException", denied, 403)
        endpoint = self._serving(name)
        variant = self._variant(endpoint, headers.get("x-amzn-sagemaker-target-variant"))
        return await self._answer(endpoint, variant, headers, body)

    def _serving(self, name: str) -> Endpoint:
        endpoint = self.endpoints.running.get(name)
        if endpoint is None:
            raise ServiceError(
                "ValidationError", f"Endpoint {name} of account {host.ACCOUNT} not found."
            )
        if not endpoint.variants or endpoint.record["EndpointStatus"] == "Deleting":
            raise ServiceError(
                "ValidationError",
                f"Endpoint {name} of account {host.ACCOUNT} is in status "
                f"{endpoint.record['EndpointStatus']}: it does not serve.",
            )
        return endpoint

    def _variant(self, endpoint: Endpoint, target: str | None) -> Variant:
        if target is not None:
            try:
                return endpoint.variants[target]
            except KeyError:
                raise ServiceError(
                    "ValidationError", f"Variant {target} not found for the request."
                ) from None
        variants = list(endpoint.variants.values())
        (chosen,) = random.choices(variants, [v.weight for v in variants])  # noqa: S311
        return chosen

    async def _answer(
        self, endpoint: Endpoint, variant: Variant, headers: dict[str, str], body: bytes
    ) -> host.Answer:
        instance = variant.next_instance()
        if instance is None:
            raise ServiceError("ServiceUnavailable", f"{variant.name} has no instance.", 503)
        started = time.perf_counter()
        content, content_type, status = body, headers.get("content-type", ""), OK
        for container in instance.containers:
            status, content, content_type = await self._forward(
                container.port, content, content_type, headers
            )
            if status != OK:
                break
        self._measure(endpoint, variant, status, time.perf_counter() - started)
        if status != OK:
            raise model_error(status, content, endpoint)
        return (
            OK,
            {"Content-Type": content_type, "x-Amzn-Invoked-Production-Variant": variant.name},
            content,
        )

    async def _forward(
        self, port: int, body: bytes, content_type: str, headers: dict[str, str]
    ) -> tuple[int, bytes, str]:
        if self._connections is None:
            self._connections = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=SECONDS), auto_decompress=False
            )
        passed = {"Content-Type": content_type or "application/octet-stream"}
        for name in ("accept", "x-amzn-sagemaker-custom-attributes"):
            if name in headers:
                passed[name] = headers[name]
        try:
            async with self._connections.post(
                f"http://127.0.0.1:{port}/invocations", data=body, headers=passed
            ) as answer:
                return answer.status, await answer.read(), answer.content_type
        except (TimeoutError, aiohttp.ClientError) as error:
            return SERVER_ERROR, str(error).encode(), "text/plain"

    def _measure(self, endpoint: Endpoint, variant: Variant, status: int, seconds: float) -> None:
        dimensions = {"EndpointName": endpoint.record["EndpointName"], "VariantName": variant.name}

        def put(name: str, value: float, unit: str = "None") -> None:
            host.put_metric(NAMESPACE, name, dimensions, value, unit)

        put("Invocations", 1)
        put("InvocationsPerInstance", 1 / max(1, len(variant.instances)))
        put("ModelLatency", seconds * 1e6, "Microseconds")
        put("Invocation4XXErrors", float(CLIENT_ERROR <= status < SERVER_ERROR))
        put("Invocation5XXErrors", float(status >= SERVER_ERROR))


def model_error(status: int, content: bytes, endpoint: Endpoint) -> ServiceError:
    """Returns what SageMaker says when the container does not answer with 200."""
    name = endpoint.record["EndpointName"]
    text = content.decode(errors="replace")
    return ServiceError(
        "ModelError",
        f"Received {'client' if status < SERVER_ERROR else 'server'} error ({status}) from primary "
        f'with message "{text}". See https://{host.REGION}.console.aws.amazon.com/cloudwatch/home'
        f"?region={host.REGION}#logEventViewer:group=/aws/sagemaker/Endpoints/{name} in account "
        f"{host.ACCOUNT} for more information.",
        424,
    )


def rest_error(error: ServiceError) -> host.Answer:
    """Returns an error as the REST protocol of the runtime has it."""
    headers: dict[str, Any] = {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
    return error.status, headers, json.dumps({"Message": str(error)}).encode()
