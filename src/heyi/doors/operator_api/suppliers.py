"""Supplier accounts: systems of others that we call. Credentials go in and never come out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from litestar import get, patch, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import CONNECT, Caller, allow, must_connect
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Address, Body, CodeWord, Line, MoneyShape, Shape, Short, id_in
from heyi.flows import resolve
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import accounts
from heyi.provision.fulfilment.accounts import Supplier

READ, WRITE = allow("operator", "operator:read"), allow("operator", "operator:write")
Slots = Annotated[int, Meta(ge=1, le=500, description="calls at once, over all workers")]
TimeoutMs = Annotated[int, Meta(ge=100, le=120_000, description="bounds one whole exchange")]
TypicalMs = Annotated[int, Meta(ge=0, le=3_600_000, description="how long a top-up usually takes there")]
GraceMs = Annotated[
    int,
    Meta(
        ge=0, le=86_400_000,
        description="how long 'not found' may still change its mind, at least: the dialect's own counts if longer",
    ),
]  # fmt: skip
Rate = Annotated[float, Meta(ge=0, le=10_000, description="a second, over all workers; 0: only the slots limit")]
SyncEvery = Annotated[int, Meta(ge=0, le=10_080, description="minutes between two reads of its products; 0: never")]
Ips = Annotated[
    list[Short],
    Meta(max_length=50, description="addresses or networks (CIDR) that its callbacks may come from; none: any"),
]
Credentials = Annotated[dict[CodeWord, Line], Meta(max_length=10)]


class SupplierBody(Body):
    """`credentials`: those that GET /v1/operator/dialects names."""

    code: CodeWord
    title: Line
    dialect: CodeWord
    base_url: Address
    credentials: Credentials
    slots: Slots = 20
    timeout_ms: TimeoutMs = 10_000
    typical_ms: TypicalMs = 3_000
    grace_ms: GraceMs = 0
    rate_per_s: Rate = 0
    query_rate_per_s: Rate = 0
    sync_every_min: SyncEvery = 30
    callback_ips: Ips = []


class SupplierPatch(Body):
    """What is left out stays. New credentials replace the old ones whole. A new address or new credentials need the
    scope operator:connect."""

    title: Line | None = None
    base_url: Address | None = None
    credentials: Credentials | None = None
    slots: Slots | None = None
    timeout_ms: TimeoutMs | None = None
    typical_ms: TypicalMs | None = None
    grace_ms: GraceMs | None = None
    rate_per_s: Rate | None = None
    query_rate_per_s: Rate | None = None
    sync_every_min: SyncEvery | None = None
    callback_ips: Ips | None = None


class SupplierShape(Shape):
    """`callback_url`: where this supplier's callbacks belong (some are told with every order, others by hand).
    `unusable`: why no connector can speak for it; its tasks wait until one can.
    """

    id: str
    code: str
    title: str
    dialect: str
    base_url: str
    callback_url: str
    slots: int
    timeout_ms: int
    typical_ms: int
    grace_ms: int
    rate_per_s: float | None
    query_rate_per_s: float | None
    sync_every_min: int
    callback_ips: list[str]
    state: str
    breaker: str
    unusable: str | None
    created_at: datetime


class CheckShape(Shape):
    """`ok`: the supplier answered with our balance; otherwise `problem` says why not."""

    ok: bool
    balance: MoneyShape | None
    problem: str | None
    duration_ms: int


def shape(one: Supplier) -> SupplierShape:
    return SupplierShape(
        id=to_text("sup", one.id), code=one.code, title=one.title, dialect=one.dialect, base_url=one.base_url,
        callback_url=one.callback_url, slots=one.slots, timeout_ms=one.timeout_ms, typical_ms=one.typical_ms,
        grace_ms=one.grace_ms, rate_per_s=one.rate_per_s, query_rate_per_s=one.query_rate_per_s,
        sync_every_min=one.sync_every_min, callback_ips=list(one.callback_ips), state=one.state,
        breaker=one.breaker, unusable=one.unusable, created_at=one.created_at,
    )  # fmt: skip


@post("/suppliers", guards=[CONNECT], summary="Open an account at a supplier", tags=["suppliers"])
async def make_supplier(data: SupplierBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> SupplierShape:
    async with tools.db.transaction() as tx:
        return shape(
            await accounts.make(
                tx, tools.sealing, code=data.code, title=data.title, dialect=data.dialect, base_url=data.base_url,
                credentials=data.credentials, slots=data.slots, timeout_ms=data.timeout_ms,
                typical_ms=data.typical_ms, grace_ms=data.grace_ms, public_url=tools.settings.public_url,
                now=tools.clock.now(), rate_per_s=data.rate_per_s, query_rate_per_s=data.query_rate_per_s,
                sync_every_min=data.sync_every_min,
                callback_ips=data.callback_ips,
            )
        )  # fmt: skip


@get("/suppliers", guards=[READ], summary="Supplier accounts, newest first", tags=["suppliers"])
async def list_suppliers(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in code or title")] = None,
    in_state: Annotated[Literal["active", "paused"] | None, Parameter(query="state")] = None,
) -> Page[SupplierShape]:
    async with tools.db.reading() as tx:
        found = await accounts.search(
            tx,
            tools.sealing,
            text=search,
            state=in_state,
            before=before(cursor),
            limit=limit + 1,
            public_url=tools.settings.public_url,
        )
    return paged(found, limit, shape)


@get("/suppliers/{supplier_id:str}", guards=[READ], summary="One account", tags=["suppliers"])
async def get_supplier(supplier_id: str, tools: Tools) -> SupplierShape:
    async with tools.db.reading() as tx:
        return shape(
            await accounts.find(tx, tools.sealing, id_in("sup", supplier_id), public_url=tools.settings.public_url)
        )


@patch("/suppliers/{supplier_id:str}", guards=[WRITE], summary="Change an account", tags=["suppliers"],
       opt={"connects": ["base_url", "credentials"]})  # fmt: skip
async def change_supplier(supplier_id: str, data: SupplierPatch, tools: Tools, caller: Caller) -> SupplierShape:
    must_connect(caller, data.base_url, data.credentials)
    async with tools.db.transaction() as tx:
        return shape(
            await accounts.change(
                tx, tools.sealing, id_in("sup", supplier_id), public_url=tools.settings.public_url, title=data.title,
                base_url=data.base_url, credentials=data.credentials, slots=data.slots, timeout_ms=data.timeout_ms,
                typical_ms=data.typical_ms, grace_ms=data.grace_ms, rate_per_s=data.rate_per_s,
                query_rate_per_s=data.query_rate_per_s, sync_every_min=data.sync_every_min,
                callback_ips=data.callback_ips,
            )
        )  # fmt: skip


@post("/suppliers/{supplier_id:str}/pause", guards=[WRITE], status_code=200,
      summary="Stop buying there; what was bought is still asked about", tags=["suppliers"])  # fmt: skip
async def pause_supplier(supplier_id: str, tools: Tools, idempotency_key: IdempotencyKey = None) -> SupplierShape:
    return await _switch(tools, supplier_id, "pause")


@post("/suppliers/{supplier_id:str}/resume", guards=[WRITE], status_code=200, summary="Buy there again",
      tags=["suppliers"])  # fmt: skip
async def resume_supplier(supplier_id: str, tools: Tools, idempotency_key: IdempotencyKey = None) -> SupplierShape:
    return await _switch(tools, supplier_id, "resume")


async def _switch(tools: Tools, supplier_id: str, move: str) -> SupplierShape:
    async with tools.db.transaction() as tx:
        return shape(
            await accounts.switch(
                tx, tools.sealing, id_in("sup", supplier_id), move, public_url=tools.settings.public_url
            )
        )


@post("/suppliers/{supplier_id:str}/check", guards=[WRITE], status_code=200, opt={"stores_no_answer": True},
      summary="Ask it for our balance: are address and credentials right?", tags=["suppliers"])  # fmt: skip
async def check_supplier(supplier_id: str, tools: Tools, caller: Caller) -> CheckShape:
    balance, duration_ms = await resolve.check(tools, id_in("sup", supplier_id), by=caller.name)
    left = None if balance.fen is None else MoneyShape(amount_minor=balance.fen, currency=balance.currency)
    return CheckShape(ok=left is not None, balance=left, problem=balance.why or None, duration_ms=duration_ms)


HANDLERS = [
    make_supplier, list_suppliers, get_supplier, change_supplier, pause_supplier, resume_supplier, check_supplier,
]  # fmt: skip
