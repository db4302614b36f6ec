"""The vault's only SQL: by name, from queries.sql."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from heyi.infra.db import Row, Tx, bytes_col, col, one_by_key, queries, text_col, time_col
from heyi.infra.sealing import Sealing
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.kernel.money import Money
from heyi.provision.stock.model import KeyState

SQL = queries(__file__)


class IssuedRow(NamedTuple):
    """A bought card, sealed, on its way into the vault."""

    id: UUID
    batch_id: UUID
    benefit_id: UUID
    expires_at: datetime | None
    tail: str
    sealed: bytes
    item_id: UUID | None  # None: in quarantine


class Known(NamedTuple):
    """By which key the vault knows a card, whose it is, and the number of the file that brought it (None: bought)."""

    key_id: UUID
    item_id: UUID | None
    import_number: int | None


async def claim_ready(tx: Tx, wanted: Sequence[tuple[UUID, int]], *, now: datetime) -> list[Row]:
    """Keys that nobody holds; after this the transaction has a mark to go back to. One round trip."""
    async with tx.pipeline():
        await tx.send(SQL["mark_before_claim"])
        cursor = await tx.send(
            SQL["claim_ready"], benefits=col(b for b, _ in wanted), most=col(most for _, most in wanted), now=now
        )
    return await cursor.fetchall()


async def claim_waiting(tx: Tx, wanted: Sequence[tuple[UUID, int]], *, now: datetime) -> list[Row]:
    """Let go of the first pass, then lock again, waiting for those who hold keys.

    Two round trips on purpose: psycopg forgets its prepared statements when it sees a rollback, and in a pipeline
    it would see it only after it had sent the next statement by a name that is gone.
    """
    await tx.run(SQL["back_to_mark"])
    return await tx.rows(
        SQL["claim_waiting"], benefits=col(b for b, _ in wanted), most=col(most for _, most in wanted), now=now
    )


async def count_ready(tx: Tx, benefits: Sequence[UUID], *, most: int, now: datetime) -> dict[UUID, int]:
    """Keys that could be sold now, by benefit, counted up to `most`."""
    rows = await tx.rows(SQL["count_ready"], benefits=col(benefits), most=most, now=now)
    return {row.benefit_id: row.ready for row in rows}


async def issue_keys(tx: Tx, pairs: Sequence[tuple[UUID, UUID]], *, now: datetime) -> None:
    """Move keys from available to issued, all or (by an error) nothing."""
    await tx.send(
        SQL["issue_keys"], keys=col(key for key, _ in pairs), items=col(item for _, item in pairs), now=now,
        wanted=len(pairs),
    )  # fmt: skip


async def lock_items_keys(tx: Tx, item_ids: Sequence[UUID]) -> list[Row]:
    """The keys that these items have, with what opens them, in the order of their ids."""
    return await tx.rows(SQL["lock_items_keys"], items=col(item_ids))


async def record_reveals(
    tx: Tx, ids: Sequence[UUID], rows: Sequence[Row], unread: Sequence[UUID], *, by: str, now: datetime
) -> None:
    """Write who read which keys; those read for the first time become revealed."""
    async with tx.pipeline():
        if unread:
            await tx.send(SQL["mark_revealed"], keys=col(unread), wanted=len(unread), now=now)
        await tx.send(
            SQL["record_reveals"], ids=col(ids), keys=col(r.id for r in rows), items=col(r.item_id for r in rows),
            by=by, now=now,
        )  # fmt: skip


async def ensure_batches(
    tx: Tx, sealing: Sealing, wanted: Sequence[tuple[str, UUID, Money]], *, source: str, now: datetime
) -> dict[str, Row]:
    """Batches by code (code, benefit, cost of a key), made where they are missing, share-locked."""
    wanted = sorted(wanted, key=lambda each: each[0])
    async with tx.pipeline():
        await tx.send(
            SQL["make_batches"], ids=col(new_ids(millis(now), len(wanted))), benefits=col(b for _, b, _ in wanted),
            codes=text_col(code for code, _, _ in wanted),
            data_keys=bytes_col(sealing.new_data_key()[1] for _ in wanted),
            costs=col(cost.amount_minor for _, _, cost in wanted),
            currencies=text_col(cost.currency for _, _, cost in wanted), source=source, now=now,
        )  # fmt: skip
        cursor = await tx.send(SQL["batches_by_code"], codes=text_col(code for code, _, _ in wanted))
    return {row.code: row for row in await cursor.fetchall()}


async def remember_fingerprints(tx: Tx, by_print: Mapping[bytes, bytes], *, number: int | None) -> dict[bytes, Known]:
    """Remember new cards (fingerprint → key id, 16 bytes); answer those that the vault has under another key.

    One statement when all are new, four at most. A key that was voided before anybody had it gives its fingerprint
    up, so its card counts as new.
    """
    prints = sorted(by_print)
    added = await tx.run(
        SQL["remember_fingerprints"], fingerprints=bytes_col(prints), keys=col(by_print[p].hex() for p in prints),
        number=number,
    )  # fmt: skip
    if added == len(prints):
        return {}
    locked = await tx.rows(SQL["lock_fingerprints"], fingerprints=bytes_col(prints))
    others = [row for row in locked if row.key_id.bytes != by_print[row.fingerprint]]
    holders = one_by_key(await tx.rows(SQL["holders"], keys=col(row.key_id for row in others)))
    known = {
        row.fingerprint: Known(row.key_id, holders[row.key_id].item_id, row.import_number)
        for row in others
        if holders[row.key_id].state != KeyState.VOID
    }
    again = [row.fingerprint for row in others if row.fingerprint not in known]
    if again:
        await tx.run(
            SQL["take_over_fingerprints"], fingerprints=bytes_col(again), keys=col(by_print[p].hex() for p in again),
            number=number, wanted=len(again),
        )  # fmt: skip
    return known


async def keep_issued(tx: Tx, rows: Sequence[IssuedRow], *, now: datetime) -> None:
    """Put bought cards into the vault, issued; those of no item into quarantine."""
    if rows:
        await tx.send(
            SQL["keep_issued"], ids=col(r.id for r in rows), batches=col(r.batch_id for r in rows),
            benefits=col(r.benefit_id for r in rows), expires=time_col(r.expires_at for r in rows),
            tails=text_col(r.tail for r in rows), sealed=bytes_col(r.sealed for r in rows),
            items=col(r.item_id for r in rows), now=now,
        )  # fmt: skip
