"""What happens in the vault."""

from __future__ import annotations

from uuid import UUID

from heyi.kernel.facts import Fact


def key_revealed(
    *, lane: int, key_id: UUID, tail: str, by: str, order_id: UUID, item_id: UUID, entitlement_id: UUID | None,
    channel_id: UUID, buyer: str,
) -> Fact:  # fmt: skip
    """Somebody read a card key; every time, not only the first."""
    return Fact(
        "key.revealed", {"key": str(key_id), "tail": tail, "by": by}, lane=lane, order_id=order_id, item_id=item_id,
        entitlement_id=entitlement_id, channel_id=channel_id, buyer=buyer,
    )  # fmt: skip


def stock_arrived(*, benefit_id: UUID, count: int) -> Fact:
    """Keys became available for a benefit: items that wait for it can be served."""
    return Fact("stock.arrived", {"benefit_id": str(benefit_id), "count": count})
