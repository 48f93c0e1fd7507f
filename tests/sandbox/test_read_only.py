"""A preflight reads and nothing else, over the whole catalogue."""

from __future__ import annotations

import json
import re

import pytest

from catalogue.discover import ROOT, Architecture
from catalogue.template import Template
from sandbox.aws import permission
from sandbox.preflight.checks import STEPS, preflight
from sandbox.preflight.findings import State
from tests.sandbox.furnished import furnish, subject
from tests.support.authorization import access_level, arn_formats, fits_any
from tests.support.emulated_aws import EmulatedAws

POLICY = json.loads(
    re.findall(
        r"### What it has to be allowed\n\n```json\n(.*?)```",
        (ROOT / "docs" / "sandbox.md").read_text(),
        re.DOTALL,
    )[0]
)
STATEMENTS = [(s["Action"], s["Resource"]) for s in POLICY["Statement"]]
ALLOWED = {action: resources for actions, resources in STATEMENTS for action in actions}

NEEDS_NO_PERMISSION = {"sts:GetCallerIdentity"}

MADE: set[str] = set()
"""Actions that the preflights of this run needed."""


def test_every_architecture_can_be_deployed_into_an_account_that_has_everything(
    aws: EmulatedAws, architecture: Architecture, template: Template
) -> None:
    furnish(aws, template)
    steps: list[str] = []
    result = preflight(subject(template, architecture=architecture), steps.append)
    assert [f for f in result.findings if f.state is not State.OK] == []
    assert len(steps) == STEPS
    actions = set(map(permission, aws.calls))
    assert {action for action in actions if access_level(action) not in ("Read", "List")} == set()
    assert actions - NEEDS_NO_PERMISSION <= ALLOWED.keys()
    MADE.update(actions)


@pytest.mark.whole_catalogue
def test_the_policy_in_the_docs_allows_no_more_than_is_asked() -> None:
    if not MADE:
        pytest.skip("needs the preflights of this run")
    assert ALLOWED.keys() == MADE - NEEDS_NO_PERMISSION


@pytest.mark.parametrize("action", ALLOWED)
def test_the_policy_in_the_docs_is_as_narrow_as_the_actions_allow(action: str) -> None:
    formats, resources = arn_formats(action), ALLOWED[action]
    if resources == "*":
        assert not formats
    else:
        assert any(fits_any(arn, formats) for arn in resources)
