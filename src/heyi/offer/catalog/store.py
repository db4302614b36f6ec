"""The only SQL of the catalog."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx, col, queries, text_col
from heyi.kernel.ids import from_text
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer, Sourcing
from heyi.offer.catalog.model import Benefit, BenefitOffer, Bundle, Document, Properties, Version

SQL = queries(__file__)


# What is sold


async def read_sale(tx: Tx, keys: Sequence[tuple[str, int | None, UUID]]) -> list[Row]:
    """Where the sale of (bundle code or id, version or None for the current, channel) stands; n counts from 1."""
    ids = [from_text("bnd", bundle) for bundle, _, _ in keys]
    return await tx.rows(
        SQL["on_sale"],
        ids=col(ids),
        codes=text_col(None if id else bundle for id, (bundle, _, _) in zip(ids, keys, strict=True)),
        versions=col(version for _, version, _ in keys),
        channels=col(channel for _, _, channel in keys),
    )


async def read_documents(tx: Tx, wanted: Sequence[tuple[UUID, int]]) -> dict[tuple[UUID, int], Document]:
    """The documents of these (bundle, version)s."""
    rows = await tx.rows(
        SQL["read_documents"], bundles=col(bundle for bundle, _ in wanted), versions=col(v for _, v in wanted)
    )
    return {(row.bundle_id, row.version): msgspec.convert(row.document, Document) for row in rows}


async def list_selling(tx: Tx, *, before: UUID | None, most: int, now: datetime) -> list[UUID]:
    """Bundles that channels may show, newest first."""
    return [row.id for row in await tx.rows(SQL["list_selling"], before=before, most=most, now=now)]


# Benefits and offers


async def insert_benefit(tx: Tx, benefit: Benefit) -> bool:
    """False when the code is taken."""
    values = _benefit_values(benefit)
    values |= {"code": benefit.code, "partner_id": benefit.partner_id, "kind": benefit.kind, "now": benefit.created_at}
    return await tx.run(SQL["insert_benefit"], **values) == 1


async def list_benefits(
    tx: Tx, *, search: str | None, partner_id: UUID | None, kind: str | None, before: UUID | None, most: int
) -> list[Benefit]:
    """Newest first."""
    rows = await tx.rows(
        SQL["list_benefits"], search=search, partner_id=partner_id, kind=kind, before=before, most=most
    )  # fmt: skip
    return [_benefit(row) for row in rows]


async def read_benefit(tx: Tx, id: UUID, *, lock: bool = False) -> Benefit | None:
    row = await tx.row(SQL["lock_benefit" if lock else "read_benefit"], id=id)
    return _benefit(row) if row else None


async def lock_benefits_named(tx: Tx, codes: Sequence[str]) -> dict[str, Benefit]:
    """By code; those that do not exist are missing."""
    rows = await tx.rows(SQL["lock_benefits_named"], codes=text_col(codes))
    return {row.code: _benefit(row) for row in rows}


async def update_benefit(tx: Tx, benefit: Benefit, *, now: datetime) -> bool:
    return await tx.run(SQL["update_benefit"], **_benefit_values(benefit), now=now) == 1


async def move_benefit(tx: Tx, id: UUID, state: str, sources: Sequence[str], *, now: datetime) -> bool:
    return await tx.run(SQL["move_benefit"], id=id, state=state, sources=text_col(sources), now=now) == 1


async def insert_offer(tx: Tx, offer: BenefitOffer) -> None:
    await tx.run(
        SQL["insert_offer"], id=offer.id, benefit_id=offer.benefit_id, source=offer.source,
        supplier_id=offer.supplier_id, product_no=offer.product_no, cost_minor=offer.cost.amount_minor,
        currency=offer.cost.currency, priority=offer.priority, weight=offer.weight, now=offer.created_at,
    )  # fmt: skip


async def list_offers(tx: Tx, benefit_id: UUID) -> list[BenefitOffer]:
    """Best first."""
    return [offer_of(row) for row in await tx.rows(SQL["list_offers"], benefit_id=benefit_id)]


async def offers_now(tx: Tx, ids: Collection[UUID]) -> dict[UUID, tuple[str, Money]]:
    rows = await tx.rows(SQL["offers_now"], ids=col(sorted(ids)))
    return {row.id: (row.state, Money(row.cost_minor, row.currency)) for row in rows}


async def lock_offer(tx: Tx, id: UUID) -> BenefitOffer | None:
    row = await tx.row(SQL["lock_offer"], id=id)
    return offer_of(row) if row else None


async def update_offer(tx: Tx, offer: BenefitOffer, *, was: str) -> bool:
    """False when the offer has left the state that it `was` in."""
    return await tx.run(
        SQL["update_offer"], id=offer.id, product_no=offer.product_no, cost_minor=offer.cost.amount_minor,
        currency=offer.cost.currency, priority=offer.priority, weight=offer.weight, state=offer.state,
        held_why=offer.held_why, named_at=offer.named_at, was=was,
    ) == 1  # fmt: skip


async def sourcing(tx: Tx, benefit_ids: Sequence[UUID]) -> dict[UUID, Sourcing]:
    """Where these benefits may be bought now; those that no supplier sells are missing."""
    offers: dict[UUID, list[Offer]] = {}
    policies: dict[UUID, str] = {}
    for row in await tx.rows(SQL["sourcing"], ids=col(benefit_ids)):
        cost = Money(row.cost_minor, row.currency)
        one = Offer(row.id, row.source, row.supplier_id, row.product_no, cost, row.priority, row.weight)
        offers.setdefault(row.benefit_id, []).append(one)
        policies[row.benefit_id] = row.routing or "priority"
    return {id: Sourcing(policies[id], tuple(found)) for id, found in offers.items()}


async def only_from_suppliers(tx: Tx, *, now: datetime) -> dict[UUID, str]:
    """The codes of benefits on sale that only suppliers give, by id."""
    return {row.id: row.code for row in await tx.rows(SQL["only_from_suppliers"], now=now)}


async def active_sources(tx: Tx, benefit_ids: Sequence[UUID], *, held: bool = False) -> dict[UUID, frozenset[str]]:
    """The sources of these benefits' active offers; with those that are held, if wanted."""
    rows = await tx.rows(SQL["active_sources"], ids=col(benefit_ids), held=held)
    return {row.benefit_id: frozenset(row.sources) for row in rows}


