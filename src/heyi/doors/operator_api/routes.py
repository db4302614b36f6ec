"""Routing: which offer a benefit would be bought from now and why, and the breakers of supplier accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from litestar import get, post

from heyi.doors.access import Caller
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.partners import READ, WRITE
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Line, MoneyShape, Shape, id_in, money
from heyi.flows import route
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import breakers
from heyi.provision.fulfilment.breakers import Breaker
from heyi.provision.fulfilment.routing import Candidate


class RouteShape(Shape):
    """`hindrance`: why nothing is bought there now (null: it can be). `success_percent` of the attempts that ended in
    the last half hour (95 until twenty have), `speed_ms` the mean time from sending to delivery (the account's typical
    time until twenty were delivered). `preferred`: the next order's purchase would stand here.
    """

    offer: str
    supplier: str
    product_no: str
    cost: MoneyShape
    priority: int
    weight: int
    success_percent: int
    speed_ms: int
    stock: int | None
    hindrance: str | None
    preferred: bool


class BreakerBody(Body):
    """open: nothing is bought there until a person closes it. closed: buy again."""

    state: Literal["open", "closed"]
    why: Line


class BreakerShape(Shape):
    """`by` is null when the rule turned it. `until`: when it is half open by itself."""

    supplier: str
    state: str
    why: str
    by: str | None
    at: datetime
    until: datetime | None


def _shape(one: Breaker) -> BreakerShape:
    return BreakerShape(supplier=one.supplier, state=one.state, why=one.why, by=one.by, at=one.since, until=one.until)


@get("/benefits/{benefit_id:str}/routes", guards=[READ], tags=["offers"],
     summary="Where it would be bought now, best first, and what speaks against the others")  # fmt: skip
async def list_routes(benefit_id: str, tools: Tools) -> list[RouteShape]:
    def shape(one: Candidate, hindrance: str | None, preferred: bool) -> RouteShape:
        return RouteShape(
            offer=to_text("ofr", one.offer.id), supplier=one.supplier, product_no=one.offer.product_no,
            cost=money(one.offer.cost), priority=one.offer.priority, weight=one.offer.weight,
            success_percent=one.success, speed_ms=one.speed_ms, stock=one.stock, hindrance=hindrance,
            preferred=preferred,
        )  # fmt: skip

    return [shape(*one) for one in await route.seen(tools, id_in("ben", benefit_id))]


@post("/suppliers/{supplier_id:str}/breaker", guards=[WRITE], status_code=200, tags=["suppliers"],
      summary="Open or close its breaker by hand")  # fmt: skip
async def move_breaker(
    supplier_id: str, data: BreakerBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> BreakerShape:
    return _shape(await route.move(tools, id_in("sup", supplier_id), data.state, why=data.why, by=caller.name))


@get("/suppliers/{supplier_id:str}/breaker", guards=[READ], tags=["suppliers"],
     summary="What became of its breaker, newest first")  # fmt: skip
async def list_breaker_moves(
    supplier_id: str, tools: Tools, limit: Limit = 50, cursor: Cursor = None
) -> Page[BreakerShape]:
    async with tools.db.reading() as tx:
        found = await breakers.history(tx, id_in("sup", supplier_id), before=before(cursor), limit=limit + 1)
    return paged(found, limit, lambda one: _shape(one[1]), lambda one: one[0])


HANDLERS = [list_routes, move_breaker, list_breaker_moves]
