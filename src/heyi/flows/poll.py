"""Partners that do not report by themselves are asked: their list of changes page by page, then single rights (ask.py).

Claim (commit) → read a page → take it in, and the cursor with it (commit). Whoever dies in between is followed by
another worker from the last cursor; a page that is read twice changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime

import psycopg
import structlog

from heyi.flows import ask, report
from heyi.infra.tools import Tools
from heyi.provision import usage
from heyi.provision.usage.actions import as_events
from heyi.provision.usage.lists import Claimed, Page
from heyi.provision.usage.readers import READERS

SCOUT_S, AFTER_ERROR_S, STOP_S_MAX = 0.5, 1.0, 30.0
PAGES_MAX = 200  # a turn; a longer list goes on at once in the next one
log = structlog.get_logger("heyi.poll")


async def run_polls(tools: Tools, stop: asyncio.Event) -> None:
    """Poll what is due until `stop` is set; every source by itself, so that a slow one holds up nobody."""
    flying: set[asyncio.Task[None]] = set()
    while not stop.is_set():
        gap_s = SCOUT_S
        try:
            async with tools.db.transaction() as tx:
                most = usage.sources.AT_ONCE_MAX - len(flying)
                due = await usage.sources.claim(
                    tx, tools.sealing, most=most, now=tools.clock.now(), wall=tools.clock.wall()
                )
            for source in due:
                flying.add(task := asyncio.create_task(_safely(tools, source)))
                task.add_done_callback(flying.discard)
        except Exception:
            log.exception("looking for due sources failed; trying again")
            gap_s = AFTER_ERROR_S
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), gap_s)
    if flying:
        await asyncio.wait(flying, timeout=STOP_S_MAX)


async def poll(tools: Tools, source: Claimed) -> None:
    """Read a source to its end, then ask about rights that it was silent about for too long."""
    page, drained_at, odd = Page(cursor=source.cursor), None, 0
    reader = READERS[source.protocol]
    for _ in range(PAGES_MAX):
        asked_at = tools.clock.wall()
        page = await ask.read(tools, reader.page(source.base_url, source.key, page.cursor, latest=ask.latest(tools)))
        if page.problem or not await _take_in(tools, source, page, asked_at):
            break
        odd += len(page.odd)
        if not page.more:
            drained_at = tools.clock.now()
            break
    problem, compared = page.problem, 0
    if drained_at is not None:
        compared, problem = await ask.silent(tools, source)
    async with tools.db.transaction() as tx:
        await usage.sources.finish(
            tx, source, problem=problem, drained_at=drained_at, compared=compared, odd=odd, now=tools.clock.now()
        )


async def _safely(tools: Tools, source: Claimed) -> None:
    try:
        await poll(tools, source)
    except Exception as error:
        log.exception("a poll broke; it is tried again later", source=str(source.id))
        with contextlib.suppress(psycopg.Error):  # its lease brings it back
            async with tools.db.transaction() as tx:
                problem = f"reading it broke: {type(error).__name__}"
                await usage.sources.finish(tx, source, problem=problem, now=tools.clock.now())


async def _take_in(tools: Tools, source: Claimed, page: Page, asked_at: datetime) -> bool:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        if not await usage.sources.advance(tx, source, page, wall=tools.clock.wall()):
            return False
        await report.take_in(tx, source.partner_id, as_events(page, asked_at, now), origin="polled", now=now)
    return True
