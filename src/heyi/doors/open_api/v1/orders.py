"""Orders: quote, place, read, list, cancel, timeline, reveal."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import Caller, allow, caller_of
from heyi.doors.complaints import BadBody
from heyi.doors.open_api.v1.entitlements import RevealedShape, revealed_shape
from heyi.doors.open_api.v1.order_shapes import (
    HappeningShape,
    OrderShape,
    QuoteShape,
    happening,
    order_shape,
    quote_shape,
)
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.reading import StrictRequest
from heyi.doors.shapes import Accounts, Body, CodeWord, Count, Line, MoneyBody, Short, id_in
from heyi.flows import buy, hold, reveal, timeline
from heyi.infra.gather import Gather
from heyi.infra.tools import Tools
from heyi.kernel.errors import Kind, Refused
from heyi.kernel.money import Money
from heyi.order import checkout
from heyi.order.checkout import Asked

Gatherer = Gather[Asked, buy.Answer]
_CLEAN = r"^[^\x00-\x1f\x7f\ud800-\udfff]*$(?!\n)"  # what a browser sends is kept as it is, but not what cannot be kept


class UnknownGateway(Refused):
    """`pay_with` names a gateway that this alliance does not have."""

    code, kind = "payment.unknown_gateway", Kind.UNPROCESSABLE
    zh = "未开通支付方式 {gateway};可用:balance"
    en = "this alliance has no gateway {gateway}; it takes: balance"


class BuyerBody(Body):
    id: Short
    phone: Short | None = None
    ip: Annotated[str, Meta(max_length=64, pattern=_CLEAN)] | None = None
    device_id: Annotated[str, Meta(max_length=200, pattern=_CLEAN)] | None = None
    user_agent: Annotated[str, Meta(max_length=1000, pattern=_CLEAN)] | None = None


class ShipToBody(Body):
    name: Line
    phone: Short
    address: Line


class OrderBody(Body):
    """An order. `channel_order_no` is its idempotency key, for ever."""

    channel_order_no: Short
    bundle: CodeWord
    buyer: BuyerBody
    quantity: Count = 1
    bundle_version: Annotated[int, Meta(ge=1, le=1_000_000)] | None = None
    accounts: Accounts = {}
    choices: Annotated[dict[CodeWord, Annotated[list[CodeWord], Meta(max_length=50)]], Meta(max_length=20)] = {}
    ship_to: ShipToBody | None = None
    expected_amount: MoneyBody | None = None
    metadata: Annotated[dict[str, Any], Meta(max_length=50)] | None = None
    pay_with: Short = "balance"


_question = msgspec.json.Encoder(order="deterministic")


def _metadata(body: OrderBody) -> dict[str, Any] | None:
    """The channel's own words as they are. Raises BadBody for a NUL in them: PostgreSQL cannot keep one."""
    open_ends: list[Any] = [body.metadata]
    while open_ends:
        value = open_ends.pop()
        if isinstance(value, dict):
            open_ends += [*value, *value.values()]
        elif isinstance(value, list):
            open_ends += value
        elif isinstance(value, str) and "\x00" in value:
            raise BadBody(
                "/metadata", zh="metadata 的文本含有 NUL 字符", en="a text in metadata contains a NUL character"
            )
    return body.metadata


def asked_of(body: OrderBody, caller: Caller) -> Asked:
    """The question in checkout's words. Where the buyer sat when asking is not part of what was asked."""
    if body.pay_with != "balance":
        raise UnknownGateway("/pay_with", gateway=body.pay_with)
    buyer = body.buyer
    same = (
        body.bundle, buyer.id, buyer.phone, body.quantity, body.bundle_version, body.accounts, body.choices,
        body.ship_to, body.expected_amount, body.metadata, body.pay_with,
    )  # fmt: skip
    expected = body.expected_amount
    ship_to = None if body.ship_to is None else msgspec.structs.asdict(body.ship_to)
    personal = {name: value for name, value in msgspec.structs.asdict(buyer).items() if value is not None}
    if body.accounts:
        personal["accounts"] = body.accounts
    if ship_to is not None:
        personal["ship_to"] = ship_to
    return Asked(
        caller.id, body.channel_order_no, buyer.id, body.bundle, body.quantity,
        hashlib.blake2b(_question.encode(same), digest_size=16).digest(), body.bundle_version, body.accounts,
        {group: tuple(picked) for group, picked in body.choices.items()}, ship_to,
        None if expected is None else Money(expected.amount_minor, expected.currency), personal, _metadata(body),
    )  # fmt: skip


