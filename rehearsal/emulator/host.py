"""The emulator that hosts ours: everything that is used of MiniStack, private names included.

MiniStack is pinned exactly; tests/rehearsal/test_host.py tells when one of these names changes.
Source: https://github.com/ministackorg/ministack
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any

# MiniStack reads them when it is imported.
os.environ["AUTH"] = "true"
os.environ["MINISTACK_ACCOUNT_ID"] = "123456789012"

from ministack import app as gateway
from ministack.core import iam_actions, iam_evaluator, responses, router, sigv4
from ministack.services import cloudwatch, iam, sts
from ministack.services.cloudformation import provisioners, stacks

ACCOUNT = os.environ["MINISTACK_ACCOUNT_ID"]
REGION = os.environ.get("MINISTACK_REGION", "us-east-1")
ENDPOINT = f"http://127.0.0.1:{os.environ.get('GATEWAY_PORT', '4566')}"

Answer = tuple[int, dict[str, str], bytes]
Handler = Callable[[str, str, dict[str, str], bytes, dict[str, Any]], Awaitable[Answer]]


def add_service(name: str, handler: Handler, *, targets: tuple[str, ...] = ()) -> None:
    """Routes a service's requests, told by their signature or X-Amz-Target, to a handler.

    The handler authorizes the requests itself (`denial`): MiniStack does not know their resources.
    """
    gateway.SERVICE_HANDLERS[name] = handler
    iam_actions.SERVICE_TO_IAM_NAMESPACE.pop(name, None)
    router.SERVICE_PATTERNS[name] = {"target_prefixes": list(targets), "credential_scope": name}


def replace_handler(name: str, handler: Handler) -> None:
    """Lets a handler answer for one of MiniStack's services, which still asks IAM first."""
    gateway.SERVICE_HANDLERS[name] = handler


@dataclass(frozen=True)
class ResourceType:
    """What CloudFormation does with resources of a type.

    Attributes:
        create: (logical ID, properties, stack) -> (physical ID, attributes for Fn::GetAtt).
        update: (physical ID, old, new, stack) -> (physical ID, attributes).
        delete: (physical ID, properties) -> None.
    """

    create: Callable[[str, dict[str, Any], str], tuple[str, dict[str, Any]]]
    update: Callable[[str, dict[str, Any], dict[str, Any], str], tuple[str, dict[str, Any]]]
    delete: Callable[[str, dict[str, Any]], None]


def add_type(name: str, behaviour: ResourceType) -> None:
    """Lets CloudFormation create resources of a type, on a thread that may wait."""
    provisioners._RESOURCE_HANDLERS[name] = {
        "create": behaviour.create,
        "update": behaviour.update,
        "delete": behaviour.delete,
    }
    _waiting.add(name)


def knows_type(name: str) -> bool:
    """Returns whether CloudFormation can create resources of a type."""
    return name in provisioners._RESOURCE_HANDLERS


_waiting: set[str] = set()
_runs_on_worker_thread = stacks._runs_on_worker_thread
stacks._runs_on_worker_thread = lambda name: name in _waiting or _runs_on_worker_thread(name)


def denial(
    access_key: str, action: str, resource: str, context: Mapping[str, Any] | None = None
) -> str | None:
    """Returns why IAM does not let a caller do something, None if it does."""
    denied = iam_evaluator.enforce(
        access_key, action, action.split(":", maxsplit=1)[0], REGION, resource, dict(context or {})
    )
    if denied is None:
        return None
    principal = getattr(denied, "principal_arn", None)
    if principal is None:
        return str(getattr(denied, "message", denied))
    return f"User: {principal} is not authorized to perform: {action} on resource: {resource}"


def access_key(headers: Mapping[str, str]) -> str:
    """Returns the access key that signed a request."""
    return str(router.extract_access_key_id(dict(headers), {}))


class NotAssumableError(Exception):
    """A role does not let the service assume it."""


def role_credentials(role_arn: str, *, service: str, source_arn: str) -> dict[str, str]:
    """Returns a session of a role that a service assumes on behalf of one of its resources.

    Args:
        role_arn: The role.
        service: The service's principal, such as "sagemaker.amazonaws.com".
        source_arn: The resource for which it acts: aws:SourceArn of the trust policy.

    Returns:
        Arguments for a boto3 client.

    Raises:
        NotAssumableError: There is no such role, or its trust policy does not allow it.
    """
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    if role is None:
        raise NotAssumableError(f"There is no role {role_arn}.")
    if not _trusts(role["AssumeRolePolicyDocument"], service, role_arn, source_arn):
        raise NotAssumableError(f"{role_arn} does not let {service} assume it for {source_arn}.")
    digest = hashlib.sha256(f"{role_arn} {source_arn}".encode()).hexdigest()
    session = {
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{digest[:16]}",
        "UserId": f"{name}:{digest[:16]}",
        "SecretAccessKey": digest,
        "SessionToken": digest[::-1],
    }
    key = f"ASIA{digest[:16].upper()}"
    sts.register_session(key, session)
    return {
        "aws_access_key_id": key,
        "aws_secret_access_key": digest,
        "aws_session_token": digest[::-1],
    }


def _trusts(policy: str | dict[str, Any], service: str, role_arn: str, source_arn: str) -> bool:
    document = json.loads(policy) if isinstance(policy, str) else policy
    return lets(document, service, "sts:AssumeRole", role_arn, source_arn)


