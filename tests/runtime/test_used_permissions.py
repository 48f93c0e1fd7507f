"""The handlers of custom resources call in their tests what they call in the proof of their roles.

The proof, in tests/stacks/test_least_privilege.py, runs each handler for each resource of its type,
once through its life. A call that only another test provokes would be missing there.
"""

from __future__ import annotations

import json

import pytest

from catalogue.discover import ROOT
from catalogue.template import Template
from tests.runtime.conftest import Call
from tests.support.expiring import expiring
from tests.support.needs.code import HANDLERS, handled
from tests.support.needs.deployed import Deployed

TESTS = {
    "test_certificate.py",
    "test_custom_resources.py",
    "test_delete_stack.py",
    "test_empty_bucket.py",
    "test_empty_model_group.py",
    "test_expiry.py",
}
"""Those that run the handlers."""


def name_of(module: object) -> str:
    return str(getattr(module, "__name__", "")).rsplit(".", maxsplit=1)[-1]


@pytest.fixture(scope="module")
def proven() -> set[Call]:
    """The calls in the proof, for the accepted templates."""
    files = sorted((ROOT / "tests" / "snapshots").glob("*.json"))
    templates = [Template(json.loads(file.read_text()), file.stem) for file in files]
    return {
        Call(handler, service, operation)
        for template in (*templates, expiring(8))
        for _, handler, (service, operation, _) in handled(Deployed(template))
    }


@pytest.mark.parametrize("handler", sorted(map(name_of, HANDLERS.values())))
def test_proof_has_the_calls_of_the_tests(
    handler: str, proven: set[Call], calls: set[Call], request: pytest.FixtureRequest
) -> None:
    config = request.config
    narrowed = config.option.keyword or any("::" in argument for argument in config.args)
    if narrowed or not {item.path.name for item in request.session.items} >= TESTS:
        pytest.skip("needs all the tests of the handlers")
    tested = {call for call in calls if call.handler == handler}
    assert tested
    assert tested == {call for call in proven if call.handler == handler}


def test_every_handler_is_in_the_proof() -> None:
    folder = ROOT / "runtime" / "functions" / "custom_resources" / "handlers"
    handlers = {f.stem for f in folder.glob("*.py") if "\n@custom_resource\n" in f.read_text()}
    assert handlers == set(map(name_of, HANDLERS.values()))
