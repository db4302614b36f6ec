"""SQL of the claim: which errands a worker takes. Part of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from heyi.infra.db import Row, Tx, col, text_col
from heyi.provision.fulfilment.errand import Errand
from heyi.provision.fulfilment.store import SQL


async def with_work(tx: Tx, *, now: datetime) -> list[UUID]:
    """Supplier accounts that have something due."""
    return [row.id for row in await tx.rows(SQL["suppliers_with_work"], now=now)]


async def lock_supplier(
    tx: Tx, supplier: UUID, *, wall: datetime, ended: Mapping[UUID, UUID] = MappingProxyType({})
) -> tuple[Row | None, int, int]:
    """The account's row, locked, or None while another worker claims; how many of its slots are taken, and how many of
    those by purchases. `ended`: tasks (with their leases) whose talk is over and not
    recorded yet."""
    async with tx.pipeline():
        await tx.send(SQL["plan_each_time"])
        locked = await tx.send(SQL["lock_supplier"], supplier=supplier)
        counted = await tx.send(
            SQL["slots_taken"], supplier=supplier, wall=wall, ended=col(ended), leases=col(ended.values())
        )
    taken = await counted.fetchone()
    return await locked.fetchone(), taken.taken if taken else 0, taken.sending if taken else 0


async def spend_tokens(tx: Tx, supplier: UUID, tokens: float, query_tokens: float, *, wall: datetime) -> None:
    await tx.run(SQL["spend_tokens"], supplier=supplier, tokens=tokens, query_tokens=query_tokens, wall=wall)


async def queries(tx: Tx, supplier: UUID, *, most: int, lease: UUID, until: datetime, now: datetime,
                  again: datetime) -> list[Row]:  # fmt: skip
    return await tx.rows(
        SQL["claim_queries"], supplier=supplier, most=most, lease=lease, until=until, now=now, again=again
    )


async def may_go_out(tx: Tx, errands: Sequence[Errand], *, until: datetime) -> None:
    lanes, ids = col(one.lane for one in errands), col(one.attempt_id for one in errands)
    await tx.run(SQL["may_go_out"], lanes=lanes, ids=ids, until=until)


async def submits(tx: Tx, supplier: UUID, *, most: int, lease: UUID, until: datetime, now: datetime) -> list[Row]:
    return await tx.rows(SQL["claim_submits"], supplier=supplier, most=most, lease=lease, until=until, now=now)


async def rechecks(tx: Tx, supplier: UUID, *, most: int, now: datetime, again: datetime) -> list[Row]:
    return await tx.rows(SQL["claim_rechecks"], supplier=supplier, most=most, now=now, again=again)


async def open_attempts(
    tx: Tx, supplier: UUID, rows: Sequence[tuple[Row, UUID, str, str, str, int]], *, now: datetime, until: datetime
) -> None:
    """First purchases: (task row, attempt id, outer number, product number, currency, cost of the offer) each."""
    await tx.send(
        SQL["open_attempts"],
        supplier=supplier,
        lanes=col(row.lane for row, *_ in rows),
        ids=col(id for _, id, *_ in rows),
        tasks=col(row.id for row, *_ in rows),
        items=col(row.item_id for row, *_ in rows),
        orders=col(row.order_id for row, *_ in rows),
        numbers=col(row.number for row, *_ in rows),
        outers=col(outer for _, _, outer, *_ in rows),
        offers=col(row.offer_id for row, *_ in rows),
        products=text_col(product for *_, product, _, _ in rows),
        currencies=text_col(currency for *_, currency, _ in rows),
        expected=col(cost for *_, cost in rows),
        now=now,
        until=until,
    )


async def expect(tx: Tx, planned: Sequence[Errand], offered: Sequence[Errand]) -> None:
    """What these purchases are expected to cost, where that is not what was planned; the same errands in both."""
    pairs = zip(planned, offered, strict=True)
    if changed := [now for was, now in pairs if now.request.cost_minor != was.request.cost_minor]:
        await tx.run(
            SQL["expect"],
            lanes=col(one.lane for one in changed),
            ids=col(one.attempt_id for one in changed),
            expected=col(one.request.cost_minor for one in changed),
        )


async def reopen_attempts(tx: Tx, rows: Sequence[Row], *, until: datetime) -> dict[UUID, Row]:
    """Purchases that go out again under their number, by task."""
    found = await tx.rows(
        SQL["reopen_attempts"],
        lanes=col(row.lane for row in rows),
        orders=col(row.order_id for row in rows),
        tasks=col(row.id for row in rows),
        numbers=col(row.number for row in rows),
        until=until,
    )
    return {row.task_id: row for row in found}


async def rescue(tx: Tx, *, most: int, now: datetime, wall: datetime) -> list[Row]:
    return await tx.rows(SQL["rescue_sending"], most=most, now=now, wall=wall)
