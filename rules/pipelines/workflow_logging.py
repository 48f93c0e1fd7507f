"""What a workflow did."""

from __future__ import annotations

from collections.abc import Iterator

from catalogue.sources import docs
from rules._base import READ, Finding, MlRule
from rules._world import World

SETTINGS = {
    "AWS::Serverless::StateMachine": "Logging",
    "AWS::StepFunctions::StateMachine": "LoggingConfiguration",
}


class WorkflowLogging(MlRule):
    """A workflow leaves no log."""

    id = "W9596"
    shortdesc = "A state machine logs its executions"
    description = (
        "A log tells which step of a run failed and with what input, after the history is gone; of "
        "an express workflow it is the only one."
    )
    source = docs("step-functions/latest/apireference/API_CreateStateMachine.html", READ)
    tags = ("stepfunctions", "logging")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields state machines without logging."""
        for machine in world.of_type(*SETTINGS):
            setting = SETTINGS[machine.type]
            if machine.get(setting, "Level") in (None, "OFF"):
                yield Finding(
                    machine,
                    (),
                    f"Executions are not logged: set {setting} with Level ERROR or ALL.",
                )
