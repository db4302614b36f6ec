"""Puts the tools together for one process, and keeps the alliance's clock in step with the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from heyi.infra.db import Database
from heyi.infra.http import Http
from heyi.infra.sealing import Sealing
from heyi.infra.settings import Settings
from heyi.infra.tools import Tools
from heyi.kernel.clock import OffsetClock

CLOCK_REFRESH_S = 1.0


@asynccontextmanager
async def open_tools(settings: Settings, *, name: str, connections_max: int) -> AsyncIterator[Tools]:
    """Tools for one process. `name` shows in pg_stat_activity."""
    database = Database(settings.database_url, connections_max=connections_max, name=f"heyi {name}")
    clock = OffsetClock()
    await database.open()
    try:
        clock.offset = await read_offset(database)
        refresher = asyncio.create_task(_follow(database, clock))
        async with Http() as http:
            yield Tools(database, clock, Sealing(settings.master_key), http, settings)
        refresher.cancel()
        with suppress(asyncio.CancelledError):
            await refresher
    finally:
        await database.close()


async def read_offset(database: Database) -> timedelta:
    """How far the alliance's time is ahead of real time."""
    async with database.reading() as tx:
        row = await tx.row("select value from infra.settings where name = 'clock_offset_s'")
    return timedelta(seconds=float(row.value) if row else 0)


async def _follow(database: Database, clock: OffsetClock) -> None:
    """Every process reads the stored offset, so that moving the clock moves them all."""
    while True:
        await asyncio.sleep(CLOCK_REFRESH_S)
        with suppress(Exception):  # the database is away: the old offset stays good
            clock.offset = await read_offset(database)