# Bundles and versions


async def insert_bundle(tx: Tx, bundle: Bundle) -> bool:
    """False when the code is taken."""
    return (
        await tx.run(SQL["insert_bundle"], id=bundle.id, code=bundle.code, title=bundle.title, now=bundle.created_at)
        == 1
    )


async def list_bundles(
    tx: Tx, *, search: str | None, state: str | None, before: UUID | None, most: int
) -> list[Bundle]:
    """Newest first."""
    rows = await tx.rows(SQL["list_bundles"], search=search, state=state, before=before, most=most)
    return [_bundle(row) for row in rows]


async def read_bundle(tx: Tx, id: UUID, *, lock: bool = False) -> Bundle | None:
    row = await tx.row(SQL["lock_bundle" if lock else "read_bundle"], id=id)
    return _bundle(row) if row else None


async def update_bundle(tx: Tx, bundle: Bundle) -> None:
    await tx.run(
        SQL["update_bundle"], id=bundle.id, title=bundle.title, sale_from=bundle.sale_from, sale_to=bundle.sale_to
    )  # fmt: skip


async def move_bundle(tx: Tx, id: UUID, state: str, sources: Sequence[str]) -> bool:
    return await tx.run(SQL["move_bundle"], id=id, state=state, sources=text_col(sources)) == 1


async def make_current(tx: Tx, id: UUID, version: int, state: str, sources: Sequence[str]) -> bool:
    values: Mapping[str, object] = {"id": id, "version": version, "state": state, "sources": text_col(sources)}
    return await tx.run(SQL["make_current"], **values) == 1


