"""What waits is brought on: by what happened to another item, or because its time has come."""

from __future__ import annotations

from collections.abc import Sequence

from heyi.flows import choose, scene
from heyi.flows.carry import settle
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.order import checkout
from heyi.provision.fulfilment import waiting

OVERDUE_MAX = 200


async def release_waiting(tools: Tools, facts: Sequence[Fact]) -> int:
    """Another item was activated or redeemed: what waited for that goes on. Or it is over: then comes the else.

    Answers how many tasks moved. Doing it twice moves nothing.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        order_ids = await waiting.orders_with_waits(tx, facts)
        if not order_ids:
            return 0
        orders = await checkout.read(tx, order_ids)
        components = {item.id: item.component for order in orders for item in order.items}
        names = [(item.order_id, item.component) for order in orders for item in order.items]
        alone = {
            item.id for order in orders for item in order.items if names.count((item.order_id, item.component)) == 1
        }
        woken = await waiting.awaited(
            tx, [fact for fact in facts if fact.order_id in order_ids], components, alone, now=now
        )
        await scene.lock_orders(tx, woken)
        outcomes, told = await scene.go_on(tx, tools, woken, now=now)
        await settle(tx, tools, outcomes, told, now=now)
    return len(woken)


async def end_waiting(tools: Tools) -> int:
    """What waited long enough goes on: its time has come, or what it waited for has not come in time."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        woken = await waiting.overdue(tx, most=OVERDUE_MAX, now=now)
        await scene.lock_orders(tx, woken)
        found = choose.split(woken, tools)
        outcomes, told = await scene.go_on(tx, tools, found[False], now=now)
        await settle(tx, tools, outcomes, told, now=now)
        await choose.by_default(tx, tools, found[True], now=now)
    return len(woken)
