"""What suppliers have changed, as people see it and decide about it: one by one, or all that a filter finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.provision.fulfilment import shelf
from heyi.provision.fulfilment.errors import ChangeNotFound, ChangeSettled, ChangesMoved, ChangesUnseen
from heyi.provision.fulfilment.shelf import Json

SQL = queries(__file__, "queries_products.sql")
AT_ONCE = 1_000  # decided in one go
STATES = {"accept": "accepted", "dismiss": "dismissed"}


@dataclass(frozen=True, slots=True)
class Change:
    """A change that was found. `named`: an offer of ours names the product, others are news. `held`: offers that were
    held because of it. State: open, accepted, dismissed, superseded (the supplier has said something else since)."""

    id: UUID
    supplier_id: UUID
    supplier: str
    product_no: str
    kind: str
    named: bool
    title: str
    before: Json | None
    after: Json | None
    held: tuple[UUID, ...]
    state: str
    found_at: datetime
    settled_by: str | None
    settled_at: datetime | None

    @property
    def sets_cost(self) -> bool:
        """Whether accepting it sets what our offers cost."""
        return self.kind == shelf.PRICE and self.named and self.after is not None

    @property
    def price_minor(self) -> int:
        return int((self.after or {})["price_minor"])

    @property
    def currency(self) -> str:
        return str((self.after or {})["currency"])


@dataclass(frozen=True, slots=True)
class Filter:
    """Which open changes a decision is about; None: whatever. `until`: the newest that was seen; no newer one."""

    supplier_id: UUID | None = None
    kind: str | None = None
    named: bool | None = None
    search: str | None = None
    until: UUID | None = None


async def search(
    tx: Tx, one: Filter, *, state: str | None, before: UUID | None, limit: int
) -> list[Change]:  # fmt: skip
    """Changes, newest first."""
    rows = await tx.rows(
        SQL["list_changes"], supplier=one.supplier_id, kind=one.kind, named=one.named, search=one.search, state=state,
        before=before, most=limit,
    )  # fmt: skip
    return [_change(row, row.code) for row in rows]


async def find(tx: Tx, id: UUID) -> Change:
    """One change. Raises ChangeNotFound."""
    row = await tx.row(SQL["find_change"], id=id)
    if row is None:
        raise ChangeNotFound
    return _change(row, row.code)


async def count(tx: Tx, one: Filter) -> tuple[int, UUID | None]:
    """How many open changes a decision would be about, and the newest of them."""
    row = await tx.row(
        SQL["count_changes"], supplier=one.supplier_id, kind=one.kind, named=one.named, search=one.search,
        until=one.until,
    )  # fmt: skip
    return (0, None) if row is None else (int(row.changes), row.newest)


async def lock_one(tx: Tx, id: UUID) -> Change:
    """An open change, before it is decided about. Raises ChangeNotFound, ChangeSettled."""
    rows = await _lock(tx, Filter(), [id], 1)
    if not rows:
        raise ChangeSettled(state=(await find(tx, id)).state)
    return rows[0]


async def lock_all(tx: Tx, one: Filter, expected: int | None) -> list[Change]:
    """The open changes of a filter, as many as go at once. Raises ChangesUnseen, and ChangesMoved when they are not as
    many as `expected`."""
    if one.until is None:
        raise ChangesUnseen("/until")
    rows = await _lock(tx, one, None, AT_ONCE)
    if expected is not None and (found := len(rows) if len(rows) < AT_ONCE else (await count(tx, one))[0]) != expected:
        raise ChangesMoved("/count", count=found)
    return rows


async def settle(tx: Tx, ids: Sequence[UUID], move: str, *, by: str, now: datetime) -> int:
    """Write down what was decided about locked changes; answers how many. `move`: accept or dismiss."""
    return await tx.run(SQL["settle_changes"], ids=col(sorted(ids)), state=STATES[move], by=by, now=now)


async def prices(tx: Tx, supplier_id: UUID, product_no: str) -> list[Change]:
    """The price that waits for a person at this product, if there is one."""
    rows = await tx.rows(SQL["unsettled_prices"], supplier=supplier_id, products=text_col([product_no]))
    return [_change(row, "") for row in rows]


async def _lock(tx: Tx, one: Filter, ids: Sequence[UUID] | None, most: int) -> list[Change]:
    rows = await tx.rows(
        SQL["lock_changes"], ids=None if ids is None else col(ids), supplier=one.supplier_id, kind=one.kind,
        named=one.named, search=one.search, until=one.until, most=most,
    )  # fmt: skip
    return [_change(row, "") for row in rows]


def _change(row: Row, supplier: str) -> Change:
    return Change(
        row.id, row.supplier_id, supplier, row.product_no, row.kind, row.named, row.title, row.before, row.after,
        tuple(row.held), row.state, row.found_at, row.settled_by, row.settled_at,
    )  # fmt: skip
