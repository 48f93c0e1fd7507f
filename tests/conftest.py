"""One synthesis for all template tests, and `--accept` for the snapshots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from catalogue.discover import Architecture, discover
from catalogue.template import Template
from study.assembly import load, synthesize

ARCHITECTURES = list(discover().values())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--accept", action="store_true", help="write the snapshots instead of comparing them"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "architecture" in metafunc.fixturenames:
        metafunc.parametrize("architecture", ARCHITECTURES, ids=lambda a: a.slug)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of the whole catalogue, with the findings of every pack."""
    folder = tmp_path_factory.mktemp("assembly")
    synthesize([], folder, reports=True)
    return folder


@pytest.fixture(scope="session")
def templates(assembly: Path) -> Mapping[str, Template]:
    return {t.name: t for t in load(ARCHITECTURES, assembly)}


@pytest.fixture
def template(architecture: Architecture, templates: Mapping[str, Template]) -> Template:
    return templates[architecture.slug]


@pytest.fixture
def resources(template: Template) -> dict[str, dict[str, Any]]:
    return template.resources
