"""The rooms of the project and the direction in which they may know each other."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from catalogue.discover import ROOT

ROOMS = {
    "catalogue": ROOT / "catalogue",
    "mla_constructs": ROOT / "constructs" / "mla_constructs",
    "runtime": ROOT / "runtime",
    "repositories": ROOT / "runtime" / "repositories",  # applications of their own
    "rehearsal": ROOT / "rehearsal",
    "emulator": ROOT / "rehearsal" / "emulator",  # a process of its own
    "rules": ROOT / "rules",
    "sandbox": ROOT / "sandbox",
    "stacks": ROOT / "stacks",
    "study": ROOT / "study",
}

MAY_KNOW = {
    "catalogue": set(),
    "mla_constructs": {"aws_cdk", "constructs"},
    "runtime": set(),
    "repositories": {"aws_cdk"},
    "rehearsal": {"catalogue"},
    "emulator": {"rehearsal"},
    "rules": {"catalogue"},
    "sandbox": {"catalogue"},
    "stacks": {
        *("aws_cdk", "cdk_nag", "constructs", "catalogue", "mla_constructs", "runtime"),
        "rehearsal",  # in scenario.py
    },
    "study": {"catalogue", "rehearsal", "rules", "runtime", "sandbox"},
}
WATCHED = {*ROOMS, "aws_cdk", "cdk_nag", "constructs"}

SCENARIO = "scenario.py"
"""What uses a deployed stack: no part of a synthesis, and alone in its room to know rehearsals."""

AT_SYNTHESIS = {"boto3", "botocore", "random", "requests", "secrets", "socket", "time", "uuid"}
"""Modules through which the same input could give other bytes."""


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def files(room: str) -> Iterator[Path]:
    """The files of a room, without those of rooms inside it."""
    inner = [f for f in ROOMS.values() if f != ROOMS[room] and f.is_relative_to(ROOMS[room])]
    for file in ROOMS[room].rglob("*.py"):
        if not any(file.is_relative_to(folder) for folder in inner):
            yield file


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_one_way(room: str) -> None:
    for file in files(room):
        known = set(imports(file)) & WATCHED - {room}
        assert known <= MAY_KNOW[room], f"{file.relative_to(ROOT)} knows {known - MAY_KNOW[room]}"


def test_only_scenarios_know_rehearsals() -> None:
    knowing = {file.name for file in files("stacks") if "rehearsal" in imports(file)}
    assert knowing == {SCENARIO}


def test_no_synthesis_loads_a_scenario() -> None:
    loading = 'import sys; from app import build; build(); print(*sys.modules, sep="\\n")'
    loaded = subprocess.run(
        [sys.executable, "-c", loading], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    assert "stacks.deployment.realtime_endpoint.stack" in loaded
    assert not [name for name in loaded if name.endswith(".scenario")]
    assert "rehearsal" not in loaded


@pytest.mark.parametrize("room", ["mla_constructs", "stacks"])
def test_synthesis_asks_neither_clock_nor_chance_nor_network(room: str) -> None:
    for file in ROOMS[room].rglob("*.py"):
        if file.name == SCENARIO:
            continue
        assert not set(imports(file)) & AT_SYNTHESIS, file.relative_to(ROOT)
        text = file.read_text()
        assert not re.search(r"os\.environ|getenv|datetime\.now|date\.today", text), file


def test_constructs_is_a_source_root_and_never_a_package() -> None:
    assert not (ROOT / "constructs" / "__init__.py").exists()
    found = subprocess.run(
        [sys.executable, "-c", "import constructs; print(constructs.__file__)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "site-packages" in found, "the folder hides the package that aws_cdk imports"


def test_listing_starts_no_node_and_imports_no_cdk() -> None:
    code = (
        "import sys; from study.listing import listing; from study.report import Format; "
        "listing().render(Format.TABLE); "
        "print([m for m in ('aws_cdk', 'jsii', 'boto3', 'jmespath') if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"


def lines_of_code(function: ast.FunctionDef) -> int:
    """Returns how long a function is without its docstring."""
    docstring = function.body[0] if ast.get_docstring(function) else None
    described = (docstring.end_lineno or 0) - docstring.lineno + 1 if docstring else 0
    return (function.end_lineno or 0) - function.lineno + 1 - described


def test_functions_are_short() -> None:
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for room in ROOMS
        for file in files(room)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
        and lines_of_code(node) > 60
        and node.name != "__init__"  # a constructor may be one long list of named properties
    ]
    assert long == []


def test_catalogue_table_of_the_readme_is_of_today() -> None:
    process = subprocess.run(
        [sys.executable, "scripts/readme.py", "--check"], cwd=ROOT, check=False
    )
    assert process.returncode == 0, "run `make readme`"


def test_readme_links_to_what_exists() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            if not target.startswith("https://"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"
