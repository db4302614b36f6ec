"""What is on sale now: the catalog's part of the order path. One statement, a second one for versions not seen yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from heyi.infra.db import Row, Tx
from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.kernel.parts import Offer
from heyi.offer.catalog import errors, rules, store
from heyi.offer.catalog.model import Wish
from heyi.offer.catalog.rules import Bound, Compiled, Sale, WishKey, wish_key

CACHED_MAX = 2000  # compiled versions, and bound ones, per process

# Published versions never change, so they are compiled once. The time of publication is part of the key: a version
# whose publication was rolled back, and was published again with another document, is another one.
_compiled: dict[tuple[UUID, int, datetime], Compiled] = {}
# A bound version stays good while the price and the text of its offers are the same.
_bound: dict[tuple[UUID, int, datetime, int | None, str | None], Bound] = {}


async def on_sale(tx: Tx, wishes: Sequence[Wish], *, now: datetime) -> Sale:
    """The sale that these wishes are filled from (see rules.fill): pointers, windows, prices and offers of now."""
    keys = list(dict.fromkeys(wish_key(wish) for wish in wishes))
    lines: dict[WishKey, Bound | Refused] = {}
    rows = {keys[row.n - 1]: row for row in await store.read_sale(tx, keys)}
    for key in keys:
        refused = _why_not(key, rows.get(key), now)
        if refused is not None:
            lines[key] = refused
    selling = [(key, rows[key]) for key in keys if key not in lines]
    await _compile_missing(tx, [row for _, row in selling])
    for key, row in selling:
        lines[key] = _bind(row)
    return Sale(lines)


def _why_not(key: WishKey, row: Row | None, now: datetime) -> Refused | None:
    """The reason why a wished version is not sold now, or None."""
    if row is None or (row.version is None and key[1] is None):
        return errors.BundleNotFound("/bundle")
    if row.version is None:
        return errors.VersionNotFound("/bundle_version")
    early = row.sale_from is not None and now < row.sale_from
    late = row.sale_to is not None and now >= row.sale_to
    if row.state != "on_sale" or row.version_state != "published" or early or late:
        return errors.NotOnSale("/bundle")
    return None


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
        made = rules.compile_version(bundle_id, row.code, version, documents[bundle_id, version])
        _compiled[bundle_id, version, published_at] = made


def _bind(row: Row) -> Bound:
    key = (row.id, row.version, row.published_at, row.price_minor, row.offers)
    bound = _bound.get(key)
    if bound is None:
        if len(_bound) >= CACHED_MAX:
            _bound.clear()
        compiled = _compiled[row.id, row.version, row.published_at]
        bound = _bound[key] = rules.bind(compiled, row.price_minor, _offers(row.offers))
    return bound


def _offers(text: str | None) -> dict[UUID, Offer]:
    """The first offer of each benefit, out of the statement's answer."""
    best: dict[UUID, Offer] = {}
    for benefit, id, source, supplier, product_no, cost_minor, currency in msgspec.json.decode(text or "[]"):
        supplier_id = UUID(supplier) if supplier else None
        best.setdefault(UUID(benefit), Offer(UUID(id), source, supplier_id, product_no, Money(cost_minor, currency)))
    return best
