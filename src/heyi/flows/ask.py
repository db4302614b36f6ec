"""A partner is asked about single rights: those it was silent about for too long, and one that somebody asks about."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from heyi.flows import compare, report
from heyi.flows.compare import Hearing
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.talk import Look
from heyi.provision import entitlement, fulfilment, usage
from heyi.provision.usage import Told, rules
from heyi.provision.usage.actions import as_events
from heyi.provision.usage.errors import NoNumber, NotPolled, SourceSilent
from heyi.provision.usage.lists import Claimed, Page
from heyi.provision.usage.readers import READERS

TIMEOUT_S = 15.0
COMPARED_MAX = 200  # silent rights asked about a turn


async def about(tools: Tools, entitlement_id: UUID) -> None:
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


async def silent(tools: Tools, source: Claimed) -> tuple[int, str | None]:
    """Ask about rights that it was silent about for too long: how many were answered, and what went wrong."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        since = now - timedelta(seconds=source.fresh_s)
        quiet = await usage.silent(tx, source.partner_id, since=since, most=COMPARED_MAX)
        rights = await entitlement.provider.look(tx, quiet)
        numbers = await fulfilment.numbers.delivered_under(tx, {id: right.order_id for id, right in rights.items()})
        await usage.asked(tx, set(quiet) - set(numbers), now=now)  # there is nothing to ask by
    asked, problem = 0, None
    for some in rules.chunks(numbers, READERS[source.protocol].SOME_MAX):
        problem = await _ask(tools, source, {number: id for id, number in some.items()})
        if problem is not None:
            break
        asked += len(some)
    return asked, problem


async def _ask(tools: Tools, source: Claimed, numbers: Mapping[str, UUID]) -> str | None:
    """What they say of these rights ({number: entitlement}); what their whole answer leaves out, they do not know."""
    left, reader = dict(numbers), READERS[source.protocol]
    while left:
        asked_at = tools.clock.wall()
        page = await read(tools, reader.some(source.base_url, source.key, list(left), latest=latest(tools)))
        named = left.keys() & ({one.number for one in page.rights} | {one.number for one in page.odd})
        if page.problem is not None or (page.more and not named):
            return page.problem or "unreadable: more to come, and no way to it"
        whole = not page.more and all(one.number for one in page.odd)
        now, known = tools.clock.now(), [left[number] for number in named]
        missing = [id for number, id in left.items() if whole and number not in named]
        told = {id: [Told(None, asked_at, asked_at)] for id in missing}
        async with tools.db.transaction() as tx:
            await report.take_in(tx, source.partner_id, as_events(page, asked_at, now), origin="asked", now=now)
            await compare.compare(tx, told, dict.fromkeys(told, source.partner_id), Hearing("asked", now))
            await usage.asked(tx, known + missing, now=now)
        left = {number: id for number, id in left.items() if page.more and number not in named}
    return None


def latest(tools: Tools) -> datetime:
    """The latest time that a partner's clock may show now."""
    return rules.latest(tools.clock.now(), tools.clock.wall())


async def read(tools: Tools, look: Look[Page]) -> Page:
    """A page of theirs, or why there is none."""
    heard: list[Heard] = []
    page = await tools.http.look(look, timeout_s=TIMEOUT_S, heard=heard)
    return Page(problem=heard[-1].error) if page is None else page
