"""Freeze a right and free it again, with what is still to be delivered of it; and what is held of orders.

Everything that waits for a held item stands still (fulfilment.holding). When its last hold is over it goes on; a pause
moves its days by as long as it lasted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from heyi.flows import scene
from heyi.flows.carry import settle
from heyi.infra import outbox
from heyi.infra.db import Row, Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.order import checkout
from heyi.order.checkout import Order
from heyi.provision import entitlement
from heyi.provision.entitlement import Right
from heyi.provision.entitlement.holds import PAUSE, Lifted
from heyi.provision.fulfilment import holding

RUN_OUT_MAX = 200  # holds a transaction


async def hold(tools: Tools, entitlement_id: UUID, reason: str, *, by: str, until: datetime | None) -> Right:
    """Hold a right. Raises the entitlement's refusals."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        seen = await entitlement.find(tx, entitlement_id, now=now)
        await holding.hold(tx, [(seen.lane, seen.item_id)], now=now)
        right, facts = await entitlement.holds.hold(tx, entitlement_id, reason, by=by, until=until, now=now)
        await outbox.write(tx, facts, now=now)
    return right


async def lift(tools: Tools, entitlement_id: UUID, reason: str, *, by: str) -> Right:
    """Lift a hold. Raises the entitlement's refusals."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        seen = await entitlement.find(tx, entitlement_id, now=now)
        tasks = await _lock(tx, [(seen.lane, seen.item_id)], [seen.order_id])
        right, lifted, facts = await entitlement.holds.lift(tx, entitlement_id, reason, by=by, now=now)
        await _free(tx, tools, tasks, [lifted], facts, now=now)
    return right


async def run_out(tools: Tools) -> int:
    """One batch of holds that had an end, and came to it."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        over = await entitlement.holds.running_out(tx, most=RUN_OUT_MAX, now=now)
        if over:
            tasks = await _lock(tx, [(row.lane, row.item_id) for row in over], [row.order_id for row in over])
            lifted, facts = await entitlement.holds.run_out(tx, over, now=now)
            await _free(tx, tools, tasks, lifted, facts, now=now)
    return len(over)


async def _lock(tx: Tx, items: Sequence[tuple[int, UUID]], orders: Collection[UUID]) -> list[Row]:
    """Tasks, orders, and then rights: the order in which everybody locks them."""
    tasks = await holding.lock(tx, items)
    if tasks:
        await checkout.read(tx, sorted(set(orders)), lock=True)
    return tasks


async def _free(
    tx: Tx, tools: Tools, tasks: Sequence[Row], lifted: Sequence[Lifted], facts: Sequence[Fact], *, now: datetime
) -> None:
    overs = [
        holding.Over(one.right.item_id, one.since, one.at, pause=one.reason == PAUSE, free=not one.right.holds)
        for one in lifted
    ]
    woken, moved = await holding.free(tx, tasks, overs)
    outcomes, told = await scene.go_on(tx, tools, woken, now=now)
    await settle(tx, tools, [*moved, *outcomes], [*facts, *told], now=now)


async def held_of(tx: Tx, orders: Sequence[Order], *, now: datetime) -> dict[UUID, list[str]]:
    """The holds on the rights of these orders' items, by entitlement."""
    rights = [item.entitlement_id for order in orders for item in order.items if item.entitlement_id is not None]
    return await entitlement.holds.held(tx, rights, now=now)
