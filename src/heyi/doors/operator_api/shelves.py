"""Card stock: how many keys are left, how long they last, and which will expire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from litestar import get
from litestar.params import Parameter

from heyi.doors.operator_api.partners import READ
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Shape, id_in
from heyi.flows import shelves
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text


class ShelfShape(Shape):
    """`ready` keys may be sold now (`bounded`: at least so many; a vault of millions is counted as far as forecasts
    need). `a_day_week` and `a_day_month`: keys issued a day over the last 7 and 28 days, or since the first one, a day
    at least. `days_left`: whole days at the higher of the two; null: nothing goes out. `unsold_…`: of the keys that
    expire within 7 and 30 days, how many nobody will have bought by then at that rate. `waiting`: items that wait for
    keys, counted up to a thousand.
    """

    benefit: str
    code: str
    title: str
    ready: int
    bounded: bool
    waiting: int
    a_day_week: float
    a_day_month: float
    days_left: int | None
    expiring_7_days: int
    expiring_30_days: int
    unsold_7_days: int
    unsold_30_days: int
    first_expires_at: datetime | None


class ExpiringBatchShape(Shape):
    """Keys of a batch that expire within 30 days."""

    batch: str
    code: str
    keys: int
    first_expires_at: datetime


class ShelfPageShape(ShelfShape):
    expiring_batches: list[ExpiringBatchShape]


def shelf_shape(shelf: shelves.Shelf) -> ShelfShape:
    return ShelfShape(**_fields(shelf))


def _fields(shelf: shelves.Shelf) -> dict[str, Any]:
    benefit, level, waiting = shelf
    return {
        "benefit": to_text("ben", benefit.id), "code": benefit.code, "title": benefit.title, "ready": level.ready,
        "bounded": level.bounded, "waiting": waiting, "a_day_week": level.week_milli / 1000,
        "a_day_month": level.month_milli / 1000, "days_left": level.days_left, "expiring_7_days": level.expiring_7,
        "expiring_30_days": level.expiring_30, "unsold_7_days": level.unsold_7,
        "unsold_30_days": level.unsold_30, "first_expires_at": level.first_expires_at,
    }  # fmt: skip


@get("/stock", guards=[READ], summary="Card keys left per benefit, and how many days they last", tags=["card keys"])
async def list_stock(
    tools: Tools,
    limit: Limit = 20,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="anywhere in code and title")] = None,
) -> Page[ShelfShape]:
    found = await shelves.page(tools, search=search or None, before=before(cursor), limit=limit + 1)
    return paged(found, limit, shelf_shape, id_of=lambda shelf: shelf[0].id)


@get("/benefits/{benefit_id:str}/stock", guards=[READ], tags=["card keys"],
     summary="One benefit's keys, with the batches that expire soon")  # fmt: skip
async def get_stock(benefit_id: str, tools: Tools) -> ShelfPageShape:
    shelf, batches = await shelves.one(tools, id_in("ben", benefit_id))
    expiring = [
        ExpiringBatchShape(
            batch=to_text("bat", one.batch_id), code=one.code, keys=one.keys, first_expires_at=one.first_expires_at
        )
        for one in batches
    ]
    return ShelfPageShape(**_fields(shelf), expiring_batches=expiring)


HANDLERS = [list_stock, get_stock]
