"""The only SQL of checkout."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, bytes_col, col, queries, text_col, time_col
from heyi.kernel.ids import lane_of
from heyi.kernel.money import Money
from heyi.kernel.parts import Part
from heyi.order.checkout.model import DELIVERED, Asked, Item, ItemMove, Order, Placed
from heyi.order.checkout.rules import fulfilment_of

SQL = queries(__file__)
_encode = msgspec.json.Encoder().encode


async def claim_numbers(tx: Tx, asked: Sequence[Asked], order_ids: Sequence[UUID]) -> set[tuple[UUID, str]]:
    ranked = sorted(zip(asked, order_ids, strict=True), key=lambda pair: pair[0].key)
    rows = await tx.rows(
        SQL["claim_numbers"],
        channels=col(a.channel_id for a, _ in ranked),
        numbers=text_col(a.number for a, _ in ranked),
        orders=col(id for _, id in ranked),
        fingerprints=bytes_col(a.fingerprint for a, _ in ranked),
    )
    return {(row.channel_id, row.number) for row in rows}


async def known_numbers(tx: Tx, asked: Sequence[Asked]) -> dict[tuple[UUID, str], Row]:
    rows = await tx.rows(
        SQL["known_numbers"], channels=col(a.channel_id for a in asked), numbers=text_col(a.number for a in asked)
    )
    return {(row.channel_id, row.number): row for row in rows}


async def order_of_number(tx: Tx, channel: UUID, number: str) -> UUID | None:
    row = await tx.row(SQL["order_of_number"], channel=channel, number=number)
    return None if row is None else row.order_id


async def free_numbers(tx: Tx, asked: Sequence[Asked]) -> None:
    ranked = sorted(asked, key=lambda a: a.key)
    await tx.send(
        SQL["free_numbers"], channels=col(a.channel_id for a in ranked), numbers=text_col(a.number for a in ranked)
    )


async def insert(tx: Tx, placed: Sequence[Placed], *, now: datetime) -> None:
    """Queue the rows of accepted orders: two statements, however many there are."""
    baskets = [p.accepted.basket for p in placed]
    asked = [p.accepted.asked for p in placed]
    delivered = [sum([line.state == DELIVERED for line in p.accepted.lines]) for p in placed]
    await tx.send(
        SQL["insert_orders"],
        lanes=col(p.lane for p in placed),
        ids=col(p.id for p in placed),
        channels=col(a.channel_id for a in asked),
        numbers=text_col(a.number for a in asked),
        buyers=text_col(a.buyer for a in asked),
        bundle_ids=col(b.bundle_id for b in baskets),
        bundles=text_col(b.bundle for b in baskets),
        versions=col(b.version for b in baskets),
        quantities=col(a.quantity for a in asked),
        amounts=col(b.amount.amount_minor for b in baskets),
        currencies=text_col(b.amount.currency for b in baskets),
        fulfilments=text_col(
            fulfilment_of(len(p.items), done, done) for p, done in zip(placed, delivered, strict=True)
        ),
        totals=col(len(p.items) for p in placed),
        delivered=col(delivered),
        personal=text_col(_encode(a.personal).decode() for a in asked),
        metadata=text_col(None if a.metadata is None else _encode(a.metadata).decode() for a in asked),
        now=now,
    )
    rows = [(p, place, i, i.line.part) for p in placed for place, i in enumerate(p.items)]
    await tx.send(
        SQL["insert_items"],
        lanes=col(p.lane for p, _, _, _ in rows),
        ids=col(i.id for _, _, i, _ in rows),
        orders=col(p.id for p, _, _, _ in rows),
        places=col(place for _, place, _, _ in rows),
        components=text_col(part.component for _, _, _, part in rows),
        roles=text_col(part.role for _, _, _, part in rows),
        benefit_ids=col(part.benefit_id for _, _, _, part in rows),
        benefits=text_col(part.benefit for _, _, _, part in rows),
        kinds=text_col(part.kind for _, _, _, part in rows),
        shares=col(part.share.amount_minor for _, _, _, part in rows),
        currencies=text_col(part.share.currency for _, _, _, part in rows),
        states=text_col(i.line.state for _, _, i, _ in rows),
        dues=time_col(i.line.due_at for _, _, i, _ in rows),
        entitlements=col(i.entitlement_id for _, _, i, _ in rows),
        terms=text_col(_terms(part) for _, _, _, part in rows),
        now=now,
    )


def _terms(part: Part) -> str:
    return _terms_text(part.partner_id, part.earn_on, part.units, part.offer.id, part.offer.cost, part.title)


@lru_cache(maxsize=4096)
def _terms_text(partner: UUID, earn_on: str, units: int, offer: UUID, cost: Money, title: str) -> str:
    # Items of one version repeat: encoding their terms once instead of per order saves a tenth of the batch.
    terms = {"partner": partner, "earn_on": earn_on, "units": units, "offer": offer, "title": title,
             "cost": {"amount_minor": cost.amount_minor, "currency": cost.currency}}  # fmt: skip
    return _encode(terms).decode()


async def read(tx: Tx, order_ids: Sequence[UUID], *, lock: bool = False) -> list[Order]:
    """Orders with their items, in the order asked for; unknown ids are left out."""
    ids = {"lanes": col(lane_of(id) for id in order_ids), "ids": col(order_ids)}
    found = await tx.rows(SQL["lock_orders" if lock else "read_orders"], **ids)
    return await with_items(tx, sorted(found, key=lambda row: order_ids.index(row.id)))


async def accounts(tx: Tx, order: Order) -> dict[str, str]:
    row = await tx.row(SQL["read_accounts"], lane=order.lane, id=order.id)
    return {} if row is None else dict(row.accounts or {})


async def list_of_channel(tx: Tx, **filters: object) -> list[Row]:
    return await tx.rows(SQL["list_orders"], **filters)


async def list_all(tx: Tx, **filters: object) -> list[Row]:
    return await tx.rows(SQL["list_all_orders"], **filters)


async def with_items(tx: Tx, orders: Sequence[Row]) -> list[Order]:
    rows = await tx.rows(SQL["read_items"], lanes=col(o.lane for o in orders), ids=col(o.id for o in orders))
    items: dict[UUID, list[Item]] = {o.id: [] for o in orders}
    for row in rows:
        items[row.order_id].append(_item(row))
    return [_order(o, tuple(items[o.id])) for o in orders]


async def move(tx: Tx, changes: Sequence[tuple[ItemMove, Item, str]], *, now: datetime) -> set[UUID]:
    """Apply (move, item as it was, next state); answers the ids of the items that did move."""
    ranked = sorted(changes, key=lambda change: change[0].item_id)
    rows = await tx.rows(
        SQL["move_items"],
        lanes=col(m.lane for m, _, _ in ranked),
        ids=col(m.item_id for m, _, _ in ranked),
        befores=text_col(item.state for _, item, _ in ranked),
        states=text_col(state for _, _, state in ranked),
        problems=text_col(m.problem for m, _, _ in ranked),
        dues=time_col(m.due_at for m, _, _ in ranked),
        now=now,
    )
    return {row.id for row in rows}


async def choose(tx: Tx, chosen: Sequence[tuple[int, UUID, Part]]) -> None:
    rows = sorted(chosen, key=lambda one: one[:2])
    parts = [part for *_, part in rows]
    await tx.run(
        SQL["choose_items"],
        lanes=col(lane for lane, *_ in rows),
        ids=col(id for _, id, _ in rows),
        components=text_col(part.component for part in parts),
        benefit_ids=col(part.benefit_id for part in parts),
        benefits=text_col(part.benefit for part in parts),
        kinds=text_col(part.kind for part in parts),
        terms=text_col(_terms(part) for part in parts),
    )


async def count(tx: Tx, counts: Mapping[UUID, tuple[int, int, str]]) -> None:
    """Write orders' (delivered, ended, fulfilment)."""
    ids = sorted(counts)
    await tx.run(
        SQL["count_orders"],
        lanes=col(lane_of(id) for id in ids),
        ids=col(ids),
        delivered=col(counts[id][0] for id in ids),
        ended=col(counts[id][1] for id in ids),
        fulfilments=text_col(counts[id][2] for id in ids),
    )


async def drifted(tx: Tx, *, limit: int) -> list[UUID]:
    return [row.id for row in await tx.rows(SQL["drifted_orders"], limit=limit)]


def _item(row: Row) -> Item:
    return Item(
        row.id, row.order_id, row.place, row.component, row.role, row.benefit, row.kind,
        Money(row.share_minor, row.currency), row.state, row.due_at, row.entitlement_id, row.problem, row.terms,
    )  # fmt: skip


def _order(row: Row, items: tuple[Item, ...]) -> Order:
    return Order(
        row.lane, row.id, row.channel_id, row.number, row.buyer, row.bundle, row.bundle_version, row.quantity,
        Money(row.amount_minor, row.currency), row.payment, row.fulfilment, row.refund, row.review, row.metadata,
        row.created_at, row.paid_at, items,
    )  # fmt: skip
