"""Where a benefit comes from: an offer names a supplier account, and there must be one."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from heyi.flows import margins
from heyi.infra import outbox
from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog.model import BenefitOffer
from heyi.offer.catalog.naming import NamingOffer
from heyi.provision import fulfilment
from heyi.provision.fulfilment import products, syncing
from heyi.provision.fulfilment.products import ProductSeen
from heyi.watch import warning

Offered = tuple[ProductSeen, list[NamingOffer]]  # a supplier's product, and the offers of ours that name it
Shown = tuple[BenefitOffer, ProductSeen | None]  # an offer, and what its supplier last said of its product


async def add_offer(
    tools: Tools,
    benefit_id: UUID,
    *,
    source: str,
    supplier_id: UUID | None,
    product_no: str,
    cost: Money,
    priority: int,
    weight: int,
) -> Shown:
    """Add an offer. Raises the catalog's refusals and SupplierNotFound."""
    async with tools.db.transaction() as tx:
        if supplier_id is not None:
            await fulfilment.accounts.find(tx, tools.sealing, supplier_id, public_url=tools.settings.public_url)
        made = await catalog.benefits.add_offer(
            tx, benefit_id, source=source, supplier_id=supplier_id, product_no=product_no, cost=cost,
            priority=priority, weight=weight, now=tools.clock.now(),
        )  # fmt: skip
        return (await _shown(tx, [made]))[0]


async def offers(tools: Tools, benefit_id: UUID) -> list[Shown]:
    """A benefit's offers, best first. Raises BenefitNotFound."""
    async with tools.db.reading() as tx:
        return await _shown(tx, await catalog.benefits.offers(tx, benefit_id))


async def change_offer(
    tools: Tools, id: UUID, *, product_no: str | None, cost: Money | None, priority: int | None, weight: int | None,
    move: str | None, why: str | None,
) -> Shown:  # fmt: skip
    """Change an offer. Raises OfferNotFound, WrongState, PriceUnsettled."""
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        changed = await catalog.benefits.change_offer(
            tx, id, product_no=product_no, cost=cost, priority=priority, weight=weight, move=move, why=why, now=now
        )
        if move == "resume":
            await margins.must_be_settled(tx, tools, changed)
        if move in ("resume", "withdraw"):
            subject = f"{to_text('ben', changed.benefit_id)}/{to_text('ofr', id)}"
            await outbox.write(tx, await warning.clear(tx, [(warning.model.OFFER_HELD, subject)], now=now), now=now)
        return (await _shown(tx, [changed]))[0]


async def _shown(tx: Tx, offers: Sequence[BenefitOffer]) -> list[Shown]:
    places = {one.id: (one.supplier_id, one.product_no) for one in offers if one.supplier_id is not None}
    heard = await products.heard_of(tx, list(places.values()))
    return [(one, heard.get(places[one.id]) if one.id in places else None) for one in offers]


async def offered(
    tools: Tools, supplier_id: UUID, *, text: str | None, named_only: bool, gone: bool | None, before: UUID | None,
    limit: int,
) -> list[Offered]:  # fmt: skip
    """What a supplier offers, and the offers of ours that name each. Raises SupplierNotFound."""
    async with tools.db.reading() as tx:
        await syncing.must_exist(tx, supplier_id)
        named = {one.offer.product_no for one in await catalog.naming.of(tx, supplier_id)} if named_only else None
        found = await products.search(
            tx, supplier_id, text=text, only=None if named is None else sorted(named), gone=gone, before=before,
            limit=limit,
        )  # fmt: skip
        naming = await catalog.naming.of(tx, supplier_id, [one.product_no for one in found])
    return [(one, [n for n in naming if n.offer.product_no == one.product_no]) for one in found]
