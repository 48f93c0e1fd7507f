"""One synthesis for all template tests; `--accept` for snapshots, `--stack` for some of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from catalogue.discover import Architecture, discover, select
from catalogue.template import Template
from study.assembly import load, synthesize

collect_ignore = ["airflow"]
"""What runs in Airflow's own environment: `make airflow`."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--accept", action="store_true", help="write the snapshots instead of comparing them"
    )
    parser.addoption(
        "--stack", default="", help="test the templates of these slugs only, such as a,b"
    )


def chosen(config: pytest.Config) -> list[Architecture]:
    slugs = config.getoption("--stack")
    return select(slugs.split(",")) if slugs else list(discover().values())


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "architecture" in metafunc.fixturenames:
        metafunc.parametrize("architecture", chosen(metafunc.config), ids=lambda a: a.slug)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, with `--stack`, what needs the rest of the catalogue."""
    if config.getoption("--stack"):
        absent = discover().keys() - {architecture.slug for architecture in chosen(config)}
        skip = pytest.mark.skip(reason="needs more of the catalogue")
        for item in items:
            about = item.path.stem.removeprefix("test_")
            if about in absent or item.get_closest_marker("whole_catalogue"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
def architectures(request: pytest.FixtureRequest) -> list[Architecture]:
    """The catalogue, or what `--stack` names."""
    return chosen(request.config)


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory, architectures: list[Architecture]) -> Path:
    """The cloud assembly of the catalogue, with the findings of every pack."""
    folder = tmp_path_factory.mktemp("assembly")
    synthesize([a.slug for a in architectures], folder, reports=True)
    return folder


@pytest.fixture(scope="session")
def templates(assembly: Path, architectures: list[Architecture]) -> Mapping[str, Template]:
    return {t.name: t for t in load(architectures, assembly)}


@pytest.fixture
def template(architecture: Architecture, templates: Mapping[str, Template]) -> Template:
    return templates[architecture.slug]


@pytest.fixture
def resources(template: Template) -> dict[str, dict[str, Any]]:
    return template.resources
