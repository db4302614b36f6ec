"""The buyer activates a right: his accounts release a delivery that waited for them, or a delivered right begins."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.tools import Tools
from heyi.order import checkout
from heyi.order.checkout import ItemMove
from heyi.provision import entitlement, fulfilment
from heyi.provision.entitlement import Right
from heyi.provision.fulfilment import Release


async def activate(tools: Tools, channel_id: UUID, entitlement_id: UUID, accounts: Mapping[str, str]) -> Right:
    """The right as it is then. The same accounts again answer its present state; others are refused once sent.

    Raises the entitlement's refusals; faulty accounts carry the pointer /accounts/<name>.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        seen = await entitlement.find(tx, entitlement_id, channel_id=channel_id, now=now)
        # Tasks, orders, rights: the order in which the worker locks them too. A refusal by the right undoes it all.
        released = await fulfilment.release(tx, [Release(seen.lane, seen.item_id, dict(accounts))], now=now)
        moves = [ItemMove(seen.lane, seen.order_id, item, "start") for item in released]
        moved = await checkout.move_items(tx, moves, now=now)
        right, facts = await entitlement.activate(
            tx, tools.sealing, entitlement_id, accounts, channel_id=channel_id, now=now
        )
        await outbox.write(tx, [*facts, *moved], now=now)
    return right
