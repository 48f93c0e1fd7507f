"""What the tasks of a state machine do, under the state machine's role.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from rehearsal.emulator import clock, host_states, session
from rehearsal.emulator.host import NotAssumableError
from rehearsal.emulator.host_states import TaskError
from rehearsal.emulator.workflows.calls import UnknownCallError, WrongTypeError, call, client_name
from rehearsal.emulator.workflows.errors import error_name
from rehearsal.emulator.workflows.sync import SYNC, wait_for

PRINCIPAL = "states.amazonaws.com"
POLL_SECONDS = 0.05


def register() -> None:
    """Lets tasks call services under their state machine's role, and time be the rehearsal's."""
    host_states.use_tasks(invoke, call_function, sleep)


def sleep(seconds: float) -> None:
    """Returns when so much of the rehearsal's time has passed."""
    until = clock.now() + timedelta(seconds=seconds)
    while clock.now() < until:
        time.sleep(POLL_SECONDS)


def invoke(resource: str, given: Any, seconds: float | None = None) -> Any:
    """Does what a task's resource says and returns its result.

    Raises:
        TaskError: It failed, by the name that the service gives it.
    """
    if resource.startswith("arn:aws:lambda:"):
        return call_function(resource, given)
    rest = resource.removeprefix("arn:aws:states:::").removesuffix(".waitForTaskToken")
    sdk = rest.startswith("aws-sdk:")
    service, _, action = rest.removeprefix("aws-sdk:").partition(":")
    action, _, sync = action.partition(".")
    if sync and f"{service}:{action}" not in SYNC:
        raise TaskError("States.Runtime", f"The rehearsal does not know the resource {resource}.")
    if (service, action) == ("lambda", "invoke") and not sdk:
        answer = call_function(given["FunctionName"], given.get("Payload", {}))
        return {"StatusCode": 200, "Payload": answer}
    client = _client(service)
    if sync:
        SYNC[f"{service}:{action}"].require_permissions(_run().machine)
    result = _named(service, sdk, lambda: call(client, action, given, texts=not sdk))
    if not sync:
        return result
    return _named(
        service,
        sdk,
        lambda: wait_for(
            SYNC[f"{service}:{action}"],
            client,
            {**given, **result},
            deadline=_deadline(seconds),
            wanted=lambda: _run().execution["status"] == "RUNNING",
        ),
    )


def call_function(function: str, event: Any) -> Any:
    """Invokes a Lambda function and returns its answer.

    Raises:
        TaskError: It is not there or not allowed, or raised an error.
    """
    client = _client("lambda")
    answer = _named(
        "lambda",
        False,
        lambda: client.invoke(FunctionName=function, Payload=json.dumps(event).encode()),
    )
    text = answer["Payload"].read().decode()
    content = json.loads(text) if text else None
    if "FunctionError" in answer:
        detail = content if isinstance(content, dict) else {}
        raise TaskError(detail.get("errorType", "Lambda.Unknown"), text)
    return content


def _run() -> host_states.Run:
    return host_states.current.get()


def _client(service: str) -> Any:
    machine = _run().machine
    try:
        return session.as_role(
            client_name(service),
            machine["roleArn"],
            principal=PRINCIPAL,
            source_arn=machine["stateMachineArn"],
        )
    except NotAssumableError as error:
        raise TaskError("States.TaskFailed", str(error)) from None
    except BotoCoreError:
        raise TaskError(
            "States.Runtime", f"The rehearsal does not know the service {service}."
        ) from None


def _deadline(seconds: float | None) -> datetime | None:
    return None if seconds is None else clock.now() + timedelta(seconds=seconds)


def _named(service: str, sdk: bool, action: Callable[[], Any]) -> Any:
    """Returns what a call returns; its errors get Step Functions' names."""
    try:
        return action()
    except ClientError as error:
        name, cause = error_name(service, sdk, error)
        raise TaskError(name, cause) from None
    except (ParamValidationError, WrongTypeError, UnknownCallError) as error:
        raise TaskError(
            "States.Runtime", f"The Parameters could not be used to start the Task: [{error}]"
        ) from None
    except BotoCoreError as error:
        raise TaskError("States.TaskFailed", str(error)) from None
