"""How long keys last: what is left, what goes out, what will expire unsold. Counted by orders, added up by the hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from heyi.infra.db import Row, Tx, col, queries
from heyi.provision.stock.model import ExpiringBatch, Level

SQL = queries(__file__, "queries_levels.sql")
COUNTED_LEAST = 10_000  # keys of a benefit that are always counted; beyond, twice what a month takes
COUNTED_AT_ONCE, BATCH_KEYS_MAX, BATCHES_MAX = 50_000, 100_000, 100
KEPT = timedelta(days=60)


async def count(tx: Tx) -> int:
    """Add up what orders noted; answers how many hours of benefits were touched."""
    return await tx.run(SQL["count_issues"], most=COUNTED_AT_ONCE)


async def forget(tx: Tx, *, now: datetime) -> int:
    """Drop the hours that no forecast looks at."""
    return await tx.run(SQL["forget_demand"], before=now - KEPT)


async def of(tx: Tx, soon_days: Mapping[UUID, int], *, now: datetime) -> dict[UUID, Level]:
    """How these benefits' keys stand. `soon_days[benefit]`: what counts as expiring soon."""
    if not soon_days:
        return {}
    wanted = sorted(soon_days.items())
    rows = await tx.rows(
        SQL["levels"], benefits=col(id for id, _ in wanted), soon_days=col(days for _, days in wanted), now=now,
        least=COUNTED_LEAST,
    )  # fmt: skip
    return {row.benefit_id: _level(row, soon_days[row.benefit_id]) for row in rows}


async def expiring(tx: Tx, benefit_id: UUID, *, days: int, now: datetime) -> list[ExpiringBatch]:
    """The batches that its keys which expire within so many days belong to, the earliest first."""
    rows: Sequence[Row] = await tx.rows(
        SQL["expiring_batches"], benefit=benefit_id, now=now, until=now + timedelta(days=days), bound=BATCH_KEYS_MAX,
        most=BATCHES_MAX,
    )  # fmt: skip
    return [ExpiringBatch(row.batch_id, row.code, row.keys, row.first_expires_at) for row in rows]


def _level(row: Row, soon_days: int) -> Level:
    return Level(
        row.benefit_id, row.ready, row.ready >= row.bound, row.week_milli, row.month_milli, row.since, soon_days,
        row.expiring, row.expiring_7, row.expiring_30, row.unsold, row.unsold_7, row.unsold_30, row.unsold_ever,
        row.first_expires_at,
    )  # fmt: skip
