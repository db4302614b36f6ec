"""Puts the tools together for one process, and keeps the alliance's clock in step with the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import structlog

from heyi.infra.db import Database
from heyi.infra.http import Http
from heyi.infra.sealing import Sealing
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.kernel.clock import OffsetClock

CLOCK_REFRESH_S = 1.0
DRIFT_BORNE = timedelta(seconds=1)  # a leap of our clock would do more harm than so little
ROUND_TRIP_MAX = timedelta(seconds=1)  # an answer that took longer says nothing about clocks
log = structlog.get_logger("heyi.clock")


@asynccontextmanager
async def open_tools(settings: Settings, *, name: str, connections_max: int) -> AsyncIterator[Tools]:
    """Tools for one process. `name` shows in pg_stat_activity."""
    database = Database(settings.database_url, connections_max=connections_max, name=f"heyi {name}")
    clock = OffsetClock()
    await database.open()
    try:
        await follow_once(database, clock)
        refresher = asyncio.create_task(_follow(database, clock))
        async with Http() as http:
            yield Tools(database, clock, Sealing(settings.master_key), http, settings)
        refresher.cancel()
        with suppress(asyncio.CancelledError):
            await refresher
    finally:
        await database.close()


async def _follow(database: Database, clock: OffsetClock) -> None:
    """Every process reads the stored offset, so that moving the clock moves them all."""
    while True:
        await asyncio.sleep(CLOCK_REFRESH_S)
        with suppress(Exception):  # the database is away: what was read last stays good
            await follow_once(database, clock)


async def follow_once(database: Database, clock: OffsetClock) -> None:
    """The alliance's offset; and the database's clock where this machine's is wrong. Leases and graces are agreed upon
    between processes: one whose clock is minutes off would send again what another is sending.
    """
    async with database.reading() as tx:
        before = clock.machine()
        row = await tx.row(
            "select clock_timestamp() as at, (select value from infra.settings where name = 'clock_offset_s') as value"
        )
        after = clock.machine()
    assert row is not None
    clock.offset = timedelta(seconds=float(row.value or 0))
    drift = row.at - (before + (after - before) / 2)
    if after - before <= ROUND_TRIP_MAX and abs(drift - clock.drift) > DRIFT_BORNE:
        clock.drift = drift if abs(drift) > DRIFT_BORNE else timedelta()
        log.warning("this machine's clock is not the database's, which is followed", drift_s=drift.total_seconds())
