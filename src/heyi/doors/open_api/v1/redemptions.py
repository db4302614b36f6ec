"""Redemptions at partners' tills: prepare, confirm, release, reverse, read, list."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar import Response, get, post
from litestar.params import Parameter
from msgspec import UNSET, Meta, UnsetType

from heyi.doors.access import Caller, allow
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Line, MoneyShape, Shape, Short, id_in, money
from heyi.flows import redeem
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision import redemption
from heyi.provision.entitlement import Right
from heyi.provision.redemption import Asked, Redemption

READ, WRITE = "redemptions:read", "redemptions:write"
UNITS_MAX = 10_000


class PrepareBody(Body):
    """What the till scanned, and the partner's own number for this question: it answers the same redemption."""

    code: Line
    till: Line
    request_no: Short
    units: Annotated[int, Meta(ge=1, le=UNITS_MAX)] = 1


class HoldingShape(Shape):
    """What the buyer holds after this redemption's last word."""

    entitlement: str
    state: str
    units_total: int
    units_left: int
    valid_to: datetime | None


class RedemptionShape(Shape):
    """prepared, redeemed, released, expired or reversed. `cost` is what the partner is owed for it.

    `holding` is left out in lists.
    """

    id: str
    state: str
    benefit: str
    title: str
    units: int
    till: str
    request_no: str
    cost: MoneyShape
    prepared_at: datetime
    expires_at: datetime
    redeemed_at: datetime | None
    ended_at: datetime | None
    holding: HoldingShape | UnsetType = UNSET


def redemption_shape(one: Redemption, right: Right | None = None) -> RedemptionShape:
    return RedemptionShape(
        id=to_text("rdm", one.id),
        state=one.state,
        benefit=one.benefit,
        title=one.title,
        units=one.units,
        till=one.till,
        request_no=one.request_no,
        cost=money(one.cost),
        prepared_at=one.prepared_at,
        expires_at=one.expires_at,
        redeemed_at=one.redeemed_at,
        ended_at=one.ended_at,
        holding=UNSET if right is None else _holding(right),
    )


def _holding(right: Right) -> HoldingShape:
    return HoldingShape(
        entitlement=to_text("ent", right.id),
        state=right.state,
        units_total=right.units_total,
        units_left=right.units_left,
        valid_to=right.valid_to,
    )


@post("/redemptions/prepare", guards=[allow("partner", WRITE)], summary="Scan a code: its units are reserved",
      tags=["redemptions"],
      description="200 when this request_no was answered before. Refused attempts are kept.")  # fmt: skip
async def prepare_redemption(data: PrepareBody, caller: Caller, tools: Tools) -> Response[RedemptionShape]:
    asked = Asked(caller.id, data.code, data.units, data.till, data.request_no)
    made, right, again = await redeem.prepare(tools, asked)
    return Response(redemption_shape(made, right), status_code=200 if again else 201)


@post("/redemptions/{redemption_id:str}/confirm", guards=[allow("partner", WRITE)], status_code=200,
      summary="The goods are given: the units are used", tags=["redemptions"],
      description="Late, the units are taken again if they are still there; else redemption.expired. Units that your "
                  "reports of use have counted since it was prepared are not taken again: `units` says how many are "
                  "used by it, and redemption.expired that none is left.")  # fmt: skip
async def confirm_redemption(redemption_id: str, caller: Caller, tools: Tools) -> RedemptionShape:
    return redemption_shape(*await redeem.confirm(tools, caller.id, id_in("rdm", redemption_id)))


@post("/redemptions/{redemption_id:str}/release", guards=[allow("partner", WRITE)], status_code=200,
      summary="Give up: the units come back", tags=["redemptions"])  # fmt: skip
async def release_redemption(redemption_id: str, caller: Caller, tools: Tools) -> RedemptionShape:
    return redemption_shape(*await redeem.release(tools, caller.id, id_in("rdm", redemption_id)))


@post("/redemptions/{redemption_id:str}/reverse", guards=[allow("partner", WRITE)], status_code=200,
      summary="Take a redemption back: units and money return",
      tags=["redemptions"])  # fmt: skip
async def reverse_redemption(redemption_id: str, caller: Caller, tools: Tools) -> RedemptionShape:
    return redemption_shape(*await redeem.reverse(tools, caller.id, id_in("rdm", redemption_id)))


@get("/redemptions/{redemption_id:str}", guards=[allow("partner", READ)], summary="A redemption as it is now",
     tags=["redemptions"])  # fmt: skip
async def get_redemption(redemption_id: str, caller: Caller, tools: Tools) -> RedemptionShape:
    return redemption_shape(*await redeem.read(tools, caller.id, id_in("rdm", redemption_id)))


@get("/redemptions", guards=[allow("partner", READ)], summary="The partner's redemptions, newest first",
     tags=["redemptions"])  # fmt: skip
async def list_redemptions(
    caller: Caller,
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    in_state: Annotated[str | None, Parameter(query="state", max_length=20)] = None,
    since: datetime | None = None,
    till: Annotated[str | None, Parameter(max_length=200)] = None,
) -> Page[RedemptionShape]:
    async with tools.db.reading() as tx:
        found = await redemption.search(
            tx, partner_id=caller.id, state=in_state, since=since, till=till, before=before(cursor), limit=limit + 1
        )
    return paged(found, limit, redemption_shape)


HANDLERS = [
    prepare_redemption, confirm_redemption, release_redemption, reverse_redemption, get_redemption, list_redemptions,
]  # fmt: skip
