"""What suppliers say of their products: kept page by page, compared with what was known, found once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_ids
from heyi.provision.fulfilment import routing, shelf
from heyi.provision.fulfilment.shelf import Finding, Heard, Json, Known, Named, Open
from heyi.provision.fulfilment.syncing import Found, Sync

SQL = queries(__file__, "queries_products.sql")
NEWS_MAX = 200  # of products that nobody sells here, in one run
GONE_MAX = 5_000
_json = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Price:
    """A supplier's price for a product that our offers name, and another than theirs. `id` is its change; `fresh`: it
    was found just now; `held`: offers that were held because of it already."""

    id: UUID
    product_no: str
    price_minor: int
    currency: str
    held: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class ProductSeen:
    """A product as it was last heard of, for people."""

    id: UUID
    supplier_id: UUID
    product_no: str
    title: str
    kind: str | None
    price_minor: int | None
    currency: str
    unpriced: bool
    stock: int | None
    on_sale: bool | None
    fields: tuple[Json, ...]
    first_seen_at: datetime | None
    seen_at: datetime
    gone_at: datetime | None


async def take(
    tx: Tx, sync: Sync, told: Iterable[object], named: Mapping[str, Sequence[Named]], found: Found, *, now: datetime,
    wall: datetime,
) -> list[Price]:  # fmt: skip
    """Keep what a supplier has shown, and find what is different; answers the prices that are to be judged. The run is
    locked. Of a product that is shown twice in a run the first word counts: two prices would change it for ever."""
    told = list(told)
    readable = [one for one in map(shelf.tidy, told) if one is not None]
    first: dict[str, Heard] = {}
    for one in readable:
        first.setdefault(one.product_no, one)
    known = await _known(tx, sync.supplier_id, sorted(first))
    heard = {no: one for no, one in first.items() if no not in known or known[no].heard_in != sync.id}
    compared = {
        no: shelf.compare(known.get(no), one, named.get(no, ()), first=sync.first) for no, one in heard.items()
    }  # fmt: skip
    findings = [one for each in compared.values() for one in each.findings]
    kept = await _keep(tx, sync, findings, [id for each in compared.values() for id in each.overtaken], found, now=now)
    await _keep_products(tx, sync, [heard[no] for no in sorted(heard)], now=now, wall=wall)
    found.products += len(heard)
    found.unread += len(told) - len(readable)
    prices = [
        Price(id, one.product_no, one.after["price_minor"], one.after["currency"])
        for id, one in kept if one.kind == shelf.PRICE and one.named and one.after
    ]  # fmt: skip
    prices += [
        Price(one.standing.id, no, one.standing.after["price_minor"], one.standing.after["currency"], one.standing.held)
        for no, one in compared.items() if one.standing is not None and one.standing.after
    ]  # fmt: skip
    return prices


async def drop(
    tx: Tx, sync: Sync, numbers: Sequence[str], named: Mapping[str, Sequence[Named]], found: Found, *, now: datetime,
    wall: datetime,
) -> None:  # fmt: skip
    """They are not sold any more."""
    known = await _known(tx, sync.supplier_id, sorted(numbers))
    fresh = {no: known.get(no, Known()) for no in numbers if not known.get(no, Known()).gone}
    findings = [
        Finding(no, shelf.GONE, no in named, was.title, {"title": was.title, "on_sale": was.on_sale}, None)
        for no, was in fresh.items() if was.listed or no in named
    ]  # fmt: skip
    over = [open.id for was in fresh.values() for kind, open in was.open.items() if kind in (shelf.NEW, shelf.STATUS)]
    await _keep(tx, sync, findings, over, found, now=now)
    if fresh:
        await tx.run(SQL["drop_products"], supplier=sync.supplier_id, products=text_col(sorted(fresh)), wall=wall)
    found.gone += len(fresh)


async def missing(tx: Tx, sync: Sync, apart: Sequence[str]) -> tuple[list[str], bool]:
    """What the list had before and has no more (without those `apart`), and whether that can be true: a list that has
    lost more than half of itself is doubted."""
    heard = await tx.row(SQL["heard_count"], supplier=sync.supplier_id, sync=sync.id)
    rows = await tx.rows(
        SQL["missing_products"], supplier=sync.supplier_id, sync=sync.id, most=GONE_MAX, **{"except": text_col(apart)}
    )  # fmt: skip
    return [row.product_no for row in rows], heard is not None and 2 * heard.heard >= sync.known


async def held(tx: Tx, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """(change, offer): which offers were held because of a price."""
    if pairs:
        await tx.run(SQL["mark_held"], changes=col(change for change, _ in pairs), offers=col(o for _, o in pairs))


async def sold(tx: Tx, places: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], bool]:
    """Whether these (supplier, product)s are still sold, by what their suppliers say."""
    rows = await tx.rows(SQL["sold_at"], suppliers=col(s for s, _ in places), products=text_col(p for _, p in places))
    return {(row.supplier_id, row.product_no): row.sold for row in rows}


async def heard_of(tx: Tx, places: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], ProductSeen]:
    """What was last heard of these (supplier, product)s; those that nobody spoke of are missing."""
    rows = await tx.rows(SQL["heard_of"], suppliers=col(s for s, _ in places), products=text_col(p for _, p in places))
    return {(row.supplier_id, row.product_no): _seen(row) for row in rows}


async def search(
    tx: Tx, supplier_id: UUID, *, text: str | None, only: Sequence[str] | None, gone: bool | None,
    before: UUID | None, limit: int,
) -> list[ProductSeen]:  # fmt: skip
    """An account's products. `only`: these numbers."""
    rows = await tx.rows(
        SQL["list_products"], supplier=supplier_id, search=text, only=None if only is None else text_col(only),
        gone=gone, before=before, most=limit,
    )  # fmt: skip
    return [_seen(row) for row in rows]