async def insert_version(tx: Tx, bundle_id: UUID, document: Document, *, now: datetime) -> int:
    """The new version's number. The bundle is locked."""
    row = await tx.row(SQL["insert_version"], bundle_id=bundle_id, document=_json(document), now=now)
    assert row is not None, "an insert without a conflict clause returns its row"
    return int(row.version)


async def list_versions(tx: Tx, bundle_id: UUID, *, before: int | None, most: int) -> list[Version]:
    """Newest first."""
    return [
        _version(row)
        for row in await tx.rows(SQL["list_versions"], bundle_id=bundle_id, before=before, most=most)
    ]  # fmt: skip


async def read_version(tx: Tx, bundle_id: UUID, version: int) -> Version | None:
    row = await tx.row(SQL["read_version"], bundle_id=bundle_id, version=version)
    return _version(row) if row else None


async def publish_version(tx: Tx, bundle_id: UUID, version: int, document: Document, *, now: datetime) -> bool:
    """Freeze a draft with this document; False when it is a draft no more."""
    benefit_ids = col(sorted(benefit.id for benefit in document.benefits.values()))
    return await tx.run(
        SQL["publish_version"], bundle_id=bundle_id, version=version, document=_json(document),
        benefit_ids=benefit_ids, now=now,
    ) == 1  # fmt: skip


async def move_version(tx: Tx, bundle_id: UUID, version: int, state: str, sources: Sequence[str]) -> bool:
    values: Mapping[str, object] = {"bundle_id": bundle_id, "version": version, "state": state}
    return await tx.run(SQL["move_version"], **values, sources=text_col(sources)) == 1


async def set_channel_price(tx: Tx, bundle_id: UUID, channel_id: UUID, price_minor: int | None) -> None:
    """None: back to the version's price."""
    if price_minor is None:
        await tx.run(SQL["drop_channel_price"], bundle_id=bundle_id, channel_id=channel_id)
    else:
        await tx.run(
            SQL["set_channel_price"], bundle_id=bundle_id, channel_id=channel_id, price_minor=price_minor
        )  # fmt: skip


async def list_channel_prices(tx: Tx, bundle_id: UUID) -> dict[UUID, int]:
    """Prices in minor units by channel."""
    rows = await tx.rows(SQL["list_channel_prices"], bundle_id=bundle_id)
    return {row.channel_id: row.price_minor for row in rows}


def _benefit_values(benefit: Benefit) -> dict[str, object]:
    price = benefit.market_price
    return {
        "id": benefit.id, "title": benefit.title, "price_minor": price.amount_minor, "currency": price.currency,
        "properties": _json(benefit.properties),
    }  # fmt: skip


def _benefit(row: Row) -> Benefit:
    return Benefit(
        row.id, row.code, row.partner_id, row.kind, row.title, Money(row.market_price_minor, row.currency),
        msgspec.convert(row.properties, Properties), row.state, row.created_at, row.updated_at,
    )  # fmt: skip


def offer_of(row: Row) -> BenefitOffer:
    """An offer from its row."""
    return BenefitOffer(
        row.id, row.benefit_id, row.source, row.supplier_id, row.product_no, Money(row.cost_minor, row.currency),
        row.priority, row.weight, row.state, row.created_at, row.held_why, row.named_at or row.created_at,
    )  # fmt: skip


def _bundle(row: Row) -> Bundle:
    return Bundle(
        row.id, row.code, row.title, row.state, row.current_version, row.sale_from, row.sale_to, row.created_at
    )  # fmt: skip


def _version(row: Row) -> Version:
    document = msgspec.convert(row.document, Document)
    return Version(row.bundle_id, row.version, row.state, document, row.created_at, row.published_at)


def _json(value: object) -> str:
    """Plain dataclasses as text for a jsonb column."""
    return msgspec.json.encode(value).decode()
