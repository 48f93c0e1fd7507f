"""What a pipeline definition may have here, and what its steps wait for."""

from __future__ import annotations

import json
from typing import Any

from rehearsal.emulator.api import ServiceError
from rehearsal.emulator.sagemaker.pipelines.values import references
from rehearsal.emulator.sagemaker.records import Record

JOBS = {"Processing": "ProcessingJob", "Training": "TrainingJob", "Transform": "TransformJob"}
STEPS = {*JOBS, "Condition", "Fail", "Model", "RegisterModel"}
TYPES: dict[str, type] = {"String": str, "Integer": int, "Float": float, "Boolean": bool}


def parse(text: str) -> Record:
    """Returns a definition.

    Raises:
        ServiceError: It is none, or has a step that a rehearsal does not run.
    """
    try:
        definition: Record = json.loads(text)
    except ValueError as error:
        raise ServiceError(
            "ValidationException", f"Unable to parse pipeline definition: {error}"
        ) from None
    if definition.get("Version") != "2020-12-01":
        raise ServiceError("ValidationException", "Pipeline definition: Version is not known.")
    steps = every_step(definition.get("Steps", []))
    names = [step["Name"] for step in steps]
    if not names or len(set(names)) < len(names):
        raise ServiceError("ValidationException", f"Step names must be unique: {names}.")
    known = {parameter["Name"] for parameter in definition.get("Parameters", [])}
    for step in steps:
        if step["Type"] not in STEPS:
            raise ServiceError(
                "ValidationException", f"The rehearsal does not run steps of type {step['Type']}."
            )
        for path in references(step["Arguments"]):
            kind, name = path.split(".")[:2]
            if (kind == "Parameters" and name not in known) or (
                kind == "Steps" and name not in names
            ):
                raise ServiceError(
                    "ValidationException", f"Step {step['Name']}: there is no {kind}.{name}."
                )
    return definition


def every_step(steps: list[Record]) -> list[Record]:
    """Returns steps with those of their branches."""
    found = []
    for step in steps:
        found.append(step)
        if step["Type"] == "Condition":
            for branch in ("IfSteps", "ElseSteps"):
                found += every_step(step["Arguments"].get(branch, []))
    return found


def awaited(step: Record) -> set[str]:
    """Returns the steps that a step waits for; a condition's branches wait for themselves."""
    arguments = step["Arguments"]
    if step["Type"] == "Condition":
        arguments = arguments["Conditions"]
    named = {path.split(".")[1] for path in references(arguments) if path.startswith("Steps.")}
    return named | set(step.get("DependsOn", []))


def parameters(definition: Record, given: list[Record]) -> dict[str, Any]:
    """Returns name -> value of all parameters.

    Raises:
        ServiceError: One is not known, has no value, or one of another type.
    """
    known = {parameter["Name"]: parameter for parameter in definition.get("Parameters", [])}
    named = {one["Name"]: one["Value"] for one in given}
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise ServiceError(
            "ValidationException",
            f"Unable to parse pipeline parameters: {', '.join(unknown)} is not in the definition.",
        )
    values = {}
    for name, parameter in known.items():
        if name not in named and "DefaultValue" not in parameter:
            raise ServiceError("ValidationException", f"Parameter {name} has no value.")
        try:
            values[name] = TYPES[parameter["Type"]](named.get(name, parameter.get("DefaultValue")))
        except ValueError:
            raise ServiceError(
                "ValidationException", f"Parameter {name} is no {parameter['Type']}."
            ) from None
        allowed = parameter.get("EnumValues")
        if allowed and values[name] not in allowed:
            raise ServiceError("ValidationException", f"Parameter {name} is none of {allowed}.")
    return values
