"""One emulated account for all tests of the emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rehearsal.account import EmulatedAccount


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAccount]:
    """A running emulator; tests give their resources names of their own."""
    with EmulatedAccount(tmp_path_factory.mktemp("emulator")) as account:
        yield account
