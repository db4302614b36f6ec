"""What suppliers offer: their products as they show them, what our offers make of each, and the runs that read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import get, post
from litestar.params import Parameter

from heyi.doors.access import Caller
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.offers import HeardShape, heard_shape
from heyi.doors.operator_api.partners import READ, WRITE
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import MoneyShape, Shape, id_in, money
from heyi.flows import source, sync
from heyi.flows.source import Offered
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import syncing
from heyi.provision.fulfilment.syncing import Sync


class NamedByShape(Shape):
    """An offer of ours that names the product."""

    offer: str
    benefit: str
    cost: MoneyShape
    state: str


class ProductShape(Shape):
    """`fields`: what it wants to know of the buyer. `unpriced`: no price was shown the last time; `heard.price` is the
    last that was. `first_seen_at` null: it was only ever named in a refusal."""

    product_no: str
    kind: str | None
    heard: HeardShape
    unpriced: bool
    fields: list[dict[str, Any]]
    first_seen_at: datetime | None
    offers: list[NamedByShape]


class SyncShape(Shape):
    """A run over a supplier's products. `page`: the next of its list (null: it has none, or it is read). `changes`:
    found about products that our offers name; `news`: about others. `held`: offers held; `unread`: what could not be
    read. `state` is running, done, doubted (the list cannot be right: nothing was taken for gone, until a
    person confirms it) or failed."""

    id: str
    supplier: str
    asked_by: str | None
    state: str
    page: int | None
    calls: int
    products: int
    known: int
    changes: int
    news: int
    held: int
    gone: int
    unread: int
    problem: str | None
    started_at: datetime
    ended_at: datetime | None


def _product(one: Offered) -> ProductShape:
    product, offers = one
    return ProductShape(
        product_no=product.product_no, kind=product.kind, heard=heard_shape(product), unpriced=product.unpriced,
        fields=list(product.fields), first_seen_at=product.first_seen_at,
        offers=[
            NamedByShape(offer=to_text("ofr", o.offer.id), benefit=o.benefit, cost=money(o.offer.cost),
                         state=o.offer.state)
            for o in offers
        ],
    )  # fmt: skip


def sync_shape(one: Sync) -> SyncShape:
    return SyncShape(
        id=to_text("syn", one.id), supplier=one.supplier, asked_by=one.asked_by, state=one.state, page=one.page,
        calls=one.calls, products=one.products, known=one.known, changes=one.changes, news=one.news, held=one.held,
        gone=one.gone, unread=one.unread, problem=one.problem, started_at=one.started_at, ended_at=one.ended_at,
    )  # fmt: skip


@get("/suppliers/{supplier_id:str}/products", guards=[READ], tags=["products"],
     summary="What a supplier offers, by its own word, and what our offers make of it")  # fmt: skip
async def list_products(
    supplier_id: str,
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="in product number or title")] = None,
    offered: Annotated[bool | None, Parameter(description="true: only those that our offers name")] = None,
    gone: Annotated[bool | None, Parameter(description="true: only those that are shown no more; false: the others")]
    = None,
) -> Page[ProductShape]:  # fmt: skip
    found = await source.offered(
        tools, id_in("sup", supplier_id), text=search or None, named_only=bool(offered), gone=gone,
        before=before(cursor), limit=limit + 1,
    )  # fmt: skip
    return paged(found, limit, _product, lambda one: one[0].id)


@post("/suppliers/{supplier_id:str}/syncs", guards=[WRITE], tags=["products"],
      summary="Read a supplier's products now; one run at a time, one a minute at most")  # fmt: skip
async def start_sync(
    supplier_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> SyncShape:  # fmt: skip
    return sync_shape(await sync.start(tools, id_in("sup", supplier_id), by=caller.name))


@get("/suppliers/{supplier_id:str}/syncs", guards=[READ], summary="Runs over its products, newest first",
     tags=["products"])  # fmt: skip
async def list_syncs(supplier_id: str, tools: Tools, limit: Limit = 20, cursor: Cursor = None) -> Page[SyncShape]:
    id, start = id_in("sup", supplier_id), before(cursor)
    async with tools.db.reading() as tx:
        await syncing.must_exist(tx, id)
        found = await syncing.page(tx, supplier_id=id, before=start, limit=limit + 1)
    return paged(found, limit, sync_shape)


@get("/syncs/{sync_id:str}", guards=[READ], summary="One run, and how far it got", tags=["products"])
async def get_sync(sync_id: str, tools: Tools) -> SyncShape:
    async with tools.db.reading() as tx:
        return sync_shape(await syncing.find(tx, id_in("syn", sync_id)))


@post("/syncs/{sync_id:str}/confirm", guards=[WRITE], status_code=200, tags=["products"],
      summary="A doubted list is right: what it did not show is gone")  # fmt: skip
async def confirm_sync(sync_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None) -> SyncShape:
    return sync_shape(await sync.confirm(tools, id_in("syn", sync_id), by=caller.name))


HANDLERS = [list_products, start_sync, list_syncs, get_sync, confirm_sync]
