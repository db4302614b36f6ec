"""One clock for all processes: the alliance's offset from the database, and its real time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from heyi.app import admin
from heyi.app.wiring import follow_once
from heyi.infra.db import Database
from heyi.kernel.clock import OffsetClock


class WrongClock(OffsetClock):
    """A machine whose time is set wrongly."""

    wrong = timedelta()

    def machine(self) -> datetime:
        return datetime.now(UTC) + self.wrong


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    opened = Database(database_url, connections_max=1, name="clock")
    await opened.open()
    yield opened
    await opened.close()


async def test_a_worker_with_a_wrong_clock_keeps_the_same_leases_as_the_others(database: Database) -> None:
    """Else it would hold what others are sending just now for lost, and send it again."""
    clock, true = WrongClock(), OffsetClock()
    for wrong_s in (-300, 7200, 0):
        clock.wrong = timedelta(seconds=wrong_s)
        await follow_once(database, clock)
        assert abs(clock.wall() - true.wall()) < timedelta(seconds=2)


async def test_a_little_difference_does_not_make_the_clock_leap(database: Database) -> None:
    clock = WrongClock()
    clock.wrong = timedelta(milliseconds=-300)
    await follow_once(database, clock)
    assert clock.drift == timedelta()


async def test_the_stored_offset_moves_the_alliance_and_not_real_time(database: Database, database_url: str) -> None:
    admin.set_clock_offset(database_url, timedelta(days=30))
    clock = OffsetClock()
    await follow_once(database, clock)
    assert clock.now() - clock.wall() > timedelta(days=29)
