"""Runs over what suppliers show: page after page of their list, then one look at each product that an offer of ours
names and the list did not bring. One call at a time per account, with a pause between two, within its rate, and none
while its breaker is open. How far a run got is committed with every call: whoever comes next goes on from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, queries, text_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, new_id
from heyi.provision.fulfilment import claims, limits
from heyi.provision.fulfilment.errors import (
    ShowsNothing,
    SupplierNotFound,
    SyncNotDoubted,
    SyncNotFound,
    SyncRunning,
    SyncTooSoon,
)
from heyi.provision.fulfilment.suppliers import Dialect

SQL = queries(__file__, "queries_products.sql")
AGAIN_AFTER = timedelta(minutes=1)  # between two runs over an account, whoever asks
PAUSE_MS = 300  # between two calls of a run
MARGIN = timedelta(seconds=3)  # a lease outlives its call by so much
BUSY_MS = 100
FAR_MS = 1 << 40
FAILURES_MAX = 3  # of one call, running
BARREN_MAX = 5  # pages running that brought nothing new: there may be more behind them, or they repeat themselves
CALLS_MAX = 3_000
BEGUN_MAX, CARRIED_MAX = 20, 20  # in one look
KEPT = timedelta(days=60)
FORGET_MAX = 2_000


@dataclass(frozen=True, slots=True)
class Sync:
    """One run. `page`: the next of the list (None: no list, or all of it is read). `known`: how many products the list
    had before. `changes`, `news`, `held`, `gone`, `unread`: what it found. State: running, done, doubted (the list
    cannot be right: nothing was taken for gone) or failed."""

    id: UUID
    supplier_id: UUID
    supplier: str
    asked_by: str | None
    state: str
    first: bool
    known: int
    page: int | None
    last_no: str
    barren: int
    calls: int
    failures: int
    products: int
    changes: int
    news: int
    held: int
    gone: int
    unread: int
    problem: str | None
    started_at: datetime
    ended_at: datetime | None

    @property
    def in_vain(self) -> bool:
        """Its list was left because it brought nothing new any more, not because it was at its end."""
        return self.barren >= BARREN_MAX


@dataclass(frozen=True, slots=True)
class Turn:
    """Whether a call may be made now: the run as it is, or in how many milliseconds to ask again (None: never)."""

    sync: Sync | None = None
    wait_ms: int | None = None


@dataclass(slots=True)
class Found:
    """What one step of a run found."""

    products: int = 0
    changes: int = 0
    news: int = 0
    held: int = 0
    gone: int = 0
    unread: int = 0


async def due(tx: Tx, *, now: datetime) -> list[UUID]:
    """Accounts whose turn it is; each is due again after its interval, give or take a tenth."""
    await tx.run(SQL["spread"], now=now)
    return [row.id for row in await tx.rows(SQL["claim_due_syncs"], now=now, most=BEGUN_MAX)]


async def begin(tx: Tx, supplier_id: UUID, connector: Dialect, *, by: str | None, now: datetime) -> UUID:
    """A new run. Raises ShowsNothing, SyncRunning, SyncTooSoon."""
    if connector.products is None and connector.product is None:
        raise ShowsNothing
    last = await tx.row(SQL["last_started"], supplier=supplier_id)
    if last is not None and last.state == "running":
        raise SyncRunning
    if last is not None and timedelta() <= now - last.started_at < AGAIN_AFTER:
        left = AGAIN_AFTER - (now - last.started_at)
        raise SyncTooSoon(retry_after_s=int(left.total_seconds()) + 1)
    page = None if connector.products is None else 1
    row = await tx.row(SQL["begin_sync"], id=new_id(millis(now)), supplier=supplier_id, by=by, page=page, now=now)
    if row is None:
        raise SyncRunning
    made: UUID = row.id
    return made


async def waiting(tx: Tx, *, wall: datetime) -> list[UUID]:
    """Runs that nobody is carrying on."""
    return [row.id for row in await tx.rows(SQL["waiting_syncs"], wall=wall, most=CARRIED_MAX)]


async def take(tx: Tx, sync_id: UUID, lease: UUID, *, wall: datetime) -> Turn:
    """The right to make the run's next call, or to ask again later. The call counts against the account's rate."""
    row = await tx.row(SQL["sync"], id=sync_id)
    if row is None or row.state != "running":
        return Turn()
    if row.lease is not None and row.lease != lease and row.lease_until > wall:
        return Turn()
    since_ms = FAR_MS if row.called_at is None else millis(wall) - millis(row.called_at)
    pause_ms = PAUSE_MS << min(row.failures, 6)
    if 0 <= since_ms < pause_ms:
        return Turn(wait_ms=pause_ms - since_ms)
    account, _, _ = await claims.lock_supplier(tx, row.supplier_id, wall=wall)
    if account is None:
        return Turn(wait_ms=BUSY_MS)
    if account.breaker == "open":
        return Turn()
    room = limits.room(account, 1, 0, wall)
    if not room.calls:
        return Turn(wait_ms=BUSY_MS)
    until = wall + timedelta(milliseconds=account.timeout_ms) + MARGIN
    if await tx.row(SQL["lease_sync"], id=sync_id, lease=lease, until=until, wall=wall) is None:
        return Turn()
    if room.limited:
        await claims.spend_tokens(tx, row.supplier_id, *room.left(1, 0), wall=wall)
    return Turn(_sync(row, account.code))


async def hold(tx: Tx, sync: Sync, lease: UUID) -> Sync | None:
    """The run, locked, if it is still ours; None: somebody else has gone on with it."""
    row = await tx.row(SQL["hold_sync"], id=sync.id, lease=lease)
    return None if row is None else _sync(row, sync.supplier)


async def doubted(tx: Tx, id: UUID) -> Sync:
    """A doubted run with nothing after it, locked. Raises SyncNotFound, SyncNotDoubted."""
    there = await find(tx, id)
    row = await tx.row(SQL["lock_doubted"], id=id)
    if row is None:
        raise SyncNotDoubted
    return _sync(row, there.supplier)


async def troubled(tx: Tx) -> list[tuple[UUID, str, UUID, str, str]]:
    """(account, its code, run, failed or doubted, why) of accounts whose last run is no good."""
    rows = await tx.rows(SQL["troubled_syncs"])
    return [(row.supplier_id, row.code, row.id, row.state, row.problem or "") for row in rows]


async def leave(tx: Tx, sync_id: UUID, lease: UUID) -> None:
    """Let others go on with it."""
    await tx.run(SQL["leave_sync"], id=sync_id, lease=lease)


async def save(
    tx: Tx, sync: Sync, found: Found, *, now: datetime, failures: int = 0, problem: str | None = None,
    state: str = "running",
) -> None:  # fmt: skip
    """How far it got, and what it has found since."""
    await tx.run(
        SQL["save_sync"], id=sync.id, page=sync.page, last_no=sync.last_no, barren=sync.barren, failures=failures,
        products=found.products, changes=found.changes, news=found.news, held=found.held, gone=found.gone,
        unread=found.unread, problem=problem, state=state, now=now,
    )  # fmt: skip


async def next_by_itself(tx: Tx, sync: Sync, named: Sequence[str]) -> str | None:
    """The next product that our offers name and this run has not heard of; None: all were heard of or asked about."""
    row = await tx.row(
        SQL["unheard"], supplier=sync.supplier_id, sync=sync.id, products=text_col(named), last=sync.last_no
    )  # fmt: skip
    return None if row is None else str(row.product_no)


async def page(
    tx: Tx, *, supplier_id: UUID | None = None, id: UUID | None = None, before: UUID | None = None, limit: int = 1
) -> list[Sync]:
    """Runs, newest first."""
    rows = await tx.rows(SQL["list_syncs"], supplier=supplier_id, id=id, before=before, most=limit)
    return [_sync(row, row.code) for row in rows]


async def find(tx: Tx, id: UUID) -> Sync:
    """One run. Raises SyncNotFound."""
    found = await page(tx, id=id)
    if not found:
        raise SyncNotFound
    return found[0]


async def must_exist(tx: Tx, supplier_id: UUID) -> None:
    """Raises SupplierNotFound."""
    if await tx.row(SQL["account_exists"], supplier=supplier_id) is None:
        raise SupplierNotFound


async def forget(tx: Tx, *, now: datetime) -> None:
    """Drop a chunk of what is two months old: runs, settled changes, news."""
    floor = first_id(millis(now - KEPT))
    await tx.run(SQL["forget_changes"], floor=floor, most=FORGET_MAX)
    await tx.run(SQL["forget_syncs"], floor=floor, most=FORGET_MAX)


def _sync(row: Row, supplier: str) -> Sync:
    return Sync(
        row.id, row.supplier_id, supplier, row.asked_by, row.state, row.first, row.known, row.page, row.last_no,
        row.barren, row.calls, row.failures, row.products, row.changes, row.news, row.held, row.gone, row.unread,
        row.problem, row.started_at, row.ended_at,
    )  # fmt: skip
