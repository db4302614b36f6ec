"""The buyer activates a right: his accounts release a delivery that waited for them, or a delivered right begins."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from heyi.flows import scene
from heyi.flows.carry import settle
from heyi.infra.tools import Tools
from heyi.provision import entitlement
from heyi.provision.entitlement import Right
from heyi.provision.fulfilment import Release, waiting


async def activate(tools: Tools, channel_id: UUID, entitlement_id: UUID, accounts: Mapping[str, str]) -> Right:
    """The right as it is then. The same accounts again answer its present state; others are refused once sent.

    Raises the entitlement's refusals; faulty accounts carry the pointer /accounts/<name>.
    """
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        seen = await entitlement.find(tx, entitlement_id, channel_id=channel_id, now=now)
        # Tasks, orders, rights: the order in which the worker locks them too. A refusal by the right undoes it all.
        woken = await waiting.asked_for(tx, [Release(seen.lane, seen.item_id, dict(accounts))], now=now)
        await scene.lock_orders(tx, woken)
        outcomes, told = await scene.go_on(tx, tools, woken, now=now)
        _, facts = await entitlement.activate(
            tx, tools.sealing, entitlement_id, accounts, channel_id=channel_id, now=now
        )
        await settle(tx, tools, outcomes, [*facts, *told], now=now)
        return await entitlement.find(tx, entitlement_id, now=now)
