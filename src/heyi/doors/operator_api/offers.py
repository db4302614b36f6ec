"""Offers: where a benefit comes from, what it costs there, and which place is asked first."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from litestar import get, patch, post
from msgspec import Meta

from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.benefits import money_in
from heyi.doors.operator_api.partners import READ, WRITE
from heyi.doors.shapes import Body, Line, MoneyBody, MoneyShape, Shape, Short, id_in, money
from heyi.flows import source
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.offer.catalog.model import BenefitOffer
from heyi.provision.fulfilment.products import ProductSeen

ProductNo = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
Priority = Annotated[int, Meta(ge=0, le=1_000_000, description="the lowest active one comes first")]
Weight = Annotated[int, Meta(ge=0, le=1000, description="among equals: two are chosen twice as often as one")]
# The state that a change asks for, as the move that leads there.
MOVES = {None: None, "held": "hold", "active": "resume", "withdrawn": "withdraw"}


class OfferBody(Body):
    """`supplier` is named for source supplier alone. A card key comes from stock or a supplier, a top-up from a
    supplier, everything else from our own hands or a supplier.
    """

    source: Literal["stock", "supplier", "own"]
    cost: MoneyBody
    supplier: Short | None = None
    product_no: ProductNo = ""
    priority: Priority = 100
    weight: Weight = 1


class OfferPatch(Body):
    """What is left out stays. It counts from the next order on. `why` says what it is held for."""

    cost: MoneyBody | None = None
    product_no: ProductNo | None = None
    priority: Priority | None = None
    weight: Weight | None = None
    why: Line | None = None
    state: Literal["active", "held", "withdrawn"] | None = None


class HeardShape(Shape):
    """What the supplier last said of the product (`stock` null: it does not tell). `gone_at`: it shows it no more."""

    title: str
    price: MoneyShape | None
    stock: int | None
    on_sale: bool | None
    seen_at: datetime
    gone_at: datetime | None


class OfferShape(Shape):
    """`cost` is what an operator set or accepted; `heard` what the supplier last said, null when it never did."""

    id: str
    benefit: str
    source: str
    supplier: str | None
    product_no: str
    cost: MoneyShape
    priority: int
    weight: int
    state: str
    held_why: str | None
    created_at: datetime | None
    heard: HeardShape | None


def heard_shape(one: ProductSeen) -> HeardShape:
    price = None if one.price_minor is None else MoneyShape(amount_minor=one.price_minor, currency=one.currency)
    return HeardShape(
        title=one.title, price=price, stock=one.stock, on_sale=one.on_sale, seen_at=one.seen_at, gone_at=one.gone_at
    )


def offer_shape(offer: BenefitOffer, heard: ProductSeen | None) -> OfferShape:
    return OfferShape(
        id=to_text("ofr", offer.id), benefit=to_text("ben", offer.benefit_id), source=offer.source,
        supplier=to_text("sup", offer.supplier_id) if offer.supplier_id else None, product_no=offer.product_no,
        cost=money(offer.cost), priority=offer.priority, weight=offer.weight, state=offer.state,
        held_why=offer.held_why, created_at=offer.created_at, heard=None if heard is None else heard_shape(heard),
    )  # fmt: skip


@post("/benefits/{benefit_id:str}/offers", guards=[WRITE], summary="Add a place where it comes from", tags=["offers"])
async def make_offer(
    benefit_id: str, data: OfferBody, tools: Tools, idempotency_key: IdempotencyKey = None
) -> OfferShape:
    made = await source.add_offer(
        tools, id_in("ben", benefit_id), source=data.source,
        supplier_id=None if data.supplier is None else id_in("sup", data.supplier),
        product_no=data.product_no, cost=money_in(data.cost), priority=data.priority, weight=data.weight,
    )  # fmt: skip
    return offer_shape(*made)


@get("/benefits/{benefit_id:str}/offers", guards=[READ], summary="A benefit's offers, best first", tags=["offers"])
async def list_offers(benefit_id: str, tools: Tools) -> list[OfferShape]:
    return [offer_shape(*one) for one in await source.offers(tools, id_in("ben", benefit_id))]


@patch("/offers/{offer_id:str}", guards=[WRITE], summary="Change, hold, resume or withdraw an offer", tags=["offers"])
async def change_offer(offer_id: str, data: OfferPatch, tools: Tools) -> OfferShape:
    changed = await source.change_offer(
        tools, id_in("ofr", offer_id), product_no=data.product_no,
        cost=None if data.cost is None else money_in(data.cost), priority=data.priority, weight=data.weight,
        move=MOVES[data.state], why=data.why,
    )  # fmt: skip
    return offer_shape(*changed)


HANDLERS = [make_offer, list_offers, change_offer]
