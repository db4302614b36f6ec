"""The rows of rights, terms and holds: the only reader and writer of schema `entitlement`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col, time_col
from heyi.kernel.ids import lane_for, lane_of
from heyi.kernel.parts import Part, window
from heyi.provision.entitlement import rules
from heyi.provision.entitlement.model import Grant, Properties, Right

SQL = queries(__file__)
_encode = msgspec.json.Encoder().encode


async def insert(tx: Tx, grants: Sequence[Grant], *, now: datetime) -> None:
    """Rights and their first terms, in one statement; safe inside a pipeline."""
    ordered = sorted(grants, key=lambda g: (g.lane, g.id.int))
    states = [rules.first_state(g.part, g.item_state) for g in ordered]
    kept = [
        rules.properties_of(g.part, item_state=g.item_state, key_expires_at=g.key_expires_at, now=now) for g in ordered
    ]
    activated = [now if state == "active" else None for state in states]
    windows = [
        window(p.validity, paid_at=now, delivered_at=p.delivered_at, activated_at=at, key_expires_at=p.key_expires_at)
        for p, at in zip(kept, activated, strict=True)
    ]
    await tx.send(
        SQL["grant"],
        lanes=col(g.lane for g in ordered),
        ids=col(g.id for g in ordered),
        channels=col(g.channel_id for g in ordered),
        buyers=text_col(g.buyer for g in ordered),
        orders=col(g.order_id for g in ordered),
        items=col(g.item_id for g in ordered),
        components=text_col(g.part.component for g in ordered),
        benefit_ids=col(g.part.benefit_id for g in ordered),
        benefits=text_col(g.part.benefit for g in ordered),
        titles=text_col(g.part.title for g in ordered),
        kinds=col(g.part.kind for g in ordered),
        partners=col(g.part.partner_id for g in ordered),
        states=col(states),
        units=col(g.part.units for g in ordered),
        froms=time_col(start for start, _ in windows),
        tos=time_col(end for _, end in windows),
        properties=text_col(_encode(p).decode() for p in kept),
        activated=time_col(activated),
        now=now,
    )


async def lock(tx: Tx, ids: Iterable[UUID], *, now: datetime) -> dict[UUID, Right]:
    """These rights, locked until the transaction ends; unknown ids are left out."""
    ordered = sorted(set(ids), key=_key)
    if not ordered:
        return {}
    rows = await tx.rows(SQL["lock"], lanes=col(lane_of(i) for i in ordered), ids=col(ordered))
    return {right.id: right for right in await _with_holds(tx, rows, now=now)}


async def look(tx: Tx, ids: Iterable[UUID]) -> dict[UUID, Right]:
    """These rights, neither locked nor with their holds."""
    ordered = sorted(set(ids), key=_key)
    if not ordered:
        return {}
    rows = await tx.rows(SQL["look"], lanes=col(lane_of(i) for i in ordered), ids=col(ordered))
    return {row.id: _right(row) for row in rows}


async def of_partner(tx: Tx, partner_id: UUID, *, after: tuple[int, UUID] | None, most: int) -> list[Right]:
    lane, id = after or (-1, UUID(int=0))
    return [_right(row) for row in await tx.rows(SQL["of_partner"], partner=partner_id, lane=lane, id=id, most=most)]


async def hear(tx: Tx, heard: Mapping[UUID, tuple[str | None, datetime | None]]) -> None:
    """What partners said, and when we heard it, beside rights that are locked."""
    ids = sorted(heard, key=_key)
    if ids:
        await tx.run(
            SQL["hear"], lanes=col(lane_of(i) for i in ids), ids=col(ids), states=text_col(heard[i][0] for i in ids),
            ats=time_col(heard[i][1] for i in ids),
        )  # fmt: skip


async def lock_expired(tx: Tx, *, now: datetime, most: int) -> list[Right]:
    """Rights past their end which no one else has locked, at most so many."""
    return [_right(row) for row in await tx.rows(SQL["lock_expired"], now=now, most=most)]


async def find(tx: Tx, id: UUID, *, now: datetime) -> Right | None:
    rows = await tx.rows(SQL["find"], lane=lane_of(id), id=id)
    return next(iter(await _with_holds(tx, rows, now=now)), None)


async def of_buyer(
    tx: Tx, *, channel_id: UUID, buyer: str, state: str | None, before: UUID | None, most: int, now: datetime
) -> list[Right]:
    lane = lane_for(channel_id, buyer)
    rows = await tx.rows(
        SQL["list_by_buyer"], lane=lane, channel=channel_id, buyer=buyer, state=state, before=before, most=most
    )
    return await _with_holds(tx, rows, now=now)


async def lock_of_orders(tx: Tx, orders: Sequence[tuple[int, UUID]], *, now: datetime) -> list[Right]:
    rows = await tx.rows(
        SQL["lock_by_orders"], lanes=col(lane for lane, _ in orders), orders=col(id for _, id in orders)
    )
    return await _with_holds(tx, rows, now=now)


async def choose(tx: Tx, chosen: Sequence[tuple[UUID, Part]]) -> None:
    rows = sorted(chosen, key=lambda one: _key(one[0]))
    kept = [
        rules.properties_of(part, item_state="waiting_for_buyer", key_expires_at=None, now=None) for _, part in rows
    ]
    await tx.run(
        SQL["choose"],
        lanes=col(lane_of(id) for id, _ in rows),
        ids=col(id for id, _ in rows),
        components=text_col(part.component for _, part in rows),
        benefit_ids=col(part.benefit_id for _, part in rows),
        benefits=text_col(part.benefit for _, part in rows),
        titles=text_col(part.title for _, part in rows),
        kinds=col(part.kind for _, part in rows),
        partners=col(part.partner_id for _, part in rows),
        units=col(part.units for _, part in rows),
        properties=text_col(_encode(one).decode() for one in kept),
    )


async def of_order(tx: Tx, lane: int, order_id: UUID, *, now: datetime) -> list[Right]:
    return await _with_holds(tx, await tx.rows(SQL["list_by_order"], lane=lane, order=order_id), now=now)


async def save(tx: Tx, changes: Sequence[tuple[Right, Right]]) -> None:
    """Write (before, after) of rights that are locked. Raises RuntimeError when a row is not as it was read."""
    changes = sorted([c for c in changes if c[0] != c[1]], key=lambda c: _key(c[0].id))
    if not changes:
        return
    was, now = [a for a, _ in changes], [b for _, b in changes]
    written = await tx.run(
        SQL["save"],
        lanes=col(r.lane for r in now),
        ids=col(r.id for r in now),
        was_states=col(r.state for r in was),
        was_lefts=col(r.units_left for r in was),
        was_reserveds=col(r.units_reserved for r in was),
        states=col(r.state for r in now),
        whys=col(r.ended_why for r in now),
        lefts=col(r.units_left for r in now),
        reserveds=col(r.units_reserved for r in now),
        froms=time_col(r.valid_from for r in now),
        tos=time_col(r.valid_to for r in now),
        properties=text_col(_encode(r.properties).decode() for r in now),
        activated=time_col(r.activated_at for r in now),
        ended=time_col(r.ended_at for r in now),
        items=col(r.item_id for r in now),
    )
    if written != len(changes):
        raise RuntimeError(f"{len(changes) - written} of {len(changes)} locked entitlements changed under the lock")


def _key(id: UUID) -> tuple[int, int]:
    return lane_of(id), id.int


async def holds(tx: Tx, ids: Sequence[UUID], *, now: datetime) -> dict[UUID, list[str]]:
    ordered = sorted(ids, key=_key)
    found: dict[UUID, list[str]] = {}
    for held in await tx.rows(SQL["holds"], lanes=col(lane_of(i) for i in ordered), ids=col(ordered), now=now):
        found.setdefault(held.entitlement_id, []).append(held.reason)
    return found


async def insert_hold(
    tx: Tx, id: UUID, entitlement_id: UUID, reason: str, *, by: str, until: datetime | None, now: datetime
) -> None:
    values = {"lane": lane_of(id), "id": id, "entitlement": entitlement_id, "reason": reason}
    await tx.run(SQL["insert_hold"], **values, by=by, until=until, now=now)


async def end_hold(tx: Tx, entitlement_id: UUID, reason: str, *, now: datetime) -> datetime | None:
    """Since when the hold that was ended had lasted; None when there was none."""
    row = await tx.row(
        SQL["end_hold"], lane=lane_of(entitlement_id), entitlement=entitlement_id, reason=reason, now=now
    )
    return None if row is None else row.since


async def holds_running_out(tx: Tx, *, most: int, now: datetime) -> list[Row]:
    return await tx.rows(SQL["holds_running_out"], most=most, now=now)


async def end_run_out(tx: Tx, rows: Sequence[Row], *, now: datetime) -> list[Row]:
    ordered = sorted((row.lane, row.id) for row in rows)
    lanes, ids = col(lane for lane, _ in ordered), col(id for _, id in ordered)
    return await tx.rows(SQL["end_run_out"], lanes=lanes, ids=ids, now=now)


async def _with_holds(tx: Tx, rows: Sequence[Row], *, now: datetime) -> list[Right]:
    found = await holds(tx, [row.id for row in rows], now=now) if rows else {}
    return [_right(row, tuple(found.get(row.id, ()))) for row in rows]


def _right(row: Row, holds: tuple[str, ...] = ()) -> Right:
    fields = {**row._asdict(), "properties": msgspec.convert(row.properties, Properties)}
    return Right(**fields, holds=holds)
