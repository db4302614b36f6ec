"""What operators do with benefits and their offers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from heyi.infra.db import Tx
from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.kernel.money import Money
from heyi.kernel.parts import Sourcing
from heyi.offer.catalog import checks, errors, store
from heyi.offer.catalog.model import BENEFIT, OFFER, SOURCES, SUPPLIER, Benefit, BenefitOffer, Properties
from heyi.offer.catalog.rules import refuse


async def make(
    tx: Tx, *, code: str, partner_id: UUID, kind: str, title: str, market_price: Money, properties: Properties,
    now: datetime,
) -> Benefit:  # fmt: skip
    """A new benefit. Raises what checks.benefit_faults finds, or CodeTaken. The partner is the caller's to check."""
    refuse(list(checks.benefit_faults(kind, properties)))
    benefit = Benefit(
        new_id(millis(now)), code, partner_id, kind, title, market_price, properties, BENEFIT.first, now, now
    )
    if not await store.insert_benefit(tx, benefit):
        raise errors.CodeTaken("/code", value=code)
    return benefit


async def search(
    tx: Tx, *, search: str | None = None, partner_id: UUID | None = None, kind: str | None = None,
    before: UUID | None = None, most: int = 50,
) -> list[Benefit]:  # fmt: skip
    """Newest first; `search` looks anywhere in code and title."""
    return await store.list_benefits(
        tx, search=search or None, partner_id=partner_id, kind=kind, before=before, most=most
    )  # fmt: skip


async def read(tx: Tx, id: UUID) -> Benefit:
    """Raises BenefitNotFound."""
    benefit = await store.read_benefit(tx, id)
    if benefit is None:
        raise errors.BenefitNotFound
    return benefit


async def change(
    tx: Tx, id: UUID, *, title: str | None = None, market_price: Money | None = None,
    properties: Properties | None = None, now: datetime,
) -> Benefit:  # fmt: skip
    """Change what is not None, for versions published from now on; those published keep what they were published
    with. Raises BenefitNotFound, WrongState (withdrawn), or what checks.benefit_faults finds.
    """
    before = await store.read_benefit(tx, id, lock=True)
    if before is None:
        raise errors.BenefitNotFound
    after = replace(
        before, title=title or before.title, market_price=market_price or before.market_price,
        properties=properties or before.properties, updated_at=now,
    )  # fmt: skip
    refuse(list(checks.benefit_faults(after.kind, after.properties)))
    if not await store.update_benefit(tx, after, now=now):
        raise errors.WrongState(state=before.state)
    return after


async def withdraw(tx: Tx, id: UUID, *, now: datetime) -> Benefit:
    """Stop selling a benefit: bundles that hold it are refused (bundle.no_offer) from now on. Orders placed keep it.

    Raises BenefitNotFound, WrongState.
    """
    sources = BENEFIT.sources("withdraw")
    moved = await store.move_benefit(tx, id, BENEFIT.moves[sources[0], "withdraw"], sources, now=now)
    benefit = await read(tx, id)
    if not moved:
        raise errors.WrongState(state=benefit.state)
    return benefit


async def add_offer(
    tx: Tx, benefit_id: UUID, *, source: str, supplier_id: UUID | None, product_no: str, cost: Money,
    priority: int = 100, weight: int = 1, now: datetime,
) -> BenefitOffer:  # fmt: skip
    """Another place where the benefit comes from. The active one of lowest priority number decides whether it comes
    from stock, a supplier or our own hands; among several suppliers, routing chooses.

    Raises BenefitNotFound, OfferRefused, ProductMissing, OfferExists. The supplier is the caller's to check.
    """
    benefit = await store.read_benefit(tx, benefit_id, lock=True)
    if benefit is None:
        raise errors.BenefitNotFound
    fitting = SOURCES[benefit.kind]
    if source not in fitting or (source == SUPPLIER) != (supplier_id is not None):
        raise errors.OfferRefused("/source", kind_of=benefit.kind, sources=", ".join(fitting))
    if source == SUPPLIER and not product_no.strip():
        raise errors.ProductMissing("/product_no")
    there = [one for one in await store.list_offers(tx, benefit_id) if one.state != "withdrawn"]
    if source == SUPPLIER and (supplier_id, product_no) in [(one.supplier_id, one.product_no) for one in there]:
        raise errors.OfferExists("/product_no")
    offer = BenefitOffer(
        new_id(millis(now)), benefit_id, source, supplier_id, product_no, cost, priority, weight, OFFER.first, now
    )  # fmt: skip
    await store.insert_offer(tx, offer)
    return offer


async def offers(tx: Tx, benefit_id: UUID) -> list[BenefitOffer]:
    """A benefit's offers, best first. Raises BenefitNotFound."""
    await read(tx, benefit_id)
    return await store.list_offers(tx, benefit_id)


async def offers_now(tx: Tx, ids: Collection[UUID]) -> dict[UUID, tuple[str, Money]]:
    """The state and the cost of these offers as they are now, by id."""
    return await store.offers_now(tx, ids) if ids else {}


async def sourcing(tx: Tx, benefit_ids: Sequence[UUID]) -> dict[UUID, Sourcing]:
    """Where these benefits may be bought now, best first; those that no supplier sells are missing."""
    return await store.sourcing(tx, benefit_ids) if benefit_ids else {}


async def only_from_suppliers(tx: Tx, *, now: datetime) -> dict[UUID, str]:
    """Benefits that bundles on sale need and that only suppliers give: their codes by id."""
    return await store.only_from_suppliers(tx, now=now)


async def change_offer(
    tx: Tx, id: UUID, *, product_no: str | None = None, cost: Money | None = None, priority: int | None = None,
    weight: int | None = None, move: str | None = None, why: str | None = None, now: datetime,
) -> BenefitOffer:  # fmt: skip
    """Change what is not None, from the next order on; `move` is hold (`why` says what for), resume or withdraw.

    Raises OfferNotFound, ProductMissing, WrongState.
    """
    before = await store.lock_offer(tx, id)
    if before is None:
        raise errors.OfferNotFound
    if before.source == SUPPLIER and product_no is not None and not product_no.strip():
        raise errors.ProductMissing("/product_no")
    state = OFFER.step(before.state, move) if move else before.state
    if state is None:
        raise errors.WrongState("/move", state=before.state)
    after = replace(
        before, product_no=before.product_no if product_no is None else product_no, cost=cost or before.cost,
        priority=before.priority if priority is None else priority,
        weight=before.weight if weight is None else weight, state=state,
        held_why=(why or before.held_why) if state == "held" else None,
        named_at=before.named_at if product_no in (None, before.product_no) else now,
    )  # fmt: skip
    if not await store.update_offer(tx, after, was=before.state):
        raise errors.WrongState("/move", state=before.state)
    return after
