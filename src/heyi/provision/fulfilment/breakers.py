"""Breakers: kept in the database, so that all workers see one; turned by the rule in limits.py, or by a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.provision.fulfilment import limits, pulse
from heyi.provision.fulfilment.errors import SupplierNotFound, SupplierState

SQL = queries(__file__, "queries_routing.sql")
KEPT = timedelta(hours=1)  # pulses


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker that has just turned, or its state. `by` is None when the rule did it."""

    supplier_id: UUID
    supplier: str
    state: str
    why: str
    by: str | None
    since: datetime
    until: datetime | None = None


async def turn(tx: Tx, *, wall: datetime) -> list[Breaker]:
    """Look at all breakers once; answers those that turned. Several workers may look: each turn happens once."""
    rows = await tx.rows(SQL["breakers"], since=pulse.bucket(wall - limits.WINDOW))
    turns = [(row, found) for row in rows if (found := limits.turn(row, wall)) is not None]
    return await _save(tx, turns, None, wall) if turns else []


async def move(tx: Tx, supplier_id: UUID, state: str, *, why: str, by: str, wall: datetime) -> Breaker:
    """A person opens a breaker (until somebody closes it) or closes it. Raises SupplierNotFound, SupplierState."""
    row = await tx.row(SQL["breaker"], supplier=supplier_id)
    if row is None:
        raise SupplierNotFound
    moved = await _save(tx, [(row, limits.Turn(state, why))], by, wall) if row.breaker != state else []
    if not moved:
        raise SupplierState(state=f"breaker {row.breaker}")
    return moved[0]


async def history(tx: Tx, supplier_id: UUID, *, before: UUID | None, limit: int) -> list[tuple[UUID, Breaker]]:
    """What was done to a supplier's breaker, newest first, each with its id."""
    rows = await tx.rows(SQL["breaker_moves"], supplier=supplier_id, before=before, most=limit)
    return [(r.id, Breaker(supplier_id, r.code, r.state, r.why, r.by, r.at)) for r in rows]


async def forget(tx: Tx, *, wall: datetime) -> None:
    """Pulses that nobody reads any more."""
    await tx.run(SQL["forget_pulses"], before=wall - KEPT)


async def _save(tx: Tx, turns: Sequence[tuple[Row, limits.Turn]], by: str | None, wall: datetime) -> list[Breaker]:
    ordered = sorted(turns, key=lambda one: one[0].id)
    saved = await tx.rows(
        SQL["turn_breakers"],
        ids=col(row.id for row, _ in ordered),
        befores=text_col(row.breaker for row, _ in ordered),
        afters=text_col(to.state for _, to in ordered),
        whys=text_col(to.why for _, to in ordered),
        untils=time_col(to.until for _, to in ordered),
        times=col(to.times for _, to in ordered),
        moves=col(new_ids(millis(wall), len(ordered))),
        by=by,
        at=wall,
    )
    moved = {row.id for row in saved}
    return [Breaker(row.id, row.code, to.state, to.why, by, wall, to.until) for row, to in ordered if row.id in moved]
