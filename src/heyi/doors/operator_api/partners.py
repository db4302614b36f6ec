"""Partners: whose benefits are sold."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from litestar import get, patch, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import allow
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, CodeWord, Line, Shape, Short, id_in
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.offer import partner
from heyi.offer.partner.model import PARTNER, Party

READ = allow("operator", "operator:read")
WRITE = allow("operator", "operator:write")
Search = Annotated[str | None, Parameter(max_length=100, description="anywhere in code and title")]
Contact = Annotated[dict[Short, Line], Meta(max_length=20)]
# The state that a change asks for, as the move that leads there.
MOVES = {None: None, "suspended": "suspend", "active": "resume"}


class PartnerBody(Body):
    """`contact` is free: names, phones, addresses."""

    code: CodeWord
    title: Line
    contact: Contact = {}


class PartnerPatch(Body):
    """What is left out stays. A suspended partner's keys open nothing."""

    title: Line | None = None
    contact: Contact | None = None
    state: Literal["active", "suspended"] | None = None


class PartnerShape(Shape):
    id: str
    code: str
    title: str
    contact: dict[str, str]
    state: str
    created_at: datetime


def partner_shape(party: Party) -> PartnerShape:
    return PartnerShape(
        id=to_text("prt", party.id), code=party.code, title=party.title, contact=party.contact, state=party.state,
        created_at=party.created_at,
    )  # fmt: skip


@post("/partners", guards=[WRITE], summary="Add a partner", tags=["partners"])
async def make_partner(data: PartnerBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> PartnerShape:
    async with tools.db.transaction() as tx:
        return partner_shape(
            await partner.make_party(
                tx, PARTNER, code=data.code, title=data.title, contact=data.contact, now=tools.clock.now()
            )
        )


@get("/partners", guards=[READ], summary="Partners, newest first", tags=["partners"])
async def list_partners(
    tools: Tools, limit: Limit = 50, cursor: Cursor = None, search: Search = None
) -> Page[PartnerShape]:
    async with tools.db.reading() as tx:
        found = await partner.list_parties(tx, PARTNER, search=search, before=before(cursor), most=limit + 1)
    return paged(found, limit, partner_shape)


@get("/partners/{partner_id:str}", guards=[READ], summary="One partner", tags=["partners"])
async def get_partner(partner_id: str, tools: Tools) -> PartnerShape:
    async with tools.db.reading() as tx:
        return partner_shape(await partner.read_party(tx, PARTNER, id_in("prt", partner_id)))


@patch("/partners/{partner_id:str}", guards=[WRITE], summary="Change, suspend or resume a partner", tags=["partners"])
async def change_partner(partner_id: str, data: PartnerPatch, tools: Tools) -> PartnerShape:
    async with tools.db.transaction() as tx:
        return partner_shape(
            await partner.change_party(
                tx, PARTNER, id_in("prt", partner_id), title=data.title, contact=data.contact, move=MOVES[data.state]
            )
        )


HANDLERS = [make_partner, list_partners, get_partner, change_partner]
