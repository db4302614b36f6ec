"""The SQL of imports: the files' progress, their faults, and their keys by COPY."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from struct import Struct
from typing import LiteralString
from uuid import UUID

import msgspec
from psycopg.errors import UniqueViolation

from heyi.infra.db import Row, Tx, bytes_col, col, text_col
from heyi.kernel.money import Money
from heyi.provision.stock.intake import COPY_END, COPY_HEAD
from heyi.provision.stock.model import Fault, Import, ImportState, Layout, Reason
from heyi.provision.stock.store import SQL, Known, remember_fingerprints

_length = Struct("!i").pack
_PRINT = b"\0\3" + _length(16)  # three columns, of which the first has 16 bytes
_ID = _length(16)


async def insert(
    tx: Tx, *, id: UUID, batch_id: UUID | None, batch: str, benefit_id: UUID, cost: Money, layout: Layout,
    dry_run: bool, now: datetime,
) -> Import:  # fmt: skip
    """A new import, waiting."""
    row = await tx.row(
        SQL["insert_import"], id=id, batch_id=batch_id, batch=batch, benefit_id=benefit_id,
        cost=cost.amount_minor, currency=cost.currency, layout=msgspec.json.encode(layout).decode(), dry_run=dry_run,
        now=now,
    )  # fmt: skip
    return _import(row)


async def read(tx: Tx, ids: Sequence[UUID]) -> list[Import]:
    """Imports by id."""
    return [_import(row) for row in await tx.rows(SQL["read_imports"], ids=col(ids))]


async def page(tx: Tx, *, batch: str | None, before: UUID | None, most: int) -> list[Import]:
    """The newest imports older than `before`."""
    return [_import(row) for row in await tx.rows(SQL["page_imports"], batch=batch, before=before, most=most)]


async def data_key(tx: Tx, batch_id: UUID) -> bytes:
    """A batch's wrapped data key."""
    row = await tx.row(SQL["batch_data_key"], id=batch_id)
    assert row is not None  # imports refer to batches by foreign key
    return bytes(row.data_key)


async def lock_at(tx: Tx, work: Import) -> tuple[bool, str | None]:
    """Lock the import: whether it still is where `work` saw it, and its batch's state (None for a dry run), which
    stays so until the transaction ends."""
    async with tx.pipeline():
        found = await tx.send(SQL["lock_import"], id=work.id, position=work.position)
        batch = await tx.send(SQL["hold_batch"], id=work.batch_id)
    held = await batch.fetchone()
    return await found.fetchone() is not None, None if held is None else str(held.state)


async def remember(tx: Tx, by_print: Mapping[bytes, bytes], number: int) -> dict[bytes, Known]:
    """`store.remember_fingerprints` for thousands that are probably all new."""
    await tx.run(SQL["mark_before_fingerprints"])
    last = _length(4) + _length(number)
    try:
        await _copy(tx, SQL["copy_fingerprints"], [_PRINT + m + _ID + by_print[m] + last for m in sorted(by_print)])
    except UniqueViolation:
        await tx.run(SQL["back_to_fingerprints"])
        return await remember_fingerprints(tx, by_print, number=number)
    return {}


async def copy_keys(tx: Tx, rows: Sequence[bytes]) -> None:
    """Put sealed keys into the vault; rows in binary COPY format."""
    if rows:
        await _copy(tx, SQL["copy_keys"], rows)


async def _copy(tx: Tx, sql: LiteralString, rows: Sequence[bytes]) -> None:
    async with tx.connection.cursor() as cursor, cursor.copy(sql) as copy:
        await copy.write(COPY_HEAD + b"".join(rows) + COPY_END)


async def quarantine(tx: Tx, ids: Sequence[bytes]) -> None:
    """Take keys aside that have just come into a quarantined batch."""
    if ids:
        await tx.run(SQL["quarantine_new"], ids=col(id.hex() for id in ids), wanted=len(ids))


async def try_fingerprints(tx: Tx, work: Import, cards: Mapping[bytes, int]) -> dict[bytes, Reason]:
    """For a dry run: which of these were in the file before, or are in the vault."""
    marks = bytes_col(sorted(cards))
    known = {r.fingerprint: Reason.REPEATED_IN_VAULT for r in await tx.rows(SQL["in_vault"], fingerprints=marks)}
    fresh = {row.fingerprint for row in await tx.rows(SQL["try_fingerprints"], id=work.id, fingerprints=marks)}
    return known | {mark: Reason.REPEATED_IN_FILE for mark in cards if mark not in fresh and mark not in known}


async def forget_tried(tx: Tx, import_id: UUID) -> None:
    """A dry run is over."""
    await tx.run(SQL["forget_tried"], id=import_id)


async def write_faults(tx: Tx, import_id: UUID, faults: Sequence[Fault]) -> None:
    """Keep the rows that were not taken."""
    if faults:
        await tx.run(
            SQL["write_faults"], id=import_id, lines=col(f.line for f in faults),
            reasons=text_col(f.reason.value for f in faults), masked=text_col(f.masked for f in faults),
        )  # fmt: skip


async def faults(tx: Tx, import_id: UUID, *, after_line: int, most: int) -> list[Fault]:
    """Rows that were not taken, in the file's order."""
    rows = await tx.rows(SQL["read_faults"], id=import_id, after=after_line, most=most)
    return [Fault(row.line, Reason(row.reason), row.masked) for row in rows]


async def advance(
    tx: Tx, work: Import, *, position: int, digest: bytes, read: int, added: int, bad: int, repeated: int, now: datetime
) -> Import:
    """The import is further; it was locked by `lock_at`."""
    row = await tx.row(
        SQL["advance_import"], id=work.id, position=position, digest=digest, read=read, added=added, bad=bad,
        repeated=repeated, now=now,
    )  # fmt: skip
    return _import(row)


async def finish(tx: Tx, work: Import, *, now: datetime) -> Import | None:
    """The import is done, if it still is where `work` saw it."""
    row = await tx.row(SQL["finish_import"], id=work.id, position=work.position, now=now)
    return None if row is None else _import(row)


def _import(row: Row) -> Import:
    return Import(
        id=row.id, number=row.number, batch_id=row.batch_id, batch=row.batch, benefit_id=row.benefit_id,
        cost=Money(row.cost_minor, row.currency), dry_run=row.dry_run, layout=msgspec.convert(row.layout, Layout),
        state=ImportState(row.state), position=row.position, digest=row.digest, rows_read=row.rows_read,
        rows_added=row.rows_added, rows_bad=row.rows_bad, rows_repeated=row.rows_repeated,
        created_at=row.created_at, updated_at=row.updated_at,
    )  # fmt: skip
