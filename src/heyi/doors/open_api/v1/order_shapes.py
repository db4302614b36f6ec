"""What the orders door answers, and how an order becomes it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from heyi.doors.shapes import MoneyShape, Shape, money, problem_of
from heyi.flows.timeline import Happening
from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.order.checkout import Accepted, Order


class StatusShape(Shape):
    payment: str
    fulfilment: str
    refund: str
    review: str


class ItemShape(Shape):
    id: str
    benefit: str | None
    component: str
    kind: str
    role: str
    share: MoneyShape
    state: str
    due_at: datetime | None
    entitlement: str | None
    problem: str | None
    held: list[str]


class OrderShape(Shape):
    """An order as it is now. A card key is never in it: reveal it through its entitlement."""

    id: str
    channel_order_no: str
    buyer: str
    bundle: str
    bundle_version: int
    quantity: int
    status: StatusShape
    amount: MoneyShape
    items: list[ItemShape]
    metadata: dict[str, Any] | None
    created_at: datetime
    paid_at: datetime | None


def order_shape(order: Order, held: Mapping[UUID, list[str]]) -> OrderShape:
    """`held`: holds by entitlement, see flows/hold.py; a new order has none."""
    items = [
        ItemShape(
            id=to_text("itm", item.id), benefit=item.benefit or None, component=item.component, kind=item.kind,
            role=item.role,
            share=money(item.share), state=item.state, due_at=item.due_at,
            entitlement=None if item.entitlement_id is None else to_text("ent", item.entitlement_id),
            problem=item.problem, held=held.get(item.entitlement_id, []) if item.entitlement_id else [],
        )
        for item in order.items
    ]  # fmt: skip
    return OrderShape(
        id=to_text("ord", order.id), channel_order_no=order.number, buyer=order.buyer, bundle=order.bundle,
        bundle_version=order.bundle_version, quantity=order.quantity,
        status=StatusShape(
            payment=order.payment, fulfilment=order.fulfilment, refund=order.refund, review=order.review
        ),
        amount=money(order.amount), items=items, metadata=order.metadata, created_at=order.created_at,
        paid_at=order.paid_at,
    )  # fmt: skip


class QuotedItemShape(Shape):
    benefit: str | None
    component: str
    kind: str
    role: str
    share: MoneyShape
    state: str
    due_at: datetime | None


class RefusalShape(Shape):
    code: str
    zh: str
    en: str


class QuoteShape(Shape):
    """`refused` null: the order would be accepted now, and `items` would begin in these states."""

    accepted: bool
    refused: RefusalShape | None
    amount: MoneyShape | None
    bundle_version: int | None
    items: list[QuotedItemShape]


def quote_shape(verdict: Accepted | Refused) -> QuoteShape:
    if isinstance(verdict, Refused):
        return QuoteShape(
            accepted=False, refused=RefusalShape(**problem_of(verdict)), amount=None, bundle_version=None, items=[]
        )
    items = [
        QuotedItemShape(
            benefit=line.part.benefit or None, component=line.part.component, kind=line.part.kind, role=line.part.role,
            share=money(line.part.share), state=line.state, due_at=line.due_at,
        )
        for line in verdict.lines
    ]  # fmt: skip
    basket = verdict.basket
    return QuoteShape(
        accepted=True, refused=None, amount=money(basket.amount), bundle_version=basket.version, items=items
    )


class HappeningShape(Shape):
    """One line of an order's story."""

    at: datetime
    what: str
    text: str
    text_en: str
    data: dict[str, Any]


def happening(one: Happening) -> HappeningShape:
    return HappeningShape(at=one.at, what=one.what, text=one.text_zh, text_en=one.text_en, data=one.data)
