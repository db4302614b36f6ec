"""One really running web for all tests of the doors; nothing works in the background, so nothing changes by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.doors.victim import Victim
from tests.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack(workers=0, keys=5) as running:
        yield running


@pytest.fixture(scope="session")
def victim(stack: Stack) -> Victim:
    """Made once: whatever is done to it, its ids stay."""
    return Victim(stack)
