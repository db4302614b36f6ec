"""Tools whose clock can be moved while signatures carry real time, as on a real machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from tests.watch.receiver import Receiver, receiving

from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock


class MovableClock(FixedClock):
    """Stands still until it is moved; the wall goes on (`ahead` lets a test look into the future)."""

    ahead = timedelta()

    def wall(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
async def live(tools: Tools) -> Tools:
    """Webhooks may go to this machine; the alliance's time is the test's."""
    return replace(tools, clock=MovableClock(tools.clock.now()), settings=replace(tools.settings, webhook_private=True))


@pytest.fixture
async def http() -> AsyncIterator[Http]:
    async with Http() as client:
        yield client


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as there:
        yield there
