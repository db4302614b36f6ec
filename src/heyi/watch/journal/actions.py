"""Noting and reading."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.watch.journal import rules, store
from heyi.watch.journal.model import Noted, Page


async def note(tx: Tx, lines: Sequence[Noted], *, now: datetime) -> None:
    """Write down whom facts concern, in one statement. Noting again changes nothing. Safe inside a pipeline."""
    if not lines:
        return
    seen: dict[UUID, int] = {}
    nths = []
    for line in lines:
        seen[line.holder_id] = seen.get(line.holder_id, 0) + 1
        nths.append(seen[line.holder_id])
    heads = rules.counts([line.holder_id for line in lines])
    await store.note(tx, lines, nths, heads, rules.position_at(now))


async def read(
    tx: Tx,
    holder_id: UUID,
    *,
    after: int = 0,
    since: datetime | None = None,
    until: datetime | None = None,
    names: Sequence[str] | None = None,
    most: int,
) -> Page:
    """What a holder may read, oldest first: behind a position, or since a time when no position is given (`after` 0),
    and not behind `until`.

    Positions grow in the order in which lines become visible, so reading on from `Page.position` misses nothing.
    """
    if not after and since is not None:
        after = rules.position_at(since) - 1
    head = await store.head(tx, holder_id)
    found = await store.page(
        tx,
        holder_id,
        after=after,
        names=names,
        most=most + 1,
        up_to=None if until is None else rules.position_at(until),
    )
    taken, more = found[:most], len(found) > most
    position = taken[-1][0] if more else max([after, head, *(position for position, _ in taken)])
    return Page([fact_id for _, fact_id in taken], position, more)
