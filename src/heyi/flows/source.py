"""Where a benefit comes from: an offer names a supplier account, and there must be one."""

from __future__ import annotations

from uuid import UUID

from heyi.infra.tools import Tools
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog.model import BenefitOffer
from heyi.provision import fulfilment


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
) -> BenefitOffer:
    """Add an offer. Raises the catalog's refusals and SupplierNotFound."""
    async with tools.db.transaction() as tx:
        if supplier_id is not None:
            await fulfilment.accounts.find(tx, tools.sealing, supplier_id, public_url=tools.settings.public_url)
        return await catalog.benefits.add_offer(
            tx, benefit_id, source=source, supplier_id=supplier_id, product_no=product_no, cost=cost,
            priority=priority, weight=weight, now=tools.clock.now(),
        )  # fmt: skip
