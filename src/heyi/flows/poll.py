"""Partners that do not report by themselves are asked: their list of changes page by page, and single rights.

Claim (commit) → read a page → take it in, and the cursor with it (commit). Whoever dies in between is followed by
another worker from the last cursor; a page that is read twice changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

import structlog

from heyi.flows import compare, report
from heyi.flows.compare import Hearing
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.talk import Look
from heyi.provision import entitlement, fulfilment, usage
from heyi.provision.usage import Told
from heyi.provision.usage.actions import as_events
from heyi.provision.usage.errors import NoNumber, NotPolled, SourceSilent
from heyi.provision.usage.lists import Claimed, Page
from heyi.provision.usage.readers import READERS
from heyi.provision.usage.rules import chunks

SCOUT_S, AFTER_ERROR_S, TIMEOUT_S, STOP_S_MAX = 0.5, 1.0, 15.0, 30.0
PAGES_MAX = 200  # a turn; a longer list goes on at once in the next one
COMPARED_MAX = 200  # silent rights asked about a turn
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
    page, drained_at = Page(cursor=source.cursor), None
    for _ in range(PAGES_MAX):
        asked_at = tools.clock.wall()
        page = await _look(tools, READERS[source.protocol].page(source.base_url, source.key, page.cursor))
        if page.problem or not await _take_in(tools, source, page, asked_at):
            break
        if not page.more:
            drained_at = tools.clock.now()
            break
    problem, compared = page.problem, 0
    if drained_at is not None:
        compared, problem = await _compare(tools, source)
    async with tools.db.transaction() as tx:
        await usage.sources.finish(
            tx, source, problem=problem, drained_at=drained_at, compared=compared, now=tools.clock.now()
        )


async def sync(tools: Tools, entitlement_id: UUID) -> None:
    """Ask the partner about one right now. Raises EntitlementNotFound, NotPolled, NoNumber, SourceSilent."""
    async with tools.db.reading() as tx:
        right = await entitlement.find(tx, entitlement_id, now=tools.clock.now())
        source = await usage.sources.for_asking(tx, tools.sealing, right.partner_id)
        numbers = await fulfilment.numbers.delivered_under(tx, {right.id: right.order_id})
    if source is None:
        raise NotPolled
    if not numbers:
        raise NoNumber
    problem = await _ask(tools, source, {number: id for id, number in numbers.items()})
    if problem is not None:
        raise SourceSilent(problem=problem)


async def _safely(tools: Tools, source: Claimed) -> None:
    try:
        await poll(tools, source)
    except Exception:
        log.exception("a poll broke; its lease brings it back", source=str(source.id))


async def _take_in(tools: Tools, source: Claimed, page: Page, asked_at: datetime) -> bool:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        if not await usage.sources.advance(tx, source, page, wall=tools.clock.wall()):
            return False
        await report.take_in(tx, source.partner_id, as_events(page, asked_at, now), origin="polled", now=now)
    return True


async def _compare(tools: Tools, source: Claimed) -> tuple[int, str | None]:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        since = now - timedelta(seconds=source.fresh_s)
        silent = await usage.silent(tx, source.partner_id, since=since, most=COMPARED_MAX, now=now)
        rights = await entitlement.provider.look(tx, silent)
        numbers = await fulfilment.numbers.delivered_under(tx, {id: right.order_id for id, right in rights.items()})
    asked, problem = 0, None
    for some in chunks(numbers, READERS[source.protocol].SOME_MAX):
        problem = await _ask(tools, source, {number: id for id, number in some.items()})
        if problem is not None:
            break
        asked += len(some)
    return asked, problem


async def _ask(tools: Tools, source: Claimed, numbers: Mapping[str, UUID]) -> str | None:
    """What they say of these rights ({number: entitlement}); what they leave out, they do not know."""
    asked_at = tools.clock.wall()
    page = await _look(tools, READERS[source.protocol].some(source.base_url, source.key, list(numbers)))
    if page.problem is not None:
        return page.problem
    now, named = tools.clock.now(), {one.number for one in page.rights}
    missing = {id: [Told(None, asked_at, asked_at)] for number, id in numbers.items() if number not in named}
    async with tools.db.transaction() as tx:
        await report.take_in(tx, source.partner_id, as_events(page, asked_at, now), origin="asked", now=now)
        await compare.compare(tx, missing, dict.fromkeys(missing, source.partner_id), Hearing("asked", now))
    return None


async def _look(tools: Tools, look: Look[Page]) -> Page:
    heard: list[Heard] = []
    page = await tools.http.look(look, timeout_s=TIMEOUT_S, heard=heard)
    return Page(problem=heard[-1].error) if page is None else page
