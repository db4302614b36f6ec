"""What suppliers have changed: found by the runs over their products, decided about by people."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import Caller
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api.partners import READ, WRITE
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Line, Shape, Short, id_in
from heyi.flows import margins
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import changes
from heyi.provision.fulfilment.changes import Change, Filter

Kind = Literal["new", "price", "price_missing", "title", "status", "fields", "gone"]
State = Literal["open", "accepted", "dismissed", "superseded", "all"]


class ChangeShape(Shape):
    """`before` and `after` are what the supplier showed (`price_minor` with `currency`, `title`, `on_sale`, `fields`;
    null: nothing). `news`: no offer of ours names the product. `held`: offers that were held because of it. `state` is
    open, accepted, dismissed or superseded (the supplier has said something else since). Kinds are open words."""

    id: str
    supplier: str
    supplier_id: str
    product_no: str
    title: str
    kind: str
    news: bool
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    held: list[str]
    state: str
    found_at: datetime
    settled_by: str | None
    settled_at: datetime | None


class SettleBody(Body):
    """Accept or dismiss all open changes that the rest finds, a thousand at once. `dry_run`: only count them. `until`
    (needed without `dry_run`): the `newest` that the dry run has named, as nothing is settled that nobody has seen.
    `count`: only if there are still exactly so many. Accepted prices become the costs of the offers that name the
    products.
    """

    move: Literal["accept", "dismiss"]
    supplier: Short | None = None
    kind: Kind | None = None
    news: bool = False
    search: Line | None = None
    dry_run: bool = True
    until: Short | None = None
    count: Annotated[int, Meta(ge=0, le=10_000_000)] | None = None


class SettledShape(Shape):
    """`open`: how many there were, `newest` of them; `settled`: how many are decided now (none in a dry run)."""

    open: int
    newest: str | None
    settled: int
    dry_run: bool


def _shape(one: Change) -> ChangeShape:
    return ChangeShape(
        id=to_text("pch", one.id), supplier=one.supplier, supplier_id=to_text("sup", one.supplier_id),
        product_no=one.product_no, title=one.title, kind=one.kind, news=not one.named, before=one.before,
        after=one.after, held=[to_text("ofr", id) for id in one.held], state=one.state, found_at=one.found_at,
        settled_by=one.settled_by, settled_at=one.settled_at,
    )  # fmt: skip


@get("/product_changes", guards=[READ], summary="What suppliers have changed, newest first", tags=["products"])
async def list_product_changes(
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    supplier: Annotated[str | None, Parameter(max_length=64, description="sup_…")] = None,
    kind: Kind | None = None,
    in_state: Annotated[State, Parameter(query="state")] = "open",
    news: Annotated[bool, Parameter(description="true: about products that no offer of ours names")] = False,
    search: Annotated[str | None, Parameter(max_length=100, description="in product number or title")] = None,
) -> Page[ChangeShape]:
    about = Filter(None if supplier is None else id_in("sup", supplier), kind, not news, search or None)
    state = None if in_state == "all" else in_state
    async with tools.db.reading() as tx:
        found = await changes.search(tx, about, state=state, before=before(cursor), limit=limit + 1)
    return paged(found, limit, _shape)


@get("/product_changes/{change_id:str}", guards=[READ], summary="One change", tags=["products"])
async def get_product_change(change_id: str, tools: Tools) -> ChangeShape:
    async with tools.db.reading() as tx:
        return _shape(await changes.find(tx, id_in("pch", change_id)))


@post("/product_changes/{change_id:str}/accept", guards=[WRITE], status_code=200, tags=["products"],
      summary="Take note of it; a price becomes the cost of the offers that name the product")  # fmt: skip
async def accept_product_change(
    change_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> ChangeShape:
    return _shape(await margins.decide(tools, id_in("pch", change_id), "accept", by=caller.name))


@post("/product_changes/{change_id:str}/dismiss", guards=[WRITE], status_code=200, tags=["products"],
      summary="Leave everything as it is, until the supplier says something else")  # fmt: skip
async def dismiss_product_change(
    change_id: str, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> ChangeShape:
    return _shape(await margins.decide(tools, id_in("pch", change_id), "dismiss", by=caller.name))


@post("/product_changes/settle", guards=[WRITE], status_code=200, tags=["products"],
      summary="Accept or dismiss all that a filter finds, or count them first")  # fmt: skip
async def settle_product_changes(
    data: SettleBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> SettledShape:
    about = Filter(
        None if data.supplier is None else id_in("sup", data.supplier), data.kind, not data.news, data.search,
        None if data.until is None else id_in("pch", data.until),
    )  # fmt: skip
    there, settled, newest = await margins.decide_all(
        tools, about, data.move, expected=data.count, dry_run=data.dry_run, by=caller.name
    )
    return SettledShape(
        open=there, newest=None if newest is None else to_text("pch", newest), settled=settled, dry_run=data.dry_run
    )


HANDLERS = [
    list_product_changes, get_product_change, accept_product_change, dismiss_product_change, settle_product_changes,
]  # fmt: skip
