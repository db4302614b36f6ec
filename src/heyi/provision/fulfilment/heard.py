"""Callbacks as they were kept: found again, and read with everything secret masked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id
from heyi.kernel.talk import Call
from heyi.provision.fulfilment import calls, connectors, hearing, masking, store
from heyi.provision.fulfilment.errors_calls import CallbackNotFound
from heyi.provision.fulfilment.suppliers.hiding import HIDDEN

SQL = queries(__file__, "queries_calls.sql")
ABOUT_MAX = 100  # callbacks about one task on its page


@dataclass(frozen=True, slots=True)
class Kept:
    """A callback as a list shows it. `outer_number`: whom it was about, where its signature holds."""

    id: UUID
    supplier: str
    supplier_id: UUID
    at: datetime
    verdict: str
    outer_number: str | None
    address: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A callback with what was in it, masked. `body` None: it cannot be opened (another master key). `bytes`: how long
    the body was that came."""

    kept: Kept
    method: str
    headers: dict[str, str]
    query: str
    body: str | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which callbacks. `number` is ours or theirs."""

    order_id: UUID | None = None
    number: str | None = None
    supplier: UUID | None = None
    verdict: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Doubted:
    """Callbacks of one account that were not believed lately: `recently` within minutes, `count` within the hour."""

    supplier_id: UUID
    supplier: str
    verdict: str
    recently: int
    count: int


async def search(tx: Tx, wanted: Wanted, *, before: UUID | None, limit: int) -> list[Kept]:
    """Callbacks, newest first. Call it inside a transaction: its plan depends on the filters."""
    await tx.rows(store.SQL["plan_each_time"])
    asked = {"supplier": wanted.supplier, "verdict": wanted.verdict, "since": wanted.since, "until": wanted.until,
             "before": before, "most": limit}  # fmt: skip
    if wanted.order_id is None and wanted.number is None:
        return [_kept(row) for row in await tx.rows(SQL["list_callbacks"], **asked)]
    named = await calls.named(tx, wanted.order_id, wanted.number)
    rows = await tx.rows(
        SQL["numbers_of_attempts"], lanes=col(lane for lane, _ in named), ids=col(id for _, id in named)
    )
    # A number that is none of ours, or nobody's any more, is found by its name.
    mine = [] if wanted.number is None or wanted.order_id is not None else [wanted.number]
    return await _about(tx, [*mine, *(row.outer_number for row in rows)], asked)


async def of_task(tx: Tx, lane: int, order_id: UUID, task_id: UUID) -> list[Kept]:
    """What was called about a task's numbers, newest first."""
    rows = await tx.rows(SQL["numbers_of_task"], lane=lane, order_id=order_id, task=task_id)
    asked = {"supplier": None, "verdict": None, "since": None, "until": None, "before": None, "most": ABOUT_MAX}
    return await _about(tx, [row.outer_number for row in rows], asked)


async def find(tx: Tx, sealing: Sealing, id: UUID) -> Opened:
    """One callback, masked: known secrets of the account, and what its dialect hides. Raises CallbackNotFound."""
    row = await tx.row(SQL["find_callback"], id=id)
    if row is None:
        raise CallbackNotFound
    account = await connectors.usable(tx, await tx.row(SQL["supplier_of_callback"], id=row.supplier_id), sealing, "")
    callback = hearing.opened(sealing, row)
    if callback is None:
        return Opened(_kept(row), "", {}, "", None, row.bytes or 0)

    def shown(text: str) -> str:
        if account is None:  # nobody knows what is secret in it while no connector can speak for the account
            return HIDDEN if text else ""
        return masking.masked(text, (), account.connector.hidden, masking.keys_of(account))

    raw, length = callback.body, row.bytes or len(callback.body)
    charset = masking.charset_of_call(Call(callback.method, "", dict(callback.headers), raw))
    body = shown(raw.decode(charset, "replace"))
    if length > len(raw):
        body = f"{body}…[kept {len(raw)} of {length} bytes]"
    headers = {name: shown(value) for name, value in masking.shown_headers(callback.headers).items() if value}
    return Opened(_kept(row), callback.method, headers, shown(callback.query), body, length)


async def doubted(tx: Tx, *, now: datetime, recently: timedelta) -> list[Doubted]:
    """Which accounts' callbacks were not believed lately, by verdict."""
    hour = now - timedelta(hours=1)
    rows = await tx.rows(SQL["callbacks_refused"], floor=first_id(millis(hour)), since=now - recently, hour=hour)
    return [Doubted(row.id, row.code, row.verdict, row.recently, row.count) for row in rows]


async def _about(tx: Tx, numbers: list[str], asked: Mapping[str, object]) -> list[Kept]:
    if not numbers:
        return []
    return [_kept(row) for row in await tx.rows(SQL["list_callbacks_about"], numbers=text_col(numbers), **asked)]


def _kept(row: Row) -> Kept:
    return Kept(row.id, row.supplier, row.supplier_id, row.received_at, row.verdict, row.outer_number, row.address)
