"""Our balance at a supplier: what it says, compared with what the books say.

A purchase is booked when it is delivered. Until then the supplier may have taken the money or not, so its balance lies
somewhere between the booked one and the booked one less all that is in flight. Only what is outside of that band is a
difference. The books are read before the supplier is asked and again after it has answered: deliveries that happen in
between widen the band, and never look like a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, queries
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, new_id
from heyi.provision.fulfilment.errors import SupplierNotFound

SQL = queries(__file__, "queries_balances.sql")
GAP = timedelta(minutes=5)  # between two looks at an account, give or take a fifth
FAR = timedelta(minutes=30)
DUE_MAX = 50
FRESH = timedelta(minutes=30)  # how long the supplier's last word is the best that we know
LOOKED_BACK = 50
KEPT = timedelta(days=60)
FORGET_MAX = 5000


@dataclass(frozen=True, slots=True)
class Books:
    """What we believe about an account at one moment, in minor units."""

    booked_minor: int
    in_flight_minor: int

    @property
    def least_minor(self) -> int:
        """What the supplier's balance is when everything in flight has been taken."""
        return self.booked_minor - self.in_flight_minor


@dataclass(frozen=True, slots=True)
class Look:
    """One look at our balance. `difference_minor` is what the supplier has more (or less, below zero) than can be
    explained; it and `reported_minor` are None when nothing was heard, and `problem` says why."""

    id: UUID
    supplier_id: UUID
    at: datetime
    currency: str
    reported_minor: int | None
    booked_minor: int
    in_flight_minor: int
    difference_minor: int | None
    problem: str | None
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What the last looks say. `left_minor`: what can still be spent there, by the supplier's word while that is fresh,
    else by the books; None: nobody knows. `heard` is the last look that brought a balance, `differences` are of those,
    newest first; `unread`: looks running that brought none, and `problem` why."""

    heard: Look | None
    left_minor: int | None
    differences: tuple[int, ...]
    unread: int
    problem: str


def summary(looks: Sequence[Look], books: Books | None, now: datetime) -> Summary:
    """Out of the last looks, newest first; `books` are None when nothing was ever booked there."""
    heard = [one for one in looks if one.reported_minor is not None]
    last = heard[0] if heard else None
    unread = next((n for n, one in enumerate(looks) if one.reported_minor is not None), len(looks))
    fresh = last is not None and now - last.at <= FRESH
    left = last.reported_minor if last is not None and fresh else None if books is None else books.least_minor
    problem = (looks[0].problem or "") if unread else ""
    return Summary(last, left, tuple([one.difference_minor or 0 for one in heard]), unread, problem)


def compare(reported_minor: int, before: Books, after: Books) -> tuple[Books, int]:
    """(the band as booked and in flight, what lies outside of it)."""
    most = max(before.booked_minor, after.booked_minor)
    least = min(before.least_minor, after.least_minor)
    band = Books(most, most - least)
    if reported_minor > most:
        return band, reported_minor - most
    return band, min(0, reported_minor - least)


async def claim_due(tx: Tx, *, now: datetime) -> list[UUID]:
    """Accounts to be looked at now; each is due again in about five minutes."""
    rows = await tx.rows(SQL["claim_due"], now=now, far=now + FAR, gap_s=GAP.total_seconds(), most=DUE_MAX)
    return [row.id for row in rows]


async def left_alone(tx: Tx) -> list[UUID]:
    """Accounts whose balance is nobody's concern now: nothing is bought there, or it is owed for."""
    return [row.id for row in await tx.rows(SQL["left_alone"])]


async def terms(tx: Tx, supplier_id: UUID) -> str:
    """prepaid or postpaid. Raises SupplierNotFound."""
    row = await tx.row(SQL["terms"], supplier=supplier_id)
    if row is None:
        raise SupplierNotFound
    return str(row.pays)


async def set_terms(tx: Tx, supplier_id: UUID, pays: str) -> None:
    """From now on, what is delivered is bought from what was put in there (prepaid), or owed for."""
    await tx.run(SQL["set_terms"], supplier=supplier_id, pays=pays)


async def in_flight(tx: Tx, supplier_id: UUID) -> tuple[int, int]:
    """(how many numbers, minor units) may have been bought there without our knowing the end yet."""
    row = await tx.row(SQL["in_flight"], supplier=supplier_id)
    return (0, 0) if row is None else (row.numbers, row.minor)


async def keep(
    tx: Tx, supplier_id: UUID, reported_minor: int | None, problem: str, before: Books, after: Books, *, currency: str,
    duration_ms: int, now: datetime, wall: datetime,
) -> Look:  # fmt: skip
    """Write down one look."""
    band, difference = (after, None) if reported_minor is None else compare(reported_minor, before, after)
    look = Look(
        new_id(millis(now)), supplier_id, now, currency, reported_minor, band.booked_minor, band.in_flight_minor,
        difference, problem or None, duration_ms,
    )  # fmt: skip
    await tx.run(
        SQL["keep"], id=look.id, supplier=supplier_id, now=now, currency=currency, reported=reported_minor,
        booked=look.booked_minor, in_flight=look.in_flight_minor, difference=difference, problem=look.problem,
        duration_ms=duration_ms, wall=wall,
    )  # fmt: skip
    return look


async def page(tx: Tx, supplier_id: UUID, *, before: UUID | None, limit: int) -> list[Look]:
    """Looks at an account, newest first."""
    return [_look(row) for row in await tx.rows(SQL["page"], supplier=supplier_id, before=before, most=limit)]


async def recent(tx: Tx, supplier_id: UUID, currency: str, *, now: datetime) -> list[Look]:
    """The last looks at an account by now (a clock may have been moved back) that were in this currency, newest
    first."""
    looks = await page(tx, supplier_id, before=first_id(millis(now) + 1), limit=LOOKED_BACK)
    return [one for one in looks if one.currency == currency]


async def forget(tx: Tx, *, now: datetime) -> int:
    """Drop a chunk of looks older than two months."""
    return await tx.run(SQL["forget"], floor=first_id(millis(now - KEPT)), most=FORGET_MAX)


def _look(row: Row) -> Look:
    return Look(
        row.id, row.supplier_id, row.at, row.currency, row.reported_minor, row.booked_minor, row.in_flight_minor,
        row.difference_minor, row.problem, row.duration_ms,
    )  # fmt: skip
