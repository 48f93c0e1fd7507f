"""The state machines of the emulator that hosts ours: what is used of MiniStack's interpreter.

It walks through the states; what a task does, how time passes and what is told of a run is ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from rehearsal.emulator import host  # noqa: F401 - before MiniStack: it sets the environment

from ministack.services import stepfunctions as sfn  # isort: skip
from ministack.services.cloudformation import provisioners  # isort: skip

Record = dict[str, Any]
TaskError = sfn._ExecutionError
"""(error, cause): fails a task, so that its Retry and Catch are looked at."""


@dataclass(frozen=True)
class Run:
    """The execution whose state a thread is in.

    Attributes:
        execution: What DescribeExecution returns, and its events.
        machine: What DescribeStateMachine returns.
    """

    execution: Record
    machine: Record


current: ContextVar[Run] = ContextVar("current")


def use_tasks(
    invoke: Callable[[str, Any, float | None], Any],
    call_function: Callable[[str, Any], Any],
    sleep: Callable[[float], None],
) -> None:
    """Lets tasks and time be ours.

    Args:
        invoke: (resource, input, seconds that it may take) -> result of a task.
        call_function: (function, event) -> answer, for tasks that wait for a token.
        sleep: Returns when so many seconds have passed.
    """
    execute_task, invoke_resource = sfn._execute_task, sfn._invoke_resource

    def within(state: Record, given: Any, execution: Record, context: Record) -> Any:
        machine = sfn._state_machines.get(execution["stateMachineArn"])
        token = current.set(Run(execution, machine))
        try:
            return execute_task(state, given, execution, context)
        finally:
            current.reset(token)

    def resource(name: str, given: Any, seconds: float | None = None) -> Any:
        if ":activity:" in name:
            return invoke_resource(name, given)
        return invoke(name, given, seconds)

    sfn._execute_task = within
    sfn._invoke_resource = resource
    sfn._invoke_resource_with_timeout = resource
    sfn._call_lambda = call_function
    sfn._SERVICE_DISPATCH.clear()
    sfn._SERVICE_DISPATCH["arn:aws:states:::"] = resource
    sfn._scaled_sleep = sleep
    sfn._apply_output_path = _output(sfn._apply_output_path)


def _output(by_path: Callable[..., Any]) -> Callable[..., Any]:
    """Lets a Succeed state in JSONata have an Output, which MiniStack overlooks."""

    def output(state: Record, given: Any, context: Record | None = None) -> Any:
        if (
            state.get("Type") == "Succeed"
            and sfn._state_query_language(state, context) != "JSONPath"
        ):
            return sfn._apply_jsonata_output(state, given, context, default=given)
        return by_path(state, given, context)

    return output


def on_status(tell: Callable[[Record], None]) -> None:
    """Calls something with an execution whenever its status has changed."""
    emit = sfn._emit_execution_status_event

    def emitted(execution: Record) -> None:
        emit(execution)
        tell(execution)

    sfn._emit_execution_status_event = emitted


def on_event(tell: Callable[[Record, Record], None]) -> None:
    """Calls something with an execution's state machine and event, for every event."""
    add = sfn._add_event

    def added(execution: Record, kind: str, details: Record | None = None) -> Record:
        event: Record = add(execution, kind, details)
        machine = sfn._state_machines.get(execution["stateMachineArn"])
        if machine:
            tell(machine, {"execution_arn": execution["executionArn"], **event})
        return event

    sfn._add_event = added


def on_definition(check: Callable[[str, str, str, Record], None]) -> None:
    """Calls something with ARN, role, definition and logging of a machine before it is kept.

    What it raises is CloudFormation's reason to fail the resource.
    """
    handlers = provisioners._RESOURCE_HANDLERS["AWS::StepFunctions::StateMachine"]
    create = handlers["create"]

    def created(logical_id: str, properties: Record, stack: str) -> Any:
        made = create(logical_id, properties, stack)
        machine = sfn._state_machines[made[0]]
        try:
            check(made[0], machine["roleArn"], machine["definition"], machine)
        except Exception:
            handlers["delete"](made[0], properties)
            raise
        return made

    handlers["create"] = created


def running() -> Iterator[tuple[Record, Record]]:
    """Yields the executions that go on, each with its state machine's definition."""
    for execution in list(sfn._executions.values()):
        machine = sfn._state_machines.get(execution["stateMachineArn"])
        if machine and execution["status"] == "RUNNING":
            yield execution, json.loads(machine["definition"])


def time_out(execution: Record, stopped: str) -> None:
    """Ends an execution that went on for longer than its state machine lets it."""
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=stopped)
    sfn._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    sfn._emit_execution_status_event(execution)
