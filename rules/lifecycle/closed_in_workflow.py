"""What the steps of a workflow can no longer begin to use."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from rules._base import Finding, MlRule
from rules._closed import AUGMENTED_AI, CLARIFY, DEBUGGER, GROUND_TRUTH, MODEL_MONITOR, Closed
from rules._document import documents
from rules._world import World, is_true

STEPS = {"ClarifyCheck": CLARIFY, "QualityCheck": MODEL_MONITOR}
"""Type of a pipeline's step -> what it needs."""
SETTINGS = ("DebugHookConfig", "DebugRuleConfigurations", "ProfilerRuleConfigurations")
"""Settings of a training job that belong to Debugger, with ProfilerConfig unless it disables it."""
SAID = {
    r"/sagemaker-clarify-processing[:@]": CLARIFY,
    r"/sagemaker-model-monitor-analyzer([:@]|$)": MODEL_MONITOR,
    r"/sagemaker-debugger-rules[:@]": DEBUGGER,
    r":sagemaker:createModel(Bias|Explainability)JobDefinition\b": CLARIFY,
    r":sagemaker:create((Data|Model)QualityJobDefinition|MonitoringSchedule)\b": MODEL_MONITOR,
    r":sagemaker:createLabelingJob\b": GROUND_TRUTH,
    r":sagemakera2iruntime:startHumanLoop\b": AUGMENTED_AI,
}
"""What an image, or the resource of a task, looks like -> what it needs."""


class ClosedInWorkflow(MlRule):
    """A step of a workflow needs a feature that takes no new customers."""

    id = "W9568"
    shortdesc = "A workflow's steps use nothing that is closed to new accounts"
    description = (
        "Clarify, Model Monitor, Debugger, Ground Truth and Augmented AI, in the definition of a "
        "pipeline or a state machine: in an account that has not used them the step fails."
    )
    source = CLARIFY.source
    tags = ("lifecycle", "sagemaker", "stepfunctions")

    def findings(self, world: World) -> Iterator[Finding]:
        """Yields what steps use of closed features, each once a step."""
        for resource, path, document in documents(world):
            for step, closed in dict.fromkeys(_used(document, "")):
                said = f"In {step}: {closed.said()}" if step else closed.said()
                yield Finding(resource, path, said, closed.source)


def _used(value: Any, step: str) -> Iterator[tuple[str, Closed]]:
    """Yields the step, as far as one has begun, and what it uses."""
    match value:
        case dict():
            # A step of a pipeline bears its name and type; a state's name stands before it.
            kind, name = value.get("Type"), value.get("Name")
            if isinstance(kind, str) and isinstance(name, str):
                step = name
                if kind in STEPS:
                    yield step, STEPS[kind]
            if _debugs(value):
                yield step, DEBUGGER
            states = value.get("States")
            named = states.items() if isinstance(states, dict) else ()
            for state, item in named:
                yield from _used(item, str(state))
            for key, item in value.items():
                if key != "States" or not named:
                    yield from _used(item, step)
        case list():
            for item in value:
                yield from _used(item, step)
        case str():
            yield from ((step, closed) for said, closed in SAID.items() if re.search(said, value))


def _debugs(job: dict[str, Any]) -> bool:
    profiler = job.get("ProfilerConfig")
    profiled = isinstance(profiler, dict) and not is_true(profiler.get("DisableProfiler"))
    return profiled or any(job.get(name) for name in SETTINGS)
