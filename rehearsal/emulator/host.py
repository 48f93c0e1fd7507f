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
from datetime import UTC, datetime
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


def role_denial(
    role_arn: str,
    *,
    service: str,
    source_arn: str,
    action: str,
    resource: str,
    context: Mapping[str, Any] | None = None,
) -> str | None:
    """Returns why IAM does not let a service do something under a role, None if it does.

    Raises:
        NotAssumableError: As role_credentials().
    """
    credentials = role_credentials(role_arn, service=service, source_arn=source_arn)
    return denial(credentials["aws_access_key_id"], action, resource, context)


def policy_allows(
    policy: str | None, service: str, action: str, resource: str, source_arn: str
) -> bool:
    """Returns whether a resource's policy lets a service act for a resource of this account."""
    if not policy:
        return False
    return _trusts(policy, service, resource, source_arn, action=action)


def _trusts(
    policy: str | dict[str, Any],
    service: str,
    resource: str,
    source_arn: str,
    *,
    action: str = "sts:AssumeRole",
) -> bool:
    document = json.loads(policy) if isinstance(policy, str) else policy
    return lets(document, service, action, resource, source_arn)


def lets(
    policy: Mapping[str, Any], service: str, action: str, resource: str, source_arn: str
) -> bool:
    """Returns whether a resource's policy lets a service do something for one of its resources."""
    statements = policy["Statement"]
    # MiniStack takes its root for every service: only the service's own statements are asked.
    own = [
        statement
        for statement in ([statements] if isinstance(statements, dict) else statements)
        if service in _services(statement.get("Principal", {}))
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


def _services(principal: str | dict[str, Any]) -> list[str]:
    named = principal.get("Service", []) if isinstance(principal, dict) else []
    return [named] if isinstance(named, str) else named


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


def within_account(action: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function as it runs on any thread: within the rehearsal's account and Region."""

    def run(*arguments: Any) -> Any:
        responses.set_request_account_id(ACCOUNT)
        responses.set_request_region(REGION)
        # What services ask of each other they ask by TLS.
        iam_evaluator.pin_request_origin("127.0.0.1", True)
        return action(*arguments)

    return run


def in_background(action: Callable[[], None], name: str) -> None:
    """Runs something on a thread of its own, within the account and Region of the rehearsal."""
    threading.Thread(target=within_account(action), name=name, daemon=True).start()


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
    """Lets a signature pass that is in time by one of several clocks: clients do not skip time.

    So does one of a time between them: time may be skipped while a request is on its way.
    """
    too_late = sigv4.request_time_failure

    def by_all(signature: Any) -> tuple[str, str] | None:
        times = sorted(clock() for clock in clocks)
        failures = [too_late(signature, now=time) for time in times]
        signed = datetime.strptime(signature.amz_date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return None if None in failures or times[0] < signed < times[-1] else failures[0]

    sigv4.request_time_failure = by_all


def date_answers_by(clock: Callable[[], datetime]) -> None:
    """Dates answers by a clock: an SDK to whose own it does not fit repeats what was refused."""
    gateway.formatdate = lambda usegmt: format_datetime(clock(), usegmt=usegmt)


def states() -> list[tuple[str, dict[str, Any]]]:
    """Returns every service that was used with its collections of resources."""
    return [(name, dict(state())) for name, state in gateway._build_persistence_save_dict().items()]


def application() -> Any:
    """Returns MiniStack's ASGI application."""
    return gateway.app
