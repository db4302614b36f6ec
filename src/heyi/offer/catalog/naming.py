"""Offers as their suppliers' products see them: which offers name a product, and what these may cost at most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx, col, queries, text_col
from heyi.kernel.money import Money, decimal, shares
from heyi.offer.catalog import store
from heyi.offer.catalog.compiled import Compiled, compile_version
from heyi.offer.catalog.model import BenefitOffer

SQL = queries(__file__, "queries_naming.sql")
Limits = Mapping[tuple[UUID, str], "Limit"]  # by benefit and currency


@dataclass(frozen=True, slots=True)
class NamingOffer:
    """An offer that is not withdrawn, and its benefit's code."""

    offer: BenefitOffer
    benefit: str


@dataclass(frozen=True, slots=True)
class Limit:
    """What one unit of a benefit may cost at most so that no version on sale loses by it. `stated`: the component says
    so; otherwise it is its share of the lowest price that some channel pays."""

    amount: Money
    bundle: str
    version: int
    stated: bool


async def of(tx: Tx, supplier_id: UUID, products: Sequence[str] | None = None) -> list[NamingOffer]:
    """The offers that name these products of a supplier, or any."""
    rows = await tx.rows(
        SQL["naming"], supplier=supplier_id, products=None if products is None else text_col(products)
    )  # fmt: skip
    return [NamingOffer(store.offer_of(row), row.benefit) for row in rows]


async def limits(tx: Tx, benefit_ids: Sequence[UUID], *, now: datetime) -> Limits:
    """The smallest limit of each benefit over the versions on sale that sell it; unsold ones are missing."""
    wanted = set(benefit_ids)
    rows = await tx.rows(SQL["selling"], ids=col(sorted(wanted)), now=now) if wanted else []
    documents = await store.read_documents(tx, [(row.id, row.version) for row in rows]) if rows else {}
    found: dict[tuple[UUID, str], Limit] = {}
    for row in rows:
        compiled = compile_version(row.id, row.code, row.version, documents[row.id, row.version])
        price = compiled.price.amount_minor if row.lowest is None else min(row.lowest, compiled.price.amount_minor)
        for benefit_id, limit in limits_of(compiled, price):
            key = benefit_id, limit.amount.currency
            if benefit_id in wanted and (
                key not in found or limit.amount.amount_minor < found[key].amount.amount_minor
            ):
                found[key] = limit
    return found


def limits_of(compiled: Compiled, price_minor: int) -> Iterator[tuple[UUID, Limit]]:
    """Pure: each benefit of a version at a price, with the limit of one unit; a benefit may come more than once."""
    parts = shares(price_minor, compiled.weights)
    templates = [(one, parts[place]) for place, one in enumerate(compiled.fixed)]
    place = len(compiled.fixed)
    for code, group in compiled.groups.items():
        slot = min(parts[place : place + group.pick])
        templates += [(one, slot) for one in compiled.options[code].values()]
        place += group.pick
    for template, share in templates:
        stated = template.component.cost_limit_minor
        minor = share // template.units_per_set if stated is None else stated
        amount = Money(minor, compiled.price.currency)
        yield template.benefit.id, Limit(amount, compiled.bundle, compiled.version, stated is not None)


async def reprice(tx: Tx, prices: Sequence[tuple[UUID, str, Money]]) -> list[tuple[UUID, str, UUID]]:
    """The offers that name these (supplier, product)s cost that from now on, if they cost in that currency; answers
    (supplier, product, offer) of those that do."""
    rows = await tx.rows(
        SQL["reprice"], suppliers=col(s for s, *_ in prices), products=text_col(p for _, p, _ in prices),
        prices=col(m.amount_minor for *_, m in prices), currencies=text_col(m.currency for *_, m in prices),
    )  # fmt: skip
    return [(row.supplier_id, row.product_no, row.id) for row in rows]


async def sources(tx: Tx, benefit_ids: Sequence[UUID]) -> Mapping[UUID, frozenset[str]]:
    """Where each of these benefits comes from now: stock, supplier, own."""
    return await store.active_sources(tx, benefit_ids)


@dataclass(frozen=True, slots=True)
class Broken:
    """An active offer whose product costs more now than a version on sale allows, or is priced in another currency than
    the offer. `last`: the benefit has no other."""

    offer: BenefitOffer
    benefit: str
    price: Money
    limit: Limit
    last: bool = False

    @property
    def foreign(self) -> bool:
        """Nobody has said what it may cost in that currency."""
        return self.price.currency != self.offer.cost.currency

    @property
    def why(self) -> str:
        """In words, with the figures."""
        if self.foreign:
            price, mine = f"{decimal(self.price.amount_minor)} {self.price.currency}", self.offer.cost.currency
            return f"供货价为 {price}，与成本币种 {mine} 不同 (price in another currency)"
        sums = [decimal(one.amount_minor) for one in (self.price, self.limit.amount)]
        where = f"{self.limit.bundle} v{self.limit.version}"
        return f"供货价 {sums[0]} 高于 {where} 的成本上限 {sums[1]} {self.price.currency} (price above the cost limit)"


def broken(
    naming: Sequence[NamingOffer], prices: Mapping[str, Money], limits: Limits, others: Mapping[UUID, int]
) -> list[Broken]:
    """Pure: the active offers that these prices (by product) break. `others`: active offers by benefit, all sources.
    A cost above the limit is what an operator agreed to; a price up to that breaks nothing. What no version on sale
    needs is not broken."""
    found = []
    for one in naming:
        price = prices.get(one.offer.product_no)
        limit = limits.get((one.offer.benefit_id, one.offer.cost.currency))
        if price is None or limit is None or one.offer.state != "active":
            continue
        this = Broken(one.offer, one.benefit, price, limit)
        if this.foreign or price.amount_minor > max(limit.amount.amount_minor, one.offer.cost.amount_minor):
            found.append(this)
    held: dict[UUID, int] = {}
    for each in found:
        held[each.offer.benefit_id] = held.get(each.offer.benefit_id, 0) + 1
    return [replace(b, last=others.get(b.offer.benefit_id, 0) <= held[b.offer.benefit_id]) for b in found]


async def active(tx: Tx, benefit_ids: Sequence[UUID]) -> dict[UUID, int]:
    """How many active offers these benefits have, of all sources."""
    rows = await tx.rows(SQL["active_count"], ids=col(benefit_ids)) if benefit_ids else []
    return {row.benefit_id: row.offers for row in rows}
