"""One synthesis for all template tests; `--accept` for snapshots, `--stack` for some of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from app import build
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


Variants = Callable[[Architecture], Mapping[str, Template]]

TYPED = {
    "certificate_arn": {"certificate_arn": "arn:aws:acm:eu-west-1:111122223333:certificate/a"},
    "connection_arn": {
        "repository": "owner/name",
        "connection_arn": "arn:aws:codeconnections:eu-west-1:111122223333:connection/a",
    },
    "repository": {"repository": "owner/name"},
}
"""Option that takes any text -> what a user may type."""


@pytest.fixture(scope="session")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Variants:
    """Returns an architecture's templates with what its options offer beyond the defaults.

    Each is synthesized, and passes the gates, once for all tests.
    """
    found: dict[str, Mapping[str, Template]] = {}

    def of(architecture: Architecture) -> Mapping[str, Template]:
        if architecture.slug not in found:
            folder = tmp_path_factory.mktemp(architecture.slug)
            found[architecture.slug] = {
                str(context): _synthesized(architecture, context, folder / str(number))
                for number, context in enumerate(_choices(architecture))
            }
        return found[architecture.slug]

    return of


def _choices(architecture: Architecture) -> list[dict[str, str]]:
    return [
        context
        for option in architecture.facts.options
        for context in [{option.name: value} for value in option.values[1:]] or [TYPED[option.name]]
    ]


def _synthesized(architecture: Architecture, context: dict[str, str], folder: Path) -> Template:
    build({"stack": architecture.slug, **context}, outdir=str(folder)).synth()
    return load([architecture], folder)[0]


@pytest.fixture
def template(architecture: Architecture, templates: Mapping[str, Template]) -> Template:
    return templates[architecture.slug]


@pytest.fixture
def resources(template: Template) -> dict[str, dict[str, Any]]:
    return template.resources
