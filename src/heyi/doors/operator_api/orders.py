"""Orders of every channel, for operators."""

from __future__ import annotations

from typing import Annotated, Literal

from litestar import get
from litestar.params import Parameter

from heyi.doors.access import allow
from heyi.doors.open_api.v1.order_shapes import HappeningShape, OrderShape, happening, order_shape
from heyi.doors.operator_api.deposits import PostedLineShape, line_shape
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import id_in
from heyi.flows import hold, timeline
from heyi.infra.tools import Tools
from heyi.order import checkout
from heyi.settle import ledger

READ = allow("operator", "operator:read")
Fulfilment = Literal["none", "in_progress", "partial", "done", "failed"]


@get("/orders", guards=[READ], summary="All channels' orders, newest first", tags=["orders"])
async def list_all_orders(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    channel: Annotated[str | None, Parameter(max_length=64)] = None,
    channel_order_no: Annotated[str | None, Parameter(max_length=64)] = None,
    in_state: Annotated[Fulfilment | None, Parameter(query="state", description="the fulfilment axis")] = None,
) -> Page[OrderShape]:
    async with tools.db.reading() as tx:
        found = await checkout.search(
            tx, channel_id=None, of_channel=None if channel is None else id_in("chn", channel),
            before=before(cursor), limit=limit + 1, number=channel_order_no, state=in_state,
        )  # fmt: skip
        held = await hold.held_of(tx, found, now=tools.clock.now())
    return paged(found, limit, lambda order: order_shape(order, held))


@get("/orders/{order_id:str}", guards=[READ], summary="Any channel's order", tags=["orders"])
async def get_any_order(order_id: str, tools: Tools) -> OrderShape:
    async with tools.db.reading() as tx:
        order = await checkout.find(tx, id_in("ord", order_id), channel_id=None)
        return order_shape(order, await hold.held_of(tx, [order], now=tools.clock.now()))


@get("/orders/{order_id:str}/timeline", guards=[READ], summary="Everything that happened to it", tags=["orders"])
async def any_order_timeline(order_id: str, tools: Tools) -> list[HappeningShape]:
    async with tools.db.reading() as tx:
        order = await checkout.find(tx, id_in("ord", order_id), channel_id=None)
    return [happening(one) for one in await timeline.of_order(tools, order.id, order.lane)]


@get("/orders/{order_id:str}/ledger", guards=[READ], summary="Everything booked for it", tags=["money"])
async def order_ledger(order_id: str, tools: Tools) -> list[PostedLineShape]:
    async with tools.db.reading() as tx:
        order = await checkout.find(tx, id_in("ord", order_id), channel_id=None)
        return [line_shape(line) for line in await ledger.lines_of_order(tx, order.id)]


HANDLERS = [list_all_orders, get_any_order, any_order_timeline, order_ledger]
