"""What is on sale now: the catalog's part of the order path. One statement, a second one for versions not seen yet.

What operators do is in benefits.py and bundles.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec
import structlog

from heyi.infra.db import Row, Tx
from heyi.kernel.errors import Refused
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer, Sourcing
from heyi.offer.catalog import errors, store
from heyi.offer.catalog.compiled import (
    Bound,
    Compiled,
    Place,
    Sale,
    Shown,
    WishKey,
    bind,
    compile_version,
    wish_key,
)
from heyi.offer.catalog.model import SUPPLIER, Wish

CACHED_MAX = 2000  # compiled versions, and bound ones, per process
log = structlog.get_logger("heyi.catalog")

# Published versions never change, so they are compiled once. The time of publication is part of the key: a version
# whose publication was rolled back, and was published again with another document, is another one. None: it cannot be
# compiled by this release; it is not sold then, and keeps no other from being sold.
_compiled: dict[tuple[UUID, int, datetime], Compiled | None] = {}
# A bound version stays good while the price and the text of its offers are the same.
_bound: dict[tuple[UUID, int, datetime, int | None, str | None], Bound] = {}


async def on_sale(tx: Tx, wishes: Sequence[Wish], *, now: datetime) -> Sale:
    """The sale that these wishes are filled from (see rules.fill): pointers, windows, prices and offers of now."""
    keys = list(dict.fromkeys(wish_key(wish) for wish in wishes))
    shown = await show(tx, keys, now=now)
    return Sale({key: _sold_now(line, now) for key, line in shown.items()})


async def show(tx: Tx, keys: Sequence[WishKey], *, now: datetime) -> dict[WishKey, Shown | Refused]:
    """What channels may see of (bundle code or id, version or None, channel): what is sold now, or will be later."""
    rows = {keys[row.n - 1]: row for row in await store.read_sale(tx, keys)}
    refused = {key: why for key in keys if (why := _why_not(key, rows.get(key), now))}
    await _compile_missing(tx, [rows[key] for key in keys if key not in refused])
    return {key: refused[key] if key in refused else _shown(rows[key]) for key in keys}


async def list_shown(tx: Tx, channel_id: UUID, *, before: UUID | None, most: int, now: datetime) -> list[Shown]:
    """What a channel may see, newest first: fewer than `most` only when there are no more."""
    found: list[Shown] = []
    while missing := most - len(found):
        ids = await store.list_selling(tx, before=before, most=missing, now=now)
        shown = await show(tx, [(to_text("bnd", id), None, channel_id) for id in ids], now=now)
        found += [line for line in shown.values() if isinstance(line, Shown)]
        if len(ids) < missing:
            break
        before = ids[-1]
    return found


async def bound(tx: Tx, keys: Sequence[tuple[str, int, UUID]]) -> dict[tuple[str, int, UUID], Bound]:
    """Published versions by bundle code, number and channel, whether or not they are still sold; those that cannot be
    compiled are left out.
    """
    rows = await store.read_sale(tx, keys)
    await _compile_missing(tx, rows)
    return {keys[row.n - 1]: bound for row in rows if (bound := _bind(row)) is not None}


def _why_not(key: WishKey, row: Row | None, now: datetime) -> Refused | None:
    """The reason why a wished version is not shown now, or None."""
    if row is None or (row.version is None and key[1] is None):
        return errors.BundleNotFound("/bundle")
    if row.version is None:
        return errors.VersionNotFound("/bundle_version")
    late = row.sale_to is not None and now >= row.sale_to
    if row.state != "on_sale" or row.version_state != "published" or late:
        return errors.NotOnSale("/bundle")
    return None


def _sold_now(line: Shown | Refused, now: datetime) -> Bound | Refused:
    if isinstance(line, Refused):
        return line
    return line.bound if line.sale_from is None or now >= line.sale_from else errors.NotOnSale("/bundle")


def _shown(row: Row) -> Shown | Refused:
    bound = _bind(row)
    if bound is None:
        return errors.NotOnSale("/bundle")
    return Shown(row.id, row.code, row.title, row.sale_from, row.sale_to, bound, row.published_at)


async def _compile_missing(tx: Tx, rows: Sequence[Row]) -> None:
    """Read and compile the versions that are not cached."""
    missing = {(row.id, row.version, row.published_at): row for row in rows}
    missing = {key: row for key, row in missing.items() if key not in _compiled}
    if not missing:
        return
    if len(_compiled) + len(missing) > CACHED_MAX:
        _compiled.clear()
        missing = {(row.id, row.version, row.published_at): row for row in rows}
    documents = await store.read_documents(tx, [(bundle, version) for bundle, version, _ in missing])
    for (bundle_id, version, published_at), row in missing.items():
        _compiled[bundle_id, version, published_at] = None
        try:
            made = compile_version(bundle_id, row.code, version, documents[bundle_id, version])
            _compiled[bundle_id, version, published_at] = made
        except Exception:
            log.exception("a version cannot be compiled and is not sold", bundle=row.code, version=version)


def _bind(row: Row) -> Bound | None:
    key = (row.id, row.version, row.published_at, row.price_minor, row.offers)
    bound = _bound.get(key)
    if bound is None:
        compiled = _compiled[row.id, row.version, row.published_at]
        if compiled is None:
            return None
        if len(_bound) >= CACHED_MAX:
            _bound.clear()
        bound = _bound[key] = bind(compiled, row.price_minor, _offers(row.offers))
    return bound


def _offers(text: str | None) -> dict[UUID, Place]:
    """Where each benefit comes from, out of the statement's answer."""
    offers: dict[UUID, list[Offer]] = {}
    policies: dict[UUID, str] = {}
    for benefit, id, source, supplier, product_no, cost, currency, priority, weight, policy in msgspec.json.decode(
        text or "[]"
    ):
        supplier_id = UUID(supplier) if supplier else None
        offer = Offer(UUID(id), source, supplier_id, product_no, Money(cost, currency), priority, weight)
        offers.setdefault(UUID(benefit), []).append(offer)
        policies[UUID(benefit)] = policy or "priority"
    return {id: _place(found, policies[id]) for id, found in offers.items()}


def _place(offers: Sequence[Offer], policy: str) -> Place:
    """The first offer decides the source; of several suppliers, routing chooses when the task is planned."""
    first, suppliers = offers[0], tuple(one for one in offers if one.source == SUPPLIER)
    if first.source != SUPPLIER:
        return Place(first, None, None)
    same = [one.cost for one in suppliers if one.cost.currency == first.cost.currency]
    dearest = max(same, key=lambda cost: cost.amount_minor)
    return Place(first, Sourcing(policy, suppliers) if len(suppliers) > 1 else None, dearest)
