"""The functions behind the custom resources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from aws_cdk import App, Stack

from mla_constructs.custom_resources.function import CODE, ResourceFunction, Task

if TYPE_CHECKING:
    from tests.l3.conftest import Parts


def test_code_is_the_handlers_alone(parts: Parts) -> None:
    """Python's cache in it would give another hash, and template, after a run of the tests."""
    (CODE / "handlers" / "__pycache__").mkdir(exist_ok=True)
    ResourceFunction(parts.stack, "Function", task="empty_bucket")
    app = parts.stack.node.root
    assert isinstance(app, App)
    (code,) = Path(app.synth().directory).glob("asset.*")
    assert {str(file.relative_to(code)) for file in code.rglob("*")} == {
        "handlers",
        *(f"handlers/{file.name}" for file in (CODE / "handlers").glob("*.py")),
    }


def test_function_is_created_once_per_stack_and_task(parts: Parts) -> None:
    first = ResourceFunction.of(parts.stack, "Emptier", task="empty_bucket")
    assert ResourceFunction.of(parts.bucket, "Emptier", task="empty_bucket") is first
    assert ResourceFunction.of(parts.stack, "Placer", task="place_objects") is not first
    other = Stack(None, "Other")
    assert ResourceFunction.of(other, "Emptier", task="empty_bucket") is not first


def test_every_task_has_its_handler() -> None:
    modules = {file.stem for file in (CODE / "handlers").glob("*.py")}
    assert modules - {"__init__", "builds", "cloudformation"} == set(get_args(Task))
