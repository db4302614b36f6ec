"""Partners' reports as they came: kept for a year, refused ones too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from msgspec.json import encode

from heyi.infra.db import Row, Tx
from heyi.kernel.clock import millis
from heyi.kernel.ids import first_id, new_ids
from heyi.provision.usage import store
from heyi.provision.usage.model import Answer, Event, Reference, Told, Unread

KEPT = timedelta(days=366)
FORGET_MAX = 5000


async def keep(
    tx: Tx, partner_id: UUID, origin: str, events: Sequence[Event | Unread], answers: Mapping[UUID, Answer], *,
    now: datetime,
) -> None:  # fmt: skip
    """Keep reports as they came, refused ones too; a repetition is not kept again."""
    rows: list[store.Report] = []
    for one in events:
        answer = answers[one.id]
        if answer.verdict == "repeated":
            continue
        right, verdict, code = answer.entitlement_id, answer.verdict, answer.code
        if isinstance(one, Unread):
            rows.append((one.id, one.event_id, right, one.reference, one.kind, one.at, None, one.raw, verdict, code))
        else:
            told, name = one.told, str(one.reference)
            rows.append(
                (one.id, one.event_id, right, name, told.kind, told.at, told.units or None, one.raw, verdict, code)
            )
    await store.keep_reports(tx, partner_id, origin, rows, now=now)


async def search(
    tx: Tx, *, partner: UUID | None = None, entitlement: UUID | None = None, verdict: str | None = None,
    search: str | None = None, before: UUID | None = None, limit: int,
) -> list[Row]:  # fmt: skip
    """Kept reports, newest first."""
    return await store.list_reports(
        tx, partner=partner, entitlement=entitlement, verdict=verdict, search=search, before=before, most=limit
    )


async def refused_under(tx: Tx, partner_id: UUID, reference: Reference, *, now: datetime) -> list[Event]:
    """What was reported under a number while we did not know it, as it may be taken in now: each event once."""
    rows = await store.refused_under(tx, partner_id, str(reference))
    ids = new_ids(millis(now), len(rows))
    return [
        Event(id, row.event_id, reference, Told(row.kind, row.at, row.at, row.units or 0), encode(row.raw).decode())
        for id, row in zip(ids, rows, strict=True)
    ]


async def forget(tx: Tx, *, now: datetime) -> int:
    """Delete a chunk of reports older than a year; what became of them stays in rights, books, beliefs and drifts."""
    return await store.forget_reports(tx, first_id(millis(now - KEPT)), most=FORGET_MAX)
