"""What is due gets delivered: the worker's rounds at suppliers, and what our own hands give.

Claim (commit) → talk → record (commit). No transaction is open while a supplier talks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

import structlog

from heyi.flows import route
from heyi.flows.carry import settle
from heyi.infra.db import Tx
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.money import Money
from heyi.kernel.talk import Answer, Delivered, Unknown
from heyi.offer import catalog
from heyi.provision import stock
from heyi.provision.fulfilment import claims, delivering, routing, waiting
from heyi.provision.fulfilment.errand import Errand, Result

OWN_HANDS_MAX, RESCUED_MAX = 200, 500
log = structlog.get_logger("heyi.deliver")


async def work_due(tools: Tools) -> list[UUID]:
    """Supplier accounts with something due."""
    async with tools.db.reading() as tx:
        return await delivering.with_work(tx, now=tools.clock.now())


async def claim(
    tools: Tools,
    supplier: UUID,
    *,
    most: int,
    ended: Mapping[UUID, UUID] = MappingProxyType({}),
    held: int = 0,
    ahead: int = 0,
    looks: int | None = None,
) -> tuple[list[Errand], bool]:
    """Take up to `most` errands of one account, and say whether there may be more than its slots allowed; see
    fulfilment/delivering.py. Items that were scheduled until now begin with their first errand.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        errands, more = await delivering.claim(
            tx, tools.sealing, supplier, most=most, public_url=tools.settings.public_url, now=now,
            wall=tools.clock.wall(), ended=ended, held=held, ahead=ahead, looks=looks,
        )  # fmt: skip
        about = {one.offer_id for one in errands if one.buys and one.offer_id is not None}
        planned, errands = errands, routing.as_offered(errands, await catalog.benefits.offers_now(tx, about))
        await claims.expect(tx, planned, errands)
        await settle(tx, tools, delivering.begun(errands), [], now=now)
    return errands, more


async def talk(tools: Tools, errand: Errand) -> Result:
    """Hold the talk of one errand; whatever happens, there is a result."""
    heard: list[Heard] = []
    answer: Answer
    try:
        asked = delivering.talk(errand, tools.clock.wall())
        answer = await tools.http.hold(asked, timeout_s=errand.account.timeout_ms / 1000, heard=heard)
    except Exception as error:  # a fault of ours after bytes may have gone out: nobody knows
        log.exception("a talk broke", outer_number=errand.outer_number, supplier=errand.account.code)
        answer = Unknown(f"our own fault {type(error).__name__}")
    return delivering.finish(errand, answer, heard, tools.clock.now())


async def record(tools: Tools, results: Sequence[Result]) -> list[None]:
    """Record a group of results in one transaction; a second result of the same task goes into the next."""
    first = {r.errand.task_id: r for r in reversed(results)}
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        group = await _take_in(tx, tools, list(first.values()), now)
        ways = await route.after_no(tx, tools, group)
        recorded = await delivering.record(tx, group, ways, now=now, wall=tools.clock.wall())
        await settle(tx, tools, recorded.outcomes, recorded.facts, recorded.losses, now=now)
        await route.unmapped(tx, tools, group)
    rest = [r for r in results if first[r.errand.task_id] is not r]
    if rest:
        await record(tools, rest)
    return [None for _ in results]


async def _take_in(tx: Tx, tools: Tools, results: Sequence[Result], now: datetime) -> list[Result]:
    """Cards that suppliers handed over go into the vault first; cards that others have already deliver nothing."""
    handed = [r for r in results if isinstance(r.answer, Delivered) and r.answer.cards]
    if not handed:
        return list(results)
    late = await delivering.late(tx, handed)
    cards = [
        stock.BoughtCard(r.errand.benefit_id, r.errand.item_id, code, secret or None,
                         Money(r.errand.request.cost_minor, r.errand.request.currency), spare=r.errand.task_id in late)
        for r in handed if isinstance(r.answer, Delivered) for code, secret in r.answer.cards
    ]  # fmt: skip
    repeated = await stock.take_in(tx, tools.sealing, cards, now=now)
    return delivering.spoiled(results, {one.item_id for one in repeated})


async def give_due(tools: Tools) -> int:
    """Deliver what is due and ours to give: keys, links, vouchers; goods and services go to a person."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        due = await waiting.claim_due(tx, most=OWN_HANDS_MAX, now=now)
        keys = await stock.claim(tx, due.keys_needed, now=now)
        given = await waiting.give(tx, due, keys, now=now)
        await stock.issue(tx, given.issued, now=now)
        await settle(tx, tools, given.outcomes, given.facts, now=now)
    return len(due.tasks)


async def rescue(tools: Tools) -> int:
    """Tasks whose worker was lost in the middle of a talk: ask about them from now on."""
    async with tools.db.transaction() as tx:
        return await delivering.rescue(tx, most=RESCUED_MAX, now=tools.clock.now(), wall=tools.clock.wall())
