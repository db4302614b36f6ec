"""Card keys: batches, their keys (always masked), and what takes them out of sale. Imports are in key_imports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from litestar import get, post
from litestar.params import Parameter
from msgspec import Meta

from heyi.doors.access import Caller
from heyi.doors.idempotency import IdempotencyKey
from heyi.doors.operator_api import key_imports
from heyi.doors.operator_api.partners import READ, WRITE
from heyi.doors.paging import Cursor, Limit, Page, before, paged
from heyi.doors.shapes import Body, Line, MoneyBody, MoneyShape, Shape, Short, id_in, money
from heyi.flows import import_keys
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.provision import stock
from heyi.provision.stock.model import Batch, BatchState, KeyState, ListedKey

KEYS_MAX = 1000


class BatchBody(Body):
    """`benefit` is a code or an id; `cost` is one key's."""

    code: Short
    benefit: Short
    cost: MoneyBody


class ReasonBody(Body):
    reason: Line


class KeysBody(Body):
    """Keys by id; all of them are moved, or none."""

    keys: Annotated[list[Short], Meta(min_length=1, max_length=KEYS_MAX)]
    reason: Line


class BatchShape(Shape):
    """`ready` keys may be sold now, `expired` ones never were. `first_expires_at` and `days_left` are the earliest of
    those ready; null: none of them expires."""

    id: str
    code: str
    benefit: str
    cost: MoneyShape
    state: str
    source: str
    total: int
    ready: int
    issued: int
    revealed: int
    quarantined: int
    void: int
    expired: int
    first_expires_at: datetime | None
    days_left: int | None
    created_at: datetime


class KeyShape(Shape):
    """A key without its value: `tail` is masked."""

    id: str
    batch: str
    benefit: str
    state: str
    tail: str
    expires_at: datetime | None
    item: str | None
    issued_at: datetime | None
    revealed_at: datetime | None


class MovedShape(Shape):
    count: int


def batch_shape(batch: Batch, now: datetime) -> BatchShape:
    left = None if batch.first_expires_at is None else (batch.first_expires_at - now).days
    return BatchShape(
        id=to_text("bat", batch.id), code=batch.code, benefit=to_text("ben", batch.benefit_id),
        cost=money(batch.cost), state=batch.state.value, source=batch.source, total=batch.total, ready=batch.ready,
        issued=batch.issued, revealed=batch.revealed, quarantined=batch.quarantined, void=batch.void,
        expired=batch.expired, first_expires_at=batch.first_expires_at, days_left=left, created_at=batch.created_at,
    )  # fmt: skip


def key_shape(key: ListedKey) -> KeyShape:
    return KeyShape(
        id=to_text("key", key.id), batch=to_text("bat", key.batch_id), benefit=to_text("ben", key.benefit_id),
        state=key.state.value, tail=key.tail, expires_at=key.expires_at,
        item=None if key.item_id is None else to_text("itm", key.item_id),
        issued_at=key.issued_at, revealed_at=key.revealed_at,
    )  # fmt: skip


@post("/key_batches", guards=[WRITE], summary="Make a batch, or find the one that is there", tags=["card keys"])
async def make_key_batch(data: BatchBody, tools: Tools, idempotency_key: IdempotencyKey = None) -> BatchShape:
    batch = await import_keys.make_batch(
        tools, benefit=data.benefit, code=data.code, cost=Money(data.cost.amount_minor, data.cost.currency)
    )
    return batch_shape(batch, tools.clock.now())


@get("/key_batches", guards=[READ], summary="Batches with counts of their keys, newest first", tags=["card keys"])
async def list_key_batches(
    tools: Tools,
    limit: Limit = 20,
    cursor: Cursor = None,
    search: Annotated[str | None, Parameter(max_length=100, description="anywhere in the code")] = None,
    benefit: Annotated[str | None, Parameter(max_length=64, description="ben_…")] = None,
    in_state: Annotated[Literal["open", "quarantined", "void"] | None, Parameter(query="state")] = None,
    source: Literal["imported", "bought"] | None = None,
) -> Page[BatchShape]:
    now = tools.clock.now()
    async with tools.db.reading() as tx:
        found = await stock.batches.page(
            tx, benefit_id=None if benefit is None else id_in("ben", benefit),
            state=None if in_state is None else BatchState(in_state), source=source, search=search or None,
            before=before(cursor), most=limit + 1, now=now,
        )  # fmt: skip
    return paged(found, limit, lambda batch: batch_shape(batch, now))


