"""AWS as moto emulates it, over HTTP on loopback, with the faults that a real account shows."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs
from urllib.request import Request, urlopen

import boto3
import botocore.session
from botocore.model import OperationModel, ServiceModel
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

ACCOUNT = "123456789012"
REGION = "us-east-1"

StartResponse = Callable[..., Any]
Environ = dict[str, Any]


@dataclass
class Fault:
    """What a call meets instead of an answer.

    Attributes:
        call: The call, such as "sagemaker:ListEndpoints";
            "sagemaker:*" means every call of a service.
        code: Error code in the answer, such as "ThrottlingException"; None answers late instead.
        status: HTTP status of the error.
        seconds: How late the answer comes.
        times: How many calls meet it; None means all.
    """

    call: str
    code: str | None = None
    status: int = 400
    seconds: float = 0.0
    times: int | None = None

    def meets(self, call: str) -> bool:
        """Returns whether the call meets this fault, and counts it."""
        if self.call not in (call, call.split(":", maxsplit=1)[0] + ":*"):
            return False
        if self.times is None:
            return True
        self.times -= 1
        return self.times >= 0


class EmulatedAws:
    """A running emulator.

    Attributes:
        url: Its endpoint for every service.
        faults: What goes wrong; a test appends to it.
        calls: Calls received, such as "sts:GetCallerIdentity", in their order.
        answers: Call -> what answers it instead of moto, which does not know it: a function from
            its input to its output. For services that speak JSON.
    """

    def __init__(self) -> None:
        self.faults: list[Fault] = []
        self.calls: list[str] = []
        self.answers: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {}
        self._clients: dict[tuple[str, str], Any] = {}
        self._emulator = DomainDispatcherApplication(create_backend_app)
        self._server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What boto3 and a command find the emulator by."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str, region: str = REGION) -> Any:
        """Returns a boto3 client of the emulator, with which a test prepares what is there."""
        if (service, region) not in self._clients:
            self._clients[service, region] = boto3.client(
                service,
                endpoint_url=self.url,
                region_name=region,
                aws_access_key_id="testing",
                aws_secret_access_key="testing",  # noqa: S106
            )
        return self._clients[service, region]

    def fail(self, call: str, code: str, *, status: int = 400, times: int | None = None) -> None:
        """Lets a call end with an error."""
        self.faults.append(Fault(call, code, status, times=times))

    def delay(self, call: str, seconds: float, *, times: int | None = None) -> None:
        """Lets a call wait for its answer."""
        self.faults.append(Fault(call, seconds=seconds, times=times))

    def reset(self) -> None:
        """Forgets resources, faults and calls."""
        with urlopen(Request(f"{self.url}/moto-api/reset", method="POST")):  # noqa: S310
            self.faults.clear()
            self.answers.clear()
            self.calls.clear()

    def _answer(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        operation = called(environ)
        if operation:
            call = f"{operation.service_model.service_name}:{operation.name}"
            self.calls.append(call)
            for fault in self.faults:
                if fault.meets(call):
                    time.sleep(fault.seconds)
                    if fault.code:
                        return refusal(operation, fault, start_response)
            if call in self.answers:
                return self._instead(call, environ, start_response)
        return self._emulator(environ, start_response)

    def _instead(self, call: str, environ: Environ, start_response: StartResponse) -> list[bytes]:
        asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])) or "{}")
        try:
            status, answer = "200 OK", self.answers[call](asked)
        except LookupError as missing:
            message = f"Could not find {missing.args[0]}"
            status, answer = "400 refused", {"__type": "ValidationException", "message": message}
        body = json.dumps(answer).encode()
        start_response(status, [("Content-Length", str(len(body)))])
        return [body]

    @contextmanager
    def running(self) -> Iterator[EmulatedAws]:
        """Answers requests until the block ends."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def called(environ: Environ) -> OperationModel | None:
    """Returns the operation that a signed request calls, None if it is not signed."""
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    if not scope:
        return None
    service = service_model(scope[1])
    target = environ.get("HTTP_X_AMZ_TARGET")
    if target:
        return service.operation_model(target.rpartition(".")[2])
    if "/operation/" in environ["PATH_INFO"]:  # Smithy RPC names it in the path
        return service.operation_model(environ["PATH_INFO"].rpartition("/")[2])
    if service.protocol in ("query", "ec2"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        return service.operation_model(parse_qs(body.decode())["Action"][0])
    return routed(service, environ)


def routed(service: ServiceModel, environ: Environ) -> OperationModel:
    """Returns the operation of a REST service that a method, path and query stand for."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    # As it was sent: a slash within an ARN is none of the path's.
    asked = environ["REQUEST_URI"].partition("?")[0]

    def fits(operation: OperationModel) -> bool:
        path, _, required = operation.http["requestUri"].partition("?")
        pattern = re.sub(r"\\{[^}]*\\+\\}", ".+", re.escape(path))
        pattern = re.sub(r"\\{[^}]*\\}", "[^/]+", pattern)
        return (
            operation.http["method"] == environ["REQUEST_METHOD"]
            and re.fullmatch(pattern.rstrip("/") + "/?", asked) is not None
            and parse_qs(required, keep_blank_values=True).keys() <= query.keys()
        )

    operations = map(service.operation_model, service.operation_names)
    return max(
        filter(fits, operations), key=lambda operation: operation.http["requestUri"].count("?")
    )


SIGNED_AS = {
    "elasticfilesystem": "efs",
    "elasticloadbalancing": "elbv2",
    "monitoring": "cloudwatch",
    "servicequotas": "service-quotas",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
"""Services that sign by another name than boto3's."""


@cache
def service_model(signing_name: str) -> ServiceModel:
    """Returns the service whose requests are signed by this name."""
    name = SIGNED_AS.get(signing_name, signing_name)
    return botocore.session.get_session().get_service_model(name)


XML_ERRORS = {
    "query": "<ErrorResponse><Error>{}</Error></ErrorResponse>",
    "ec2": "<Response><Errors><Error>{}</Error></Errors></Response>",
    "rest-xml": "<Error>{}</Error>",
}


def refusal(
    operation: OperationModel, fault: Fault, start_response: StartResponse
) -> Iterable[bytes]:
    """Answers with an error in the manner of the operation's service."""
    message = f"{operation.name} was refused by the test."
    form = XML_ERRORS.get(operation.service_model.resolved_protocol)
    if form:
        body = form.format(f"<Code>{fault.code}</Code><Message>{message}</Message>")
    else:
        body = json.dumps({"__type": fault.code, "message": message})
    start_response(f"{fault.status} refused", [("Content-Length", str(len(body)))])
    return [body.encode()]
