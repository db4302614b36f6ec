"""The rows of warnings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id
from heyi.watch.warning.model import KINDS, Trouble, Warned

SQL = queries(__file__)
_encode = msgspec.json.Encoder().encode
_CALMING = sorted(name for name, kind in KINDS.items() if kind.calm)
_FADING = sorted(name for name, kind in KINDS.items() if kind.fades)

Kept = tuple[UUID, Trouble, str, str]  # id, trouble, zh, en


def warned(row: Row) -> Warned:
    """A warning from its row."""
    return Warned(
        row.id, row.kind, row.subject, row.level, row.zh, row.en, row.numbers, row.since, row.last_seen,
        row.calm_since, row.cleared_at, row.snoozed_until, row.snoozed_by, row.acknowledged_at, row.acknowledged_by,
        row.mailed_at,
    )  # fmt: skip


async def open_ones(tx: Tx, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Warned]:
    rows = await tx.rows(SQL["open_ones"], kinds=text_col(k for k, _ in keys), subjects=text_col(s for _, s in keys))
    return {(row.kind, row.subject): warned(row) for row in rows}


async def open_of(tx: Tx, kinds: Sequence[str], subjects: Sequence[str]) -> dict[str, dict[str, str]]:
    """The levels of what is open, by subject and kind."""
    found: dict[str, dict[str, str]] = {}
    for row in await tx.rows(SQL["open_of"], kinds=text_col(kinds), subjects=text_col(subjects)):
        found.setdefault(row.subject, {})[row.kind] = row.level
    return found


async def open_subjects(tx: Tx, kinds: Sequence[str]) -> set[tuple[str, str]]:
    return {(row.kind, row.subject) for row in await tx.rows(SQL["open_subjects"], kinds=text_col(kinds))}


async def keep(tx: Tx, rows: Sequence[Kept], *, now: datetime) -> list[Warned]:
    found = await tx.rows(
        SQL["keep"], ids=col(id for id, *_ in rows), kinds=text_col(one.kind for _, one, *_ in rows),
        subjects=text_col(one.subject for _, one, *_ in rows), levels=text_col(one.level for _, one, *_ in rows),
        zhs=text_col(zh for *_, zh, _ in rows), ens=text_col(en for *_, en in rows),
        numbers=text_col(_encode(one.numbers).decode() for _, one, *_ in rows), now=now,
    )  # fmt: skip
    return [warned(row) for row in found]


async def calm(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> None:
    await tx.run(SQL["calm"], ids=col(sorted(ids)), now=now)


async def forget(tx: Tx, *, before: datetime, most: int, now: datetime) -> int:
    return await tx.run(SQL["forget"], floor=first_id(millis(before)), before=before, most=most, now=now)


async def end(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> list[Warned]:
    return [warned(row) for row in await tx.rows(SQL["end"], ids=col(sorted(ids)), now=now)]


async def tell_again(tx: Tx, ids: Sequence[UUID]) -> None:
    if ids:
        await tx.run(SQL["tell_again"], ids=col(sorted(ids)))


async def restless(tx: Tx, *, now: datetime, most: int) -> list[Warned]:
    rows = await tx.rows(
        SQL["restless"], now=now, calming=text_col(_CALMING), fading=text_col(_FADING), most=most
    )  # fmt: skip
    return [warned(row) for row in rows]


async def search(
    tx: Tx, *, state: str, kind: str | None, level: str | None, about: str | None, text: str | None, now: datetime,
    before: UUID | None, most: int,
) -> list[Warned]:  # fmt: skip
    rows = await tx.rows(
        SQL["search"], state=state, kind=kind, level=level, about=about, text=text, now=now, before=before, most=most
    )
    return [warned(row) for row in rows]


async def find(tx: Tx, id: UUID) -> Warned | None:
    row = await tx.row(SQL["find"], id=id)
    return None if row is None else warned(row)


async def acknowledge(tx: Tx, id: UUID, *, by: str, now: datetime) -> Warned | None:
    row = await tx.row(SQL["acknowledge"], id=id, by=by, now=now)
    return None if row is None else warned(row)


async def snooze(tx: Tx, id: UUID, *, until: datetime, by: str) -> Warned | None:
    row = await tx.row(SQL["snooze"], id=id, until=until, by=by)
    return None if row is None else warned(row)
