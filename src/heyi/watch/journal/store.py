"""The journal's rows."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heyi.infra.db import Tx, col, queries, text_col
from heyi.watch.journal.model import Noted

SQL = queries(__file__)


async def note(
    tx: Tx, lines: Sequence[Noted], nths: Sequence[int], heads: Sequence[tuple[UUID, int]], start: int
) -> None:
    await tx.send(
        SQL["note"],
        start=start,
        head_holders=col(holder for holder, _ in heads),
        head_lines=col(count for _, count in heads),
        holders=col(line.holder_id for line in lines),
        nths=col(nths),
        facts=col(line.fact_id for line in lines),
        names=text_col(line.name for line in lines),
    )


async def head(tx: Tx, holder_id: UUID) -> int:
    row = await tx.row(SQL["head"], holder_id=holder_id)
    return 0 if row is None else int(row.position)


async def page(
    tx: Tx, holder_id: UUID, *, after: int, names: Sequence[str] | None, most: int, up_to: int | None
) -> list[tuple[int, UUID]]:
    rows = await tx.rows(
        SQL["page"],
        holder_id=holder_id,
        after=after,
        names=None if names is None else text_col(names),
        most=most,
        up_to=up_to,
    )
    return [(row.position, row.fact_id) for row in rows]