async def _known(tx: Tx, supplier_id: UUID, numbers: Sequence[str]) -> dict[str, Known]:
    products = text_col(numbers)
    rows = await tx.rows(SQL["lock_products"], supplier=supplier_id, products=products)
    open: dict[str, dict[str, Open]] = {}
    for row in await tx.rows(SQL["open_changes"], supplier=supplier_id, products=products):
        open.setdefault(row.product_no, {})[row.kind] = Open(row.id, row.before, row.after, tuple(row.held))
    said = {
        row.product_no: (row.after, row.found_at)
        for row in await tx.rows(SQL["prices_said"], supplier=supplier_id, products=products)
    }
    return {
        row.product_no: Known(
            row.title, row.price_minor, row.currency, row.told_on_sale, tuple(row.fields), row.unpriced,
            row.listed_at is not None, row.gone_at is not None, open.get(row.product_no, {}), said.get(row.product_no),
            row.heard_in,
        )
        for row in rows
    }  # fmt: skip


async def _keep(
    tx: Tx, sync: Sync, findings: Sequence[Finding], overtaken: Sequence[UUID], found: Found, *, now: datetime
) -> list[tuple[UUID, Finding]]:
    """Changes, and as many news as there is room for in this run; with their ids."""
    mine = [one for one in findings if one.named]
    news = [one for one in findings if not one.named]
    kept = mine + news[: max(0, NEWS_MAX - sync.news - found.news)]
    found.changes += len(mine)
    found.news += len(news)
    if overtaken:
        await tx.run(SQL["overtake"], ids=col(sorted(overtaken)), now=now)
    if not kept:
        return []
    ids = new_ids(millis(now), len(kept))
    await tx.run(
        SQL["keep_changes"], supplier=sync.supplier_id, sync=sync.id, now=now, ids=col(ids),
        products=text_col(one.product_no for one in kept), kinds=text_col(one.kind for one in kept),
        named=col(one.named for one in kept), titles=text_col(one.title for one in kept),
        befores=text_col(None if one.before is None else _json(one.before).decode() for one in kept),
        afters=text_col(None if one.after is None else _json(one.after).decode() for one in kept),
    )  # fmt: skip
    return list(zip(ids, kept, strict=True))


async def _keep_products(tx: Tx, sync: Sync, heard: Sequence[Heard], *, now: datetime, wall: datetime) -> None:
    if not heard:
        return
    await tx.run(
        SQL["keep_products"], supplier=sync.supplier_id, sync=sync.id, wall=wall, believed=wall - routing.SHELF_GOOD,
        ids=col(new_ids(millis(now), len(heard))), products=text_col(one.product_no for one in heard),
        titles=text_col(one.title for one in heard), kinds=text_col(one.kind for one in heard),
        prices=col(one.price_minor for one in heard), currencies=text_col(one.currency for one in heard),
        stocks=col(one.stock for one in heard), on_sales=col(one.on_sale for one in heard),
        fields=text_col(_json(one.fields).decode() for one in heard),
    )  # fmt: skip


def _seen(row: Row) -> ProductSeen:
    return ProductSeen(
        row.id, row.supplier_id, row.product_no, row.title, row.kind, row.price_minor, row.currency, row.unpriced,
        row.stock, row.on_sale, tuple(row.fields), row.first_seen_at, row.seen_at, row.gone_at,
    )  # fmt: skip
