"""How long card keys last: counted, shown, and warned of before they run out or go to waste."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.parts import CARD_KEY
from heyi.offer import catalog
from heyi.offer.catalog.model import Benefit
from heyi.provision import stock
from heyi.provision.fulfilment import waiting
from heyi.provision.stock.model import ExpiringBatch, Level
from heyi.watch import warning

AT_ONCE = 100  # benefits in one transaction
EXPIRING_DAYS = 30

Shelf = tuple[Benefit, Level, int]  # a benefit, its keys, and how many items wait for some


async def count(tools: Tools) -> int:
    """Add up what orders took."""
    async with tools.db.transaction() as tx:
        await stock.levels.forget(tx, now=tools.clock.now())
        return await stock.levels.count(tx)


async def page(tools: Tools, *, search: str | None, before: UUID | None, limit: int) -> list[Shelf]:
    """Benefits whose keys we keep, newest first, and how long these last."""
    async with tools.db.reading() as tx:
        found = await catalog.benefits.search(
            tx, search=search, partner_id=None, kind=CARD_KEY, before=before, most=limit
        )  # fmt: skip
        return await _shelves(tx, tools, found)


async def one(tools: Tools, benefit_id: UUID) -> tuple[Shelf, list[ExpiringBatch]]:
    """One benefit's keys, and the batches of those that expire within a month. Raises BenefitNotFound."""
    async with tools.db.reading() as tx:
        shelves = await _shelves(tx, tools, [await catalog.benefits.read(tx, benefit_id)])
        now = tools.clock.now()
        return shelves[0], await stock.levels.expiring(tx, benefit_id, days=EXPIRING_DAYS, now=now)


async def _shelves(tx: Tx, tools: Tools, benefits: Sequence[Benefit]) -> list[Shelf]:
    limits = await warning.thresholds.of(tx, [to_text("ben", one.id) for one in benefits])
    days = {one.id: limits[to_text("ben", one.id)].expiring_days for one in benefits}
    levels = await stock.levels.of(tx, days, now=tools.clock.now())
    waits = await waiting.waiting_for_stock(tx, list(days))
    return [(one, levels[one.id], waits.get(one.id, 0)) for one in benefits]


async def watch(tools: Tools) -> int:
    """Warn of keys that run out, will run out, or expire unsold; answers how many benefits were looked at."""
    seen, before, more = 0, None, True
    while more:
        shelves = await page(tools, search=None, before=before, limit=AT_ONCE)
        now = tools.clock.now()
        async with tools.db.transaction() as tx:
            readings = [_reading(shelf) for shelf in shelves]
            await outbox.write(tx, await warning.watch_stock(tx, readings, now=now), now=now)
        seen, more = seen + len(shelves), len(shelves) == AT_ONCE
        before = shelves[-1][0].id if shelves else None
    return seen


def _reading(shelf: Shelf) -> warning.StockReading:
    benefit, level, waits = shelf
    return warning.StockReading(
        to_text("ben", benefit.id), benefit.code, level.ready, level.demand_milli, level.days_left, waits,
        level.soon_days, level.expiring, level.unsold,
    )  # fmt: skip
