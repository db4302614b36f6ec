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


def stock_arrived(*, benefit_id: UUID, count: int) -> list[Fact]:
    """Keys became available for a benefit: items that wait for it can be served. None for no keys."""
    return [Fact("stock.arrived", {"benefit_id": str(benefit_id), "count": count})] if count else []


def moved(*, move: str, benefit_id: UUID, batch_id: UUID | None, count: int, reason: str, by: str) -> list[Fact]:
    """An operator took keys aside ("stock.quarantined"), let them go ("stock.released", and so they arrived) or threw
    them away ("stock.voided"): a whole batch, or single keys (batch None)."""
    names = {"quarantine": "stock.quarantined", "release": "stock.released", "void": "stock.voided"}
    data: dict[str, object] = {"benefit_id": str(benefit_id), "count": count, "reason": reason, "by": by}
    if batch_id is not None:
        data["batch_id"] = str(batch_id)
    arrived = stock_arrived(benefit_id=benefit_id, count=count) if move == "release" else []
    return [Fact(names[move], data), *arrived]