def lets(
    policy: Mapping[str, Any], service: str, action: str, resource: str, source_arn: str
) -> bool:
    """Returns whether a resource's policy lets a service do something for one of its resources."""
    statements = policy["Statement"]
    # MiniStack takes its root for every service: only the service's own statements are asked.
    own = [
        statement
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if service in _texts(statement.get("Principal", {}).get("Service", []))
    ]
    root = f"arn:aws:iam::{ACCOUNT}:root"
    context = iam_evaluator.EvalContext(
        principal_arn=root,
        principal_type="Service",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=resource,
        region=REGION,
        service_context={"aws:sourceaccount": ACCOUNT, "aws:sourcearn": source_arn},
    )
    return bool(iam_evaluator.evaluate_trust_policy({"Statement": own}, root, context))


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def count_loopback_as_secure() -> None:
    """Lets plain HTTP on loopback pass for TLS in policies: aws:SecureTransport is true."""
    pin = gateway.pin_request_origin
    gateway.pin_request_origin = lambda address, _secure: pin(address, True)
    pin("127.0.0.1", True)  # for what is asked outside of any request, too


def admit(scope: Mapping[str, Any], body: bytes) -> dict[str, str]:
    """Takes a request on as MiniStack does before its dispatch, so that `denial` can judge it.

    Returns:
        The headers, names in lower case.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    responses.set_request_account_id(access_key(headers))
    responses.set_request_region(REGION)
    iam_evaluator.pin_request_origin("127.0.0.1", True)
    iam_evaluator.pin_signed_request(
        scope["method"], scope["raw_path"].decode("latin-1"), {}, scope["headers"]
    )
    iam_evaluator.pin_signed_body(body)
    return headers


def put_metric(
    namespace: str, name: str, dimensions: Mapping[str, str], value: float, unit: str
) -> None:
    """Records one value of a metric, as a service does of its own."""
    cloudwatch._store_datum(
        namespace, name, dict(dimensions), time.time(), unit, value, None, None, None
    )


def in_background(action: Callable[[], None], name: str) -> None:
    """Runs something on a thread of its own, within the account and Region of the rehearsal."""

    def run() -> None:
        responses.set_request_account_id(ACCOUNT)
        responses.set_request_region(REGION)
        # What services ask of each other they ask by TLS.
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        action()

    threading.Thread(target=run, name=name, daemon=True).start()


def name_log_streams() -> None:
    """Lets IAM judge calls about a log group by the ARN of its streams, as AWS does.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/
    iam-access-control-overview-cwl.html
    """
    named = iam_actions.extract_resource_arn

    def with_stream(service: str, *request: Any) -> str:
        arn = str(named(service, *request))
        return f"{arn}:log-stream:" if service == "logs" and ":log-group:" in arn else arn

    iam_actions.extract_resource_arn = with_stream


def accept_signatures_of(clocks: Sequence[Callable[[], datetime]]) -> None:
    """Lets a signature pass that is in time by one of several clocks: clients do not skip time."""
    too_late = sigv4.request_time_failure

    def by_all(signature: Any) -> tuple[str, str] | None:
        failures = [too_late(signature, now=clock()) for clock in clocks]
        return None if None in failures else failures[0]

    sigv4.request_time_failure = by_all


@dataclass(frozen=True)
class Call:
    """A request to a service.

    Attributes:
        service: As MiniStack calls it.
        action: As IAM calls it, such as "s3:GetObject".
        caller: ARN of the caller.
        headers: Of the request, lower case.
    """

    service: str
    action: str
    caller: str
    headers: dict[str, str]


def intercept(first: Callable[[Call], Awaitable[Answer | None]]) -> None:
    """Asks somebody before a service answers; an answer of theirs stands for the service's."""
    dispatch = gateway._dispatch_service_request

    async def dispatched(*request: Any) -> Answer:
        method, path, headers, body, query, _ = request
        parameters = gateway._routing_params(method, path, headers, body, query)
        service = router.detect_service(method, path, headers, parameters)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, parameters)
        if action is None:
            action = f"{service}:{headers.get('x-amz-target', path).rpartition('.')[2]}"
        caller = iam_evaluator.request_caller_arn(headers, query)
        answer = await first(Call(service, action, caller, headers))
        if answer is not None:
            return answer
        return await dispatch(*request)  # type: ignore[no-any-return]

    gateway._dispatch_service_request = dispatched


def failure(call: Call, code: str, message: str, status: int) -> Answer:
    """Returns an error in the protocol of the service that was called."""
    _, headers, body = iam_actions.access_denied_response(
        call.service,
        call.action,
        call.caller,
        "rehearsal",
        error_code=code,
        message=message,
        headers=call.headers,
    )
    return status, headers, body


def date_answers_by(clock: Callable[[], datetime]) -> None:
    """Dates answers by a clock: an SDK to whose own it does not fit repeats what was refused."""
    gateway.formatdate = lambda usegmt: format_datetime(clock(), usegmt=usegmt)


def states() -> list[tuple[str, dict[str, Any]]]:
    """Returns every service that was used with its collections of resources."""
    return [(name, dict(state())) for name, state in gateway._build_persistence_save_dict().items()]


def application() -> Any:
    """Returns MiniStack's ASGI application."""
    return gateway.app
