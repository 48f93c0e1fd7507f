"""Executions of a state machine, as a scenario starts and watches them."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.stage import Stage


class Runs:
    """The executions of one state machine.

    Args:
        stage: The rehearsal.
        machine: ARN of the state machine.
    """

    def __init__(self, stage: Stage, machine: str) -> None:
        self.stage = stage
        self.machine = machine
        self._states = stage.client("stepfunctions")

    def run(self, given: dict[str, Any]) -> dict[str, Any]:
        """Starts an execution and returns it when it has ended."""
        started = self._states.start_execution(
            stateMachineArn=self.machine, input=json.dumps(given)
        )
        return self.ended(started["executionArn"])

    def ended(self, execution: str) -> dict[str, Any]:
        """Returns an execution when it has ended."""

        def look() -> str:
            status = self._states.describe_execution(executionArn=execution)["status"]
            return "" if status == "RUNNING" else str(status)

        self.stage.until("an execution ended", look)
        described = self._states.describe_execution(executionArn=execution)
        told = ("status", "error", "cause") if "error" in described else ("status", "output")
        return {key: described[key] for key in (*told, "executionArn") if key in described}

    def all(self) -> list[dict[str, Any]]:
        """Returns the executions, newest first."""
        found = self._states.list_executions(stateMachineArn=self.machine)["executions"]
        return sorted(found, key=lambda one: one["startDate"], reverse=True)

    def inputs(self) -> list[str]:
        """Returns what the executions were started with, newest first."""
        describe = self._states.describe_execution
        return [str(describe(executionArn=one["executionArn"])["input"]) for one in self.all()]

    def states(self, execution: str) -> list[str]:
        """Returns the names of the states that an execution entered, in their order."""
        history = self._states.get_execution_history(executionArn=execution, maxResults=1000)
        return [
            event["stateEnteredEventDetails"]["name"]
            for event in history["events"]
            if "stateEnteredEventDetails" in event
        ]
