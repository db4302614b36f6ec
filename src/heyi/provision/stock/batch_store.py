"""The SQL of batches and of single keys taken aside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, col, text_col
from heyi.kernel.money import Money
from heyi.provision.stock.model import Batch, BatchState, KeyState, ListedKey
from heyi.provision.stock.store import SQL


async def of_code(tx: Tx, code: str) -> Row | None:
    """The batch of this code, if there is one."""
    return await tx.row(SQL["batch_of_code"], code=code)


async def page(
    tx: Tx, *, id: UUID | None, benefit_id: UUID | None, state: BatchState | None, source: str | None,
    search: str | None, before: UUID | None, most: int, now: datetime,
) -> list[Batch]:  # fmt: skip
    """Batches, newest first, with counts."""
    rows = await tx.rows(
        SQL["page_batches"], id=id, benefit=benefit_id, state=state and state.value, source=source, search=search,
        before=before, most=most, now=now,
    )  # fmt: skip
    return [
        Batch(
            id=row.id, benefit_id=row.benefit_id, code=row.code, cost=Money(row.cost_minor, row.currency),
            state=BatchState(row.state), source=row.source, created_at=row.created_at, total=row.total, ready=row.ready,
            issued=row.issued, revealed=row.revealed, quarantined=row.quarantined, void=row.void, expired=row.expired,
            first_expires_at=row.first_expires_at,
        )
        for row in rows
    ]  # fmt: skip


async def lock(tx: Tx, batch_id: UUID) -> Row | None:
    """The batch, held against imports into it."""
    return await tx.row(SQL["lock_batch"], id=batch_id)


async def move(tx: Tx, batch_id: UUID, sources: Sequence[BatchState], to: BatchState) -> bool:
    """Compare-and-set."""
    row = await tx.row(SQL["move_batch"], id=batch_id, sources=text_col(s.value for s in sources), to=to.value)
    return row is not None


async def move_keys_of(tx: Tx, batch_id: UUID, sources: Sequence[KeyState], to: KeyState, *, suspects_too: bool) -> int:
    """Move all keys of a batch that are in one of these states; how many there were."""
    row = await tx.row(
        SQL["move_batch_keys"], batch=batch_id, sources=text_col(s.value for s in sources), to=to.value,
        suspects_too=suspects_too,
    )  # fmt: skip
    return 0 if row is None else int(row.moved)


async def move_keys(tx: Tx, ids: Sequence[UUID], sources: Sequence[KeyState], to: KeyState) -> dict[UUID, int]:
    """Move these keys as far as their states allow; how many per benefit."""
    rows = await tx.rows(SQL["move_keys"], ids=col(ids), sources=text_col(s.value for s in sources), to=to.value)
    return {row.benefit_id: int(row.moved) for row in rows}


async def suspect(tx: Tx, ids: Sequence[UUID], *, reason: str, by: str, now: datetime) -> None:
    """Remember why single keys were taken aside."""
    await tx.run(SQL["suspect"], ids=col(ids), reason=reason, by=by, now=now)


async def unsuspect(tx: Tx, ids: Sequence[UUID]) -> None:
    """They are good again, or gone."""
    await tx.run(SQL["unsuspect"], ids=col(ids))


async def page_keys(
    tx: Tx, batch_id: UUID, *, state: KeyState | None, before: UUID | None, most: int
) -> list[ListedKey]:
    """Masked keys of a batch, newest first."""
    rows = await tx.rows(SQL["page_keys"], batch=batch_id, state=state and state.value, before=before, most=most)
    return [
        ListedKey(
            row.id, row.batch_id, row.benefit_id, KeyState(row.state), row.tail, row.expires_at, row.item_id,
            row.issued_at, row.revealed_at,
        )
        for row in rows
    ]  # fmt: skip
