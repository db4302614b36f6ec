"""Freeze a right and free it again; and orders as they are seen, with what is held of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.order.checkout import Order
from heyi.provision import entitlement
from heyi.provision.entitlement import Right


async def hold(tools: Tools, entitlement_id: UUID, reason: str, *, by: str, until: datetime | None) -> Right:
    """Hold a right. Raises the entitlement's refusals."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        right, facts = await entitlement.holds.hold(tx, entitlement_id, reason, by=by, until=until, now=now)
        await outbox.write(tx, facts, now=now)
    return right


async def lift(tools: Tools, entitlement_id: UUID, reason: str, *, by: str) -> Right:
    """Lift a hold. Raises the entitlement's refusals."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        right, facts = await entitlement.holds.lift(tx, entitlement_id, reason, by=by, now=now)
        await outbox.write(tx, facts, now=now)
    return right


async def held_of(tx: Tx, orders: Sequence[Order], *, now: datetime) -> dict[UUID, list[str]]:
    """The holds on the rights of these orders' items, by entitlement."""
    rights = [item.entitlement_id for order in orders for item in order.items if item.entitlement_id is not None]
    return await entitlement.holds.held(tx, rights, now=now)
