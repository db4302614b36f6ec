"""The rows of endpoints, deliveries and tries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Row, Tx, bytes_col, col, queries, text_col, time_col
from heyi.watch.webhook.model import (
    Announcement,
    CallBack,
    Delivery,
    Endpoint,
    Health,
    Outcome,
    Sending,
    Told,
    Try,
    Verdict,
)

SQL = queries(__file__)
TRIES_SHOWN, TOLD_SHOWN = 30, 500


def _endpoint(row: Row) -> Endpoint:
    return Endpoint(
        row.id, row.holder_kind, row.holder_id, row.url, tuple(row.events), row.description, row.state,
        row.disabled_why, row.failing_since, row.failures, row.old_secret_until, row.created_at, row.voice,
    )  # fmt: skip


async def count(tx: Tx, holder_id: UUID) -> int:
    row = await tx.row(SQL["count_of_holder"], holder_id=holder_id)
    return 0 if row is None else int(row.n)


async def make(tx: Tx, endpoint: Endpoint, secret: bytes) -> None:
    await tx.run(
        SQL["make_endpoint"], id=endpoint.id, holder_kind=endpoint.holder_kind, holder_id=endpoint.holder_id,
        url=endpoint.url, events=text_col(endpoint.events), description=endpoint.description, secret=secret,
        now=endpoint.created_at,
    )  # fmt: skip


async def read(tx: Tx, holder_id: UUID, id: UUID, *, lock: bool = False) -> Endpoint | None:
    row = await tx.row(SQL["lock_endpoint" if lock else "read_endpoint"], id=id, holder_id=holder_id)
    return None if row is None else _endpoint(row)


async def listed(tx: Tx, holder_id: UUID, *, before: UUID | None, most: int) -> list[Endpoint]:
    rows = await tx.rows(SQL["list_endpoints"], holder_id=holder_id, before=before, most=most)
    return [_endpoint(row) for row in rows]


async def disabled(tx: Tx, holder_id: UUID, *, wish: str) -> list[tuple[UUID, str, str]]:
    rows = await tx.rows(SQL["disabled"], holder_id=holder_id, wish=wish)
    return [(row.id, row.url, row.disabled_why) for row in rows]


async def change(tx: Tx, endpoint: Endpoint) -> None:
    await tx.run(
        SQL["change_endpoint"], id=endpoint.id, url=endpoint.url, events=text_col(endpoint.events),
        description=endpoint.description, state=endpoint.state, disabled_why=endpoint.disabled_why,
        failing_since=endpoint.failing_since, failures=endpoint.failures,
    )  # fmt: skip


async def delete(tx: Tx, id: UUID) -> None:
    await tx.run(SQL["delete_endpoint"], id=id)


async def rotate(tx: Tx, id: UUID, secret: bytes, *, until: datetime) -> None:
    await tx.run(SQL["rotate_secret"], id=id, secret=secret, until=until)


async def listening(tx: Tx, holder_ids: Sequence[UUID]) -> list[Endpoint]:
    return [_endpoint(row) for row in await tx.rows(SQL["listening"], holders=col(holder_ids))]


async def announce(
    tx: Tx,
    ids: Sequence[UUID],
    pairs: Sequence[tuple[Endpoint, Announcement]],
    *,
    now: datetime,
    asked_at: datetime | None = None,
) -> None:
    values: dict[str, object] = {
        "ids": col(ids),
        "endpoints": col(endpoint.id for endpoint, _ in pairs),
        "facts": col(one.fact_id for _, one in pairs),
        "orders": col(one.order_id for _, one in pairs),
        "events": text_col(one.event for _, one in pairs),
        "bodies": bytes_col(one.body() for _, one in pairs),
        "now": now,
    }
    if asked_at is None:
        await tx.send(SQL["announce"], **values)
    else:
        await tx.send(SQL["announce_again"], **values, asked_at=asked_at)


async def announce_to(
    tx: Tx, ids: Sequence[UUID], endpoint_ids: Sequence[UUID], calls: Sequence[CallBack], *, now: datetime
) -> None:
    voices = sorted({(one.holder_id, one.voice) for one in calls})
    await tx.send(
        SQL["make_voices"], ids=col(endpoint_ids[: len(voices)]), holders=col(holder for holder, _ in voices),
        voices=text_col(voice for _, voice in voices), now=now,
    )  # fmt: skip
    await tx.send(
        SQL["announce_to"], ids=col(ids), holders=col(one.holder_id for one in calls),
        voices=text_col(one.voice for one in calls), facts=col(one.fact_id for one in calls),
        orders=col(one.order_id for one in calls), events=text_col(one.event for one in calls),
        urls=text_col(one.url for one in calls), now=now,
    )  # fmt: skip


async def again(tx: Tx, endpoint_id: UUID, id: UUID, *, now: datetime) -> None:
    await tx.run(SQL["again"], id=id, endpoint_id=endpoint_id, now=now)


async def claim(tx: Tx, lease: UUID, *, now: datetime, until: datetime, slots: int, most: int) -> list[Sending]:
    rows = await tx.rows(SQL["claim"], lease=lease, now=now, until=until, slots=slots, most=most)
    return [
        Sending(
            row.id, row.lease, row.endpoint_id, row.url,
            tuple(secret for secret in (row.secret, row.old_secret) if secret), row.failing, row.fact_id, row.body,
            row.attempts, row.voice, row.holder_id, row.order_id,
        )
        for row in rows
    ]  # fmt: skip


async def lapse(tx: Tx, *, now: datetime, wall: datetime) -> int:
    return await tx.run(SQL["lapse"], now=now, wall=wall)


async def lock(tx: Tx, endpoint_ids: Sequence[UUID]) -> list[Endpoint]:
    return [_endpoint(row) for row in await tx.rows(SQL["lock_endpoints"], ids=col(endpoint_ids))]


async def save_health(tx: Tx, health: Mapping[UUID, Health]) -> None:
    found = sorted(health.items())
    await tx.send(
        SQL["save_health"], ids=col(id for id, _ in found), sinces=time_col(h.failing_since for _, h in found),
        failures=col(h.failures for _, h in found), whys=text_col(h.disabled_why for _, h in found),
    )  # fmt: skip


async def drop_waiting(tx: Tx, endpoint_ids: Sequence[UUID], *, now: datetime) -> None:
    await tx.send(SQL["drop_waiting"], endpoints=col(endpoint_ids), now=now)


async def record(tx: Tx, ends: Sequence[tuple[Outcome, Verdict]], *, now: datetime) -> None:
    await tx.send(
        SQL["record"], ids=col(o.sending.id for o, _ in ends), leases=col(o.sending.lease for o, _ in ends),
        states=text_col(v.state for _, v in ends), next_ats=time_col(v.next_at for _, v in ends), now=now,
    )  # fmt: skip


async def record_tries(tx: Tx, ids: Sequence[UUID], outcomes: Sequence[Outcome]) -> None:
    await tx.send(
        SQL["record_tries"], ids=col(ids), deliveries=col(o.sending.id for o in outcomes),
        ats=time_col(o.at for o in outcomes), statuses=col(o.status for o in outcomes),
        errors=text_col(o.error for o in outcomes), durations=col(o.duration_ms for o in outcomes),
    )  # fmt: skip


async def deliveries(tx: Tx, endpoint_id: UUID, *, state: str | None, before: UUID | None, most: int) -> list[Delivery]:
    rows = await tx.rows(SQL["list_deliveries"], endpoint_id=endpoint_id, state=state, before=before, most=most)
    return await _with_tries(tx, rows)


async def delivery(tx: Tx, endpoint_id: UUID, id: UUID) -> Delivery | None:
    rows = await tx.rows(SQL["read_delivery"], endpoint_id=endpoint_id, id=id)
    return (await _with_tries(tx, rows))[0] if rows else None


async def _with_tries(tx: Tx, rows: Sequence[Row]) -> list[Delivery]:
    tries: dict[UUID, list[Try]] = {row.id: [] for row in rows}
    if rows:
        for row in await tx.rows(SQL["tries_of"], deliveries=col(tries), each=TRIES_SHOWN):
            tries[row.delivery_id].append(Try(row.at, row.status, row.error, row.duration_ms))
    return [
        Delivery(
            row.id, row.fact_id, row.event, row.state, row.attempts, row.next_at, row.created_at, row.ended_at,
            tries[row.id],
        )
        for row in rows
    ]  # fmt: skip


async def about_order(tx: Tx, order_id: UUID) -> list[Told]:
    rows = await tx.rows(SQL["about_order"], order_id=order_id, most=TOLD_SHOWN)
    return [Told(row.at, row.holder_kind, row.url, row.event, row.status, row.error, row.duration_ms) for row in rows]


async def forget(tx: Tx, floor: UUID, *, most: int) -> int:
    return await tx.run(SQL["forget"], floor=floor, most=most)
