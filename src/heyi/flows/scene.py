"""What delivery flows look at, and bringing on what waits in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel import flow
from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.order import checkout
from heyi.order.checkout import Order, Placed
from heyi.provision import entitlement, fulfilment
from heyi.provision.entitlement import Right
from heyi.provision.fulfilment import Scene, Told, walking
from heyi.provision.fulfilment.errand import Outcome
from heyi.provision.fulfilment.model import Woken


async def go_on(tx: Tx, tools: Tools, woken: Sequence[Woken], *, now: datetime) -> tuple[list[Outcome], list[Fact]]:
    """Bring locked tasks on by their flows. Lock their orders first (`lock_orders`): what decides is locked here."""
    found = await scenes(tx, walking.need_scenes(woken), now=now)
    return await walking.go_on(tx, woken, found, zone=tools.settings.zone, now=now)


async def lock_orders(tx: Tx, woken: Sequence[Woken]) -> None:
    """Tasks, then all their orders in one go, then rights: whoever takes some orders later than others may wait in a
    ring with a recorder.
    """
    if woken:
        await checkout.read(tx, sorted({one.row.order_id for one in woken}), lock=True)


async def scenes(tx: Tx, order_ids: Sequence[UUID], *, now: datetime) -> dict[UUID, Scene]:
    """These orders as their flows see them now, locked."""
    if not order_ids:
        return {}
    orders = await checkout.read(tx, order_ids, lock=True)
    rights = await entitlement.lock_of_orders(tx, [(order.lane, order.id) for order in orders], now=now)
    by_item = {right.item_id: right for right in rights}
    return {order.id: _scene(order, by_item) for order in orders}


def _scene(order: Order, rights: Mapping[UUID, Right]) -> Scene:
    titles = {right.component: right.title for right in rights.values() if right.order_id == order.id}
    facts = {
        "order.channel": to_text("chn", order.channel_id),
        "order.bundle": order.bundle,
        "order.version": order.bundle_version,
        "order.amount": order.amount,
        "order.quantity": order.quantity,
        "order.paid_at": order.paid_at,
        **flow.of_components(_seen(item, rights[item.id]) for item in order.items if item.id in rights),
    }
    about = {
        item.id: Told(order.lane, order.id, item.id, item.entitlement_id, order.channel_id, order.buyer,
                      item.component, item.benefit, titles)
        for item in order.items
    }  # fmt: skip
    return Scene(facts, about)


def _seen(item: checkout.Item, right: Right) -> flow.Seen:
    over_at = right.ended_at or right.created_at if right.state in ("ended", "failed") else None
    return flow.Seen(
        item.component, right.properties.delivered_at, right.activated_at, right.properties.redeemed_at,
        ended_at=over_at if right.state == "ended" else None, failed_at=over_at if right.state == "failed" else None,
    )  # fmt: skip


def told_at_purchase(tools: Tools, placed: Sequence[Placed]) -> list[Fact]:
    """What the flows of these orders said on their way from the purchase to where their items wait."""
    told: list[Fact] = []
    for one in placed:
        titles = {item.line.part.component: item.line.part.title for item in one.items}
        for item in one.items:
            part, asked = item.line.part, one.accepted.asked
            if part.due.way is not None:
                about = Told(one.lane, one.id, item.id, item.entitlement_id, asked.channel_id, asked.buyer,
                             part.component, part.benefit, titles)  # fmt: skip
                told += fulfilment.told_at_purchase(about, part.due.way, tools.settings.zone)
    return told
