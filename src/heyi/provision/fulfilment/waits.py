"""SQL of what waits: for its day, for stock, for another item, for the buyer. Part of the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.provision.fulfilment.model import Chosen, Plan, Release, Request
from heyi.provision.fulfilment.store import SQL

if TYPE_CHECKING:
    from heyi.provision.fulfilment.walking import Walk

FLOWS = queries(__file__, "queries_flows.sql")

_encode = msgspec.json.Encoder().encode


async def claim_own(tx: Tx, *, most: int, now: datetime) -> list[Row]:
    await tx.rows(SQL["plan_each_time"])
    return await tx.rows(SQL["claim_own"], most=most, now=now)


async def count_waiters(tx: Tx, benefits: Collection[UUID], *, most: int) -> dict[UUID, int]:
    rows = await tx.rows(SQL["count_waiters"], benefits=col(sorted(benefits)), most=most)
    return {row.benefit_id: row.waiting for row in rows}


async def benefits_with_waiters(tx: Tx) -> list[UUID]:
    return [row.benefit_id for row in await tx.rows(SQL["benefits_with_waiters"])]


async def lock_waiters(tx: Tx, benefit: UUID, *, most: int) -> list[Row]:
    """The oldest waiters of a benefit, after whoever serves it now has finished."""
    await tx.rows(SQL["queue_for_benefit"], benefit=str(benefit))
    await tx.rows(SQL["plan_each_time"])
    return await tx.rows(SQL["lock_waiters"], benefit=benefit, most=most)


async def lock_event_waiters(tx: Tx, orders: Collection[UUID]) -> list[Row]:
    return await tx.rows(FLOWS["lock_event_waiters"], orders=col(sorted(orders)))


async def overdue(tx: Tx, *, most: int, now: datetime) -> list[tuple[int, UUID]]:
    return [(row.lane, row.id) for row in await tx.rows(FLOWS["overdue"], most=most, now=now)]


async def lock_overdue(tx: Tx, tasks: Sequence[tuple[int, UUID]], *, now: datetime) -> list[Row]:
    lanes, ids = col(lane for lane, _ in tasks), col(id for _, id in tasks)
    return await tx.rows(FLOWS["lock_overdue"], lanes=lanes, ids=ids, now=now)


async def lock_for_buyer(tx: Tx, releases: Sequence[Release]) -> list[Row]:
    rows = sorted(releases, key=lambda one: (one.lane, one.item_id))
    return await tx.rows(FLOWS["lock_for_buyer"], lanes=col(r.lane for r in rows), items=col(r.item_id for r in rows))


async def save_requests(tx: Tx, requests: Sequence[tuple[int, UUID, Request]]) -> None:
    rows = sorted(requests, key=lambda one: one[:2])
    await tx.run(
        SQL["save_requests"],
        lanes=col(lane for lane, *_ in rows),
        ids=col(id for _, id, _ in rows),
        requests=text_col(as_text(request) for *_, request in rows),
    )


def as_text(request: Request) -> str:
    return _encode(request).decode()


async def set_ways(tx: Tx, plans: Sequence[Plan]) -> None:
    """Where new tasks stand in their flows. Pipeline-safe."""
    ways = [(one, one.part.due.way) for one in sorted(plans, key=lambda one: (one.lane, one.id))]
    walking = [(one, way) for one, way in ways if way is not None]
    await tx.send(
        FLOWS["set_ways"],
        lanes=col(one.lane for one, _ in walking),
        ids=col(one.id for one, _ in walking),
        flows=text_col(way.graph for _, way in walking),
        nodes=text_col(way.node for _, way in walking),
        parts=col(way.part for _, way in walking),
        owns=col(way.own for _, way in walking),
    )


async def refit(tx: Tx, fitted: Sequence[tuple[Chosen, Request]]) -> None:
    rows = sorted(fitted, key=lambda one: (one[0].woken.row.lane, one[0].woken.row.id))
    parts = [one.part for one, _ in rows]
    await tx.run(
        FLOWS["refit"],
        lanes=col(one.woken.row.lane for one, _ in rows),
        ids=col(one.woken.row.id for one, _ in rows),
        kinds=col(part.kind for part in parts),
        benefits=col(part.benefit_id for part in parts),
        offers=col(part.offer.id for part in parts),
        suppliers=col(part.offer.supplier_id for part in parts),
        requests=text_col(as_text(request) for _, request in rows),
        flows=text_col(one.graph for one, _ in rows),
    )


async def postpone(tx: Tx, tasks: Sequence[tuple[int, UUID]], *, until: datetime, problem: str | None = None) -> None:
    rows = sorted(tasks)
    lanes, ids = col(lane for lane, _ in rows), col(id for _, id in rows)
    await tx.run(FLOWS["postpone"], lanes=lanes, ids=ids, until=until, problem=problem)


async def stuck(tx: Tx) -> Row:
    row = await tx.row(FLOWS["stuck"])
    assert row is not None
    return row


async def save_walks(tx: Tx, walks: Sequence[Walk], *, now: datetime) -> None:
    rows = sorted(walks, key=lambda one: (one.row.lane, one.row.id))
    await tx.run(
        FLOWS["save_walks"],
        lanes=col(w.row.lane for w in rows),
        ids=col(w.row.id for w in rows),
        befores=col(w.row.state for w in rows),
        afters=col(w.state for w in rows),
        dues=time_col(w.due_at for w in rows),
        problems=text_col(w.problem for w in rows),
        nodes=text_col(w.stand.node for w in rows),
        components=text_col(w.stand.component for w in rows),
        events=text_col(w.stand.event for w in rows),
        falls=col(w.falls_back for w in rows),
        owns=col(w.stand.own for w in rows),
        now=now,
    )
