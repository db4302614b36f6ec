"""An item that waited for another is released by what happened to that one, or gets its else."""

from __future__ import annotations

from collections.abc import Sequence

from heyi.flows.carry import settle
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.order import checkout
from heyi.provision.fulfilment import waiting

OVERDUE_MAX = 200


async def release_waiting(tools: Tools, facts: Sequence[Fact]) -> int:
    """Another item was activated or redeemed: what waited for that is due now. Or it is over: then comes the else.

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
        count, outcomes = await waiting.release_by_events(
            tx, [fact for fact in facts if fact.order_id in order_ids], components, alone, now=now
        )
        await settle(tx, tools, outcomes, [], now=now)
    return count


async def end_waiting(tools: Tools) -> int:
    """The awaited event did not come in time: deliver all the same, or cancel, as the component says."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        count, outcomes = await waiting.end_overdue(tx, most=OVERDUE_MAX, now=now)
        await settle(tx, tools, outcomes, [], now=now)
    return count