@get("/key_batches/{batch_id:str}", guards=[READ], summary="One batch", tags=["card keys"])
async def get_key_batch(batch_id: str, tools: Tools) -> BatchShape:
    now = tools.clock.now()
    async with tools.db.reading() as tx:
        return batch_shape(await stock.batches.read(tx, id_in("bat", batch_id), now=now), now)


@get("/key_batches/{batch_id:str}/keys", guards=[READ], summary="A batch's keys, masked, newest first",
     tags=["card keys"])  # fmt: skip
async def list_keys(
    batch_id: str,
    tools: Tools,
    limit: Limit = 50,
    cursor: Cursor = None,
    in_state: Annotated[
        Literal["available", "issued", "revealed", "quarantined", "void"] | None, Parameter(query="state")
    ] = None,
) -> Page[KeyShape]:
    now, batch = tools.clock.now(), id_in("bat", batch_id)
    async with tools.db.reading() as tx:
        await stock.batches.read(tx, batch, now=now)
        found = await stock.batches.page_keys(
            tx, batch, state=None if in_state is None else KeyState(in_state), before=before(cursor), most=limit + 1
        )
    return paged(found, limit, key_shape)


async def _move_batch(batch_id: str, move: str, reason: str, tools: Tools, caller: Caller) -> BatchShape:
    batch = await import_keys.move_batch(tools, id_in("bat", batch_id), move, reason=reason, by=caller.name)
    return batch_shape(batch, tools.clock.now())


@post("/key_batches/{batch_id:str}/quarantine", guards=[WRITE], status_code=200, tags=["card keys"],
      summary="Sell none of a batch's keys until it is released")  # fmt: skip
async def quarantine_key_batch(
    batch_id: str, data: ReasonBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> BatchShape:
    return await _move_batch(batch_id, "quarantine", data.reason, tools, caller)


@post("/key_batches/{batch_id:str}/release", guards=[WRITE], status_code=200, tags=["card keys"],
      summary="Sell a quarantined batch's keys again, but for those quarantined one by one")  # fmt: skip
async def release_key_batch(
    batch_id: str, data: ReasonBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> BatchShape:
    return await _move_batch(batch_id, "release", data.reason, tools, caller)


@post("/key_batches/{batch_id:str}/void", guards=[WRITE], status_code=200, tags=["card keys"],
      summary="Throw away a batch's unsold keys, for good")  # fmt: skip
async def void_key_batch(
    batch_id: str, data: ReasonBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> BatchShape:
    return await _move_batch(batch_id, "void", data.reason, tools, caller)


def _ids(keys: Sequence[str]) -> list[UUID]:
    return [id_in("key", key) for key in keys]


async def _move_keys(data: KeysBody, move: str, tools: Tools, caller: Caller) -> MovedShape:
    count = await import_keys.move_keys(tools, _ids(data.keys), move, reason=data.reason, by=caller.name)
    return MovedShape(count=count)


@post("/keys/quarantine", guards=[WRITE], status_code=200, summary="Sell none of these keys", tags=["card keys"])
async def quarantine_keys(
    data: KeysBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> MovedShape:
    return await _move_keys(data, "quarantine", tools, caller)


@post("/keys/release", guards=[WRITE], status_code=200, summary="Sell these keys again", tags=["card keys"])
async def release_keys(
    data: KeysBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None
) -> MovedShape:
    return await _move_keys(data, "release", tools, caller)


@post("/keys/void", guards=[WRITE], status_code=200, summary="Throw these keys away, for good", tags=["card keys"])
async def void_keys(data: KeysBody, tools: Tools, caller: Caller, idempotency_key: IdempotencyKey = None) -> MovedShape:
    return await _move_keys(data, "void", tools, caller)


HANDLERS = [
    *key_imports.HANDLERS, make_key_batch, list_key_batches, get_key_batch, list_keys, quarantine_key_batch,
    release_key_batch, void_key_batch, quarantine_keys, release_keys, void_keys,
]  # fmt: skip