@post(
    "/orders", guards=[allow("channel", "orders:write")], opt={"stores_no_answer": True},
    summary="Place an order, paid from the channel's deposit", tags=["orders"],
    description="200 and `Idempotent-Replayed: true` when the channel_order_no was accepted before.",
)  # fmt: skip
async def place_order(data: OrderBody, request: StrictRequest) -> Response[OrderShape]:
    # Injected dependencies would be resolved in a task group of their own: a third of this route's CPU.
    orders: Gatherer = request.app.state.orders
    answer = await orders.ask(asked_of(data, caller_of(request.scope)))
    if isinstance(answer, Refused):
        raise answer
    order, replayed = answer
    held: dict[UUID, list[str]] = {}
    if replayed:
        tools: Tools = request.app.state.tools
        async with tools.db.reading() as tx:
            held = await hold.held_of(tx, [order], now=tools.clock.now())
    return Response(
        order_shape(order, held), status_code=200 if replayed else 201,
        headers={"Idempotent-Replayed": "true"} if replayed else {},
    )  # fmt: skip


@post(
    "/orders/quote", guards=[allow("channel", "orders:read")], opt={"stores_no_answer": True}, status_code=200,
    summary="What an order would cost and how it would be delivered; writes nothing", tags=["orders"],
)  # fmt: skip
async def quote_order(data: OrderBody, caller: Caller, tools: Tools) -> QuoteShape:
    return quote_shape(await buy.quote(tools, asked_of(data, caller)))


@get("/orders/{order_id:str}", guards=[allow("channel", "orders:read")], summary="An order as it is now",
     tags=["orders"])  # fmt: skip
async def get_order(order_id: str, caller: Caller, tools: Tools) -> OrderShape:
    async with tools.db.reading() as tx:
        order = await checkout.find(tx, id_in("ord", order_id), channel_id=caller.id)
        return order_shape(order, await hold.held_of(tx, [order], now=tools.clock.now()))


@get("/orders", guards=[allow("channel", "orders:read")], summary="The channel's orders, newest first",
     tags=["orders"])  # fmt: skip
async def list_orders(
    caller: Caller,
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    channel_order_no: Annotated[str | None, Parameter(max_length=64)] = None,
    buyer: Annotated[str | None, Parameter(max_length=80)] = None,
    in_state: Annotated[str | None, Parameter(query="state", max_length=20, description="the fulfilment axis")] = None,
    since: datetime | None = None,
) -> Page[OrderShape]:
    async with tools.db.reading() as tx:
        found = await checkout.search(
            tx, channel_id=caller.id, before=before(cursor), limit=limit + 1, number=channel_order_no, buyer=buyer,
            state=in_state, since=since,
        )  # fmt: skip
        held = await hold.held_of(tx, found, now=tools.clock.now())
    return paged(found, limit, lambda order: order_shape(order, held))


@get("/orders/{order_id:str}/timeline", guards=[allow("channel", "orders:read")],
     summary="Everything that happened to an order, oldest first", tags=["orders"])  # fmt: skip
async def order_timeline(order_id: str, caller: Caller, tools: Tools) -> list[HappeningShape]:
    async with tools.db.reading() as tx:
        order = await checkout.find(tx, id_in("ord", order_id), channel_id=caller.id)
    return [happening(one) for one in await timeline.of_order(tools, order.id, order.lane)]


@post("/orders/{order_id:str}/reveal", guards=[allow("channel", "entitlements:write")], status_code=200,
      opt={"stores_no_answer": True}, summary="All of an order's card keys and links at once; recorded",
      tags=["orders"])  # fmt: skip
async def reveal_order(order_id: str, caller: Caller, tools: Tools) -> list[RevealedShape]:
    async with tools.db.reading() as tx:
        order = await checkout.find(tx, id_in("ord", order_id), channel_id=caller.id)
    return [revealed_shape(one) for one in await reveal.order(tools, order.id, order.lane, by=caller.name)]


HANDLERS = [place_order, quote_order, get_order, list_orders, order_timeline, reveal_order]
