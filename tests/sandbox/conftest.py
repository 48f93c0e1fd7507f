"""One emulated AWS for all tests of a sandbox account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.emulated_aws import EmulatedAws


@pytest.fixture(scope="session")
def emulator() -> Iterator[EmulatedAws]:
    with EmulatedAws().running() as emulator:
        yield emulator


@pytest.fixture
def aws(emulator: EmulatedAws, monkeypatch: pytest.MonkeyPatch) -> EmulatedAws:
    """The emulator, empty, and the environment by which boto3 finds it."""
    emulator.reset()
    for name, value in emulator.environment.items():
        monkeypatch.setenv(name, value)
    return emulator
