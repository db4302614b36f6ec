"""What a supplier's prices do to our offers. An offer whose product costs more now than a version on sale allows is
held in the transaction that found the price, with the figures. Costs are an operator's: they follow accepted prices.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.facts import Fact
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog.errors import WrongState
from heyi.offer.catalog.model import BenefitOffer
from heyi.offer.catalog.naming import Broken, NamingOffer
from heyi.provision.fulfilment import changes, products
from heyi.provision.fulfilment.changes import Change, Filter
from heyi.provision.fulfilment.errors import ChangeCurrency, PriceUnsettled
from heyi.provision.fulfilment.products import Price
from heyi.provision.fulfilment.syncing import Found, Sync
from heyi.watch import warning
from heyi.watch.warning import Trouble
from heyi.watch.warning.model import CRITICAL, OFFER_HELD, UNSOURCED, WARNING


async def judge(
    tx: Tx, tools: Tools, sync: Sync, prices: Sequence[Price], naming: Sequence[NamingOffer], found: Found
) -> list[Fact]:  # fmt: skip
    """Hold the offers that these prices break, once for each price."""
    by_product = {one.product_no: one for one in prices}
    concerned = [one for one in naming if one.offer.product_no in by_product]
    benefits = sorted({one.offer.benefit_id for one in concerned})
    limits = await catalog.naming.limits(tx, benefits, now=tools.clock.now())
    money = {no: Money(one.price_minor, one.currency) for no, one in by_product.items()}
    broken = catalog.naming.broken(concerned, money, limits, await catalog.naming.active(tx, benefits))
    held = [one for one in broken if one.offer.id not in by_product[one.offer.product_no].held
            and await _held(tx, one, tools.clock.now())]  # fmt: skip
    found.held += len(held)
    await products.held(tx, [(by_product[one.offer.product_no].id, one.offer.id) for one in held])
    troubles = [_trouble(sync, one) for one in held]
    return await warning.raise_(tx, troubles, now=tools.clock.now())


async def _held(tx: Tx, one: Broken, now: datetime) -> bool:
    try:
        await catalog.benefits.change_offer(tx, one.offer.id, move="hold", why=one.why, now=now)
    except WrongState:  # somebody has held or withdrawn it meanwhile
        return False
    return True


def _trouble(sync: Sync, one: Broken) -> Trouble:
    numbers: dict[str, object] = {
        "benefit": one.benefit, "supplier": sync.supplier, "product": one.offer.product_no,
        "price_minor": one.price.amount_minor, "currency": one.price.currency,
    }  # fmt: skip
    if one.foreign:
        numbers["cost_currency"] = one.offer.cost.currency
    else:
        numbers |= {
            "cost_minor": one.offer.cost.amount_minor, "limit_minor": one.limit.amount.amount_minor,
            "bundle": one.limit.bundle, "version": one.limit.version,
        }  # fmt: skip
    subject = f"{to_text('ben', one.offer.benefit_id)}/{to_text('ofr', one.offer.id)}"
    return Trouble(OFFER_HELD, subject, numbers, CRITICAL if one.last else WARNING,
                   f"{OFFER_HELD}/{'currency' if one.foreign else 'price'}")  # fmt: skip


async def unsourced(tx: Tx, tools: Tools, sync: Sync, naming: Sequence[NamingOffer]) -> list[Fact]:
    """Warn of benefits on sale of which no supplier sells any product now, nor we ourselves; or say that it is over."""
    mine = {one.offer.benefit_id: one for one in naming}
    sourcing = await catalog.benefits.sourcing(tx, sorted(mine))
    sold = await products.sold(
        tx, sorted({(o.supplier_id, o.product_no) for s in sourcing.values() for o in s.offers if o.supplier_id})
    )
    own = await catalog.naming.sources(tx, sorted(mine))
    dry = [
        id for id in mine
        if not own.get(id, frozenset()) - {"supplier"} and sourcing.get(id) is not None
        and not any(o.supplier_id and sold[o.supplier_id, o.product_no] for o in sourcing[id].offers)
    ]  # fmt: skip
    on_sale = {benefit for benefit, _ in await catalog.naming.limits(tx, dry, now=tools.clock.now())}
    troubles = [
        Trouble(UNSOURCED, to_text("ben", id), {"benefit": mine[id].benefit, "supplier": sync.supplier,
                                                "product": mine[id].offer.product_no}, CRITICAL)
        for id in dry if id in on_sale
    ]  # fmt: skip
    now, over = tools.clock.now(), [(UNSOURCED, to_text("ben", id)) for id in mine if id not in on_sale]
    return await warning.raise_(tx, troubles, now=now) + await warning.clear(tx, over, now=now)


async def decide(tools: Tools, change_id: UUID, move: str, *, by: str) -> Change:
    """Accept or dismiss a change. Raises ChangeNotFound, ChangeSettled, ChangeCurrency."""
    async with tools.db.transaction() as tx:
        one = await changes.lock_one(tx, change_id)
        if not await _settle(tx, tools, [one], move, by):
            raise ChangeCurrency(currency=(one.after or {}).get("currency", ""))
        return await changes.find(tx, change_id)


async def decide_all(
    tools: Tools, about: Filter, move: str, *, expected: int | None, dry_run: bool, by: str
) -> tuple[int, int, UUID | None]:  # fmt: skip
    """Accept or dismiss what a filter finds up to the newest that was seen, a thousand at once: (how many were open,
    how many are settled, the newest). A price stays open when no offer costs in its currency. Raises ChangesUnseen, and
    ChangesMoved when there are not as many as expected."""
    async with tools.db.transaction() as tx:
        there, newest = await changes.count(tx, about)
        if dry_run:
            return there, 0, newest
        found = await changes.lock_all(tx, about, expected)
        return there, await _settle(tx, tools, found, move, by) if found else 0, newest


async def _settle(tx: Tx, tools: Tools, found: Sequence[Change], move: str, by: str) -> int:
    priced = {(one.supplier_id, one.product_no): one for one in found if one.sets_cost} if move == "accept" else {}
    prices = [(*key, Money(one.price_minor, one.currency)) for key, one in sorted(priced.items())]
    done = {(supplier, no) for supplier, no, _ in await catalog.naming.reprice(tx, prices)} if prices else set()
    ids = [one.id for one in found if priced.get((one.supplier_id, one.product_no)) is not one
           or (one.supplier_id, one.product_no) in done]  # fmt: skip
    return await changes.settle(tx, ids, move, by=by, now=tools.clock.now()) if ids else 0


async def must_be_settled(tx: Tx, tools: Tools, offer: BenefitOffer) -> None:
    """An offer is not bought from again while its supplier's price breaks a version on sale and nobody has decided.
    Raises PriceUnsettled."""
    if offer.supplier_id is None:
        return
    waiting = await changes.prices(tx, offer.supplier_id, offer.product_no)
    prices = {one.product_no: Money(one.price_minor, one.currency) for one in waiting if one.sets_cost}
    limits = await catalog.naming.limits(tx, [offer.benefit_id], now=tools.clock.now()) if prices else {}
    for one in catalog.naming.broken([NamingOffer(offer, "")], prices, limits, {}):
        raise PriceUnsettled("/state", why=one.why)
