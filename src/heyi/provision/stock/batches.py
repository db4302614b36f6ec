"""Batches: made, listed, taken aside, let go, thrown away; and the same for single keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx
from heyi.infra.sealing import Sealing
from heyi.kernel.money import Money
from heyi.provision.stock import batch_store, store
from heyi.provision.stock.errors import BatchDiffers, BatchIsVoid, BatchNotFound, WrongState
from heyi.provision.stock.model import BATCHES, KEYS, Batch, BatchState, KeyState, ListedKey


async def ensure(tx: Tx, sealing: Sealing, code: str, benefit_id: UUID, cost: Money, *, now: datetime) -> Row:
    """The batch of this code, made if need be. Raises BatchDiffers or BatchIsVoid."""
    row = (await store.ensure_batches(tx, sealing, [(code, benefit_id, cost)], source="imported", now=now))[code]
    _agrees(row, code, benefit_id, cost)
    return row


async def check(tx: Tx, code: str, benefit_id: UUID, cost: Money) -> None:
    """As `ensure`, but makes nothing."""
    row = await batch_store.of_code(tx, code)
    if row is not None:
        _agrees(row, code, benefit_id, cost)


async def page(
    tx: Tx, *, benefit_id: UUID | None, state: BatchState | None, source: str | None, search: str | None,
    before: UUID | None, most: int, now: datetime,
) -> list[Batch]:  # fmt: skip
    """Batches older than `before`, newest first, with the counts of their keys. `search` is part of the code."""
    return await batch_store.page(
        tx, id=None, benefit_id=benefit_id, state=state, source=source, search=search, before=before, most=most, now=now
    )


async def read(tx: Tx, batch_id: UUID, *, now: datetime) -> Batch:
    """One batch with its counts. Raises BatchNotFound."""
    found = await batch_store.page(
        tx, id=batch_id, benefit_id=None, state=None, source=None, search=None, before=None, most=1, now=now
    )
    if not found:
        raise BatchNotFound
    return found[0]


async def move(tx: Tx, batch_id: UUID, move: str) -> tuple[UUID, int]:
    """Quarantine, release or void a batch with all its keys that nobody has; answers (benefit, keys moved).

    Keys that are being sold at this moment are waited for: those which become issued stay issued, and once this is
    committed no other key of the batch can be. Keys that were quarantined one by one are not released with it.
    Raises BatchNotFound or WrongState.
    """
    batch = await batch_store.lock(tx, batch_id)
    if batch is None:
        raise BatchNotFound
    target = BATCHES.step(BatchState(batch.state), move)
    if target is None or not await batch_store.move(tx, batch_id, BATCHES.sources(move), target):
        raise WrongState(count=1)
    sources = KEYS.sources(move)
    moved = await batch_store.move_keys_of(tx, batch_id, sources, _target(move), suspects_too=move == "void")
    return batch.benefit_id, moved


async def move_keys(
    tx: Tx, key_ids: Sequence[UUID], move: str, *, reason: str, by: str, now: datetime
) -> dict[UUID, int]:
    """Quarantine, release or void single keys, all or none; answers how many per benefit. Raises WrongState."""
    ids = sorted(set(key_ids))
    moved = await batch_store.move_keys(tx, ids, KEYS.sources(move), _target(move))
    missing = len(ids) - sum(moved.values())
    if missing:
        raise WrongState("/keys", count=missing)
    if move == "quarantine":
        await batch_store.suspect(tx, ids, reason=reason, by=by, now=now)
    else:
        await batch_store.unsuspect(tx, ids)
    return moved


async def page_keys(
    tx: Tx, batch_id: UUID, *, state: KeyState | None, before: UUID | None, most: int
) -> list[ListedKey]:
    """A batch's keys, newest first; masked."""
    return await batch_store.page_keys(tx, batch_id, state=state, before=before, most=most)


def _target(move: str) -> KeyState:
    (target,) = {KEYS.step(source, move) for source in KEYS.sources(move)}
    assert target is not None
    return target


def _agrees(row: Row, code: str, benefit_id: UUID, cost: Money) -> None:
    if row.benefit_id != benefit_id or Money(row.cost_minor, row.currency) != cost:
        raise BatchDiffers("/batch", batch=code)
    if row.state == BatchState.VOID:
        raise BatchIsVoid("/batch")
