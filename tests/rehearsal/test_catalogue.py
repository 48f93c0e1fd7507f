"""Every architecture is deployed into the emulated AWS, used, and destroyed without a trace."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from catalogue.discover import Architecture
from rehearsal.run import Outcome, used
from study.rehearse import rehearse_all

AT_ONCE = 3
"""A rehearsal waits for the command line's polling most of its time."""


@pytest.fixture(scope="session")
def outcomes(architectures: list[Architecture]) -> Mapping[str, Outcome]:
    return {outcome.slug: outcome for outcome in rehearse_all(architectures, jobs=AT_ONCE)}


def test_it_deploys_is_used_and_leaves_nothing(
    architecture: Architecture, outcomes: Mapping[str, Outcome]
) -> None:
    outcome = outcomes[architecture.slug]
    assert outcome.problem == ""
    assert [step.name for step in outcome.steps] == [
        *("start", "bootstrap", "deploy"),
        *(["scenario"] if (architecture.folder / "scenario.py").exists() else []),
        *("destroy", "nothing left"),
    ]
    assert outcome.left == []
    assert used(outcome)[0] > 0
