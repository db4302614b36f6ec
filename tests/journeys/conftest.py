"""One heyi for all journeys: two webs, a worker, the simulator. Each journey makes its own orders and buyers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.stack import Stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with Stack(webs=2, workers=1, keys=400) as running:
        yield running


@pytest.fixture(autouse=True)
def calm(stack: Stack) -> None:
    """No supplier misbehaves unless the journey says so."""
    for supplier in ("kasushou", "fulu"):
        stack.world.faults(supplier)
