"""What checkout tells the world. No personal data: buyers appear by the channel's own id only."""

from __future__ import annotations

from uuid import UUID

from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.kernel.parts import CHOICE, Part
from heyi.order.checkout.model import DELIVERED, Item, Order, Placed, PlacedItem


def _item(placed: Placed, item: PlacedItem, name: str) -> Fact:
    part, asked = item.line.part, placed.accepted.asked
    return Fact(
        name,
        {"benefit": part.benefit, "kind": part.kind, "component": part.component},
        placed.lane,
        placed.id,
        item.id,
        item.entitlement_id,
        asked.channel_id,
        part.partner_id,
        asked.buyer,
    )


def of_placed(placed: Placed) -> list[Fact]:
    """An order was paid; some of its items were delivered in the same breath."""
    asked, basket = placed.accepted.asked, placed.accepted.basket
    amount = {"amount_minor": basket.amount.amount_minor, "currency": basket.amount.currency}
    items = [
        {"id": to_text("itm", item.id), "benefit": item.line.part.benefit, "state": item.line.state}
        for item in placed.items
    ]
    data: dict[str, object] = {
        "channel_order_no": asked.number,
        "bundle": basket.bundle,
        "bundle_version": basket.version,
        "amount": amount,
        "items": items,
    }
    facts = [Fact("order.paid", data, placed.lane, placed.id, channel_id=asked.channel_id, buyer=asked.buyer)]
    facts += [_item(placed, item, "item.delivered") for item in placed.items if item.line.state == DELIVERED]
    if all(item.line.state == DELIVERED for item in placed.items):
        facts.append(order_fulfilled(placed.lane, placed.id, asked.channel_id, asked.buyer, "done"))
    return facts


def order_fulfilled(lane: int, order_id: UUID, channel_id: UUID, buyer: str, how: str) -> Fact:
    """Every item of an order has come to its end; `how` is done, partial or failed."""
    return Fact("order.fulfilled", {"fulfilment": how}, lane, order_id, channel_id=channel_id, buyer=buyer)


_NAMES = {
    "deliver": "item.delivered",
    "fail": "item.failed",
    "cancel": "item.cancelled",
    "want_stock": "item.waiting",
    "want_buyer": "item.waiting",
    "start": "item.started",
    "schedule": "item.scheduled",
}


def item_chosen(order: Order, item_id: UUID, part: Part) -> Fact:
    """What was left open when it was bought is chosen."""
    entitlement = next(item.entitlement_id for item in order.items if item.id == item_id)
    data: dict[str, object] = {"benefit": part.benefit, "kind": part.kind, "component": part.component}
    return Fact("item.chosen", data, order.lane, order.id, item_id, entitlement, order.channel_id, part.partner_id,
                order.buyer)  # fmt: skip


def item_moved(order: Order, item: Item, move: str, problem: str | None) -> Fact:
    """One item moved after the order was placed; `item` as it is now."""
    data: dict[str, object] = {
        "benefit": item.benefit,
        "kind": item.kind,
        "component": item.component,
        "state": item.state,
    }
    if problem:
        data["problem"] = problem
    partner = item.terms.get("partner") if item.kind != CHOICE else None
    return Fact(
        _NAMES[move],
        data,
        order.lane,
        order.id,
        item.id,
        item.entitlement_id,
        order.channel_id,
        UUID(str(partner)) if partner else None,
        order.buyer,
    )
