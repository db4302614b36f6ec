"""Pure: which orders of a batch are accepted, and what becomes of every part of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from heyi.kernel.errors import Refused
from heyi.kernel.ids import lane_of, new_ids
from heyi.kernel.parts import CARD_KEY, LINK, PHYSICAL, VOUCHER, Part
from heyi.order.checkout.errors import DepositTooLow, ShipToMissing, SoldOut, WrongCurrency
from heyi.order.checkout.model import (
    DELIVERED,
    DELIVERING,
    SCHEDULED,
    WAITING_FOR_BUYER,
    WAITING_FOR_STOCK,
    Accepted,
    Asked,
    Basket,
    Key,
    Line,
    Placed,
    PlacedItem,
    Purse,
)

Verdict = Accepted | Refused


def keys_needed(baskets: Sequence[Basket | Refused]) -> dict[UUID, int]:
    """How many card keys a batch wants at once, by benefit."""
    needs: dict[UUID, int] = {}
    for basket in baskets:
        if not isinstance(basket, Refused):
            for part in basket.parts:
                if part.kind == CARD_KEY and wants_key_now(part):
                    needs[part.benefit_id] = needs.get(part.benefit_id, 0) + 1
    return needs


def wants_key_now(part: Part) -> bool:
    return part.due.state == "now" and part.offer.source == "stock"


def decide(
    asked: Sequence[Asked],
    baskets: Sequence[Basket | Refused],
    keys: Mapping[UUID, Sequence[Key]],
    purses: Mapping[UUID, Purse],
) -> list[Verdict]:
    """Fold over the batch in order of arrival: two orders of one channel see each other's money and keys."""
    left = {benefit: list(reversed(found)) for benefit, found in keys.items()}
    spendable = {channel: purse.spendable_minor for channel, purse in purses.items()}
    verdicts: list[Verdict] = []
    for one, basket in zip(asked, baskets, strict=True):
        if isinstance(basket, Refused):
            verdicts.append(basket)
            continue
        refusal = _afford(one, basket, purses, spendable) or _deliverable(one, basket, left)
        if refusal is not None:
            verdicts.append(refusal)
            continue
        spendable[one.channel_id] -= basket.amount.amount_minor
        verdicts.append(Accepted(one, basket, tuple([_line(part, left) for part in basket.parts])))
    return verdicts


def _afford(one: Asked, basket: Basket, purses: Mapping[UUID, Purse], spendable: Mapping[UUID, int]) -> Refused | None:
    needed, purse = basket.amount.amount_minor, purses.get(one.channel_id)
    if purse is None:
        return DepositTooLow(needed=needed, spendable=0) if needed else None
    if purse.balance.currency != basket.amount.currency:
        return WrongCurrency(price=basket.amount.currency, deposit=purse.balance.currency)
    if spendable[one.channel_id] < needed:
        return DepositTooLow(needed=needed, spendable=spendable[one.channel_id])
    return None


def _deliverable(one: Asked, basket: Basket, left: Mapping[UUID, Sequence[Key]]) -> Refused | None:
    wanted: dict[UUID, int] = {}
    for part in basket.parts:
        if part.kind == PHYSICAL and not one.ship_to:
            return ShipToMissing("/ship_to", benefit=part.benefit)
        if part.sold_out == "refuse" and wants_key_now(part):
            wanted[part.benefit_id] = wanted.get(part.benefit_id, 0) + 1
            if wanted[part.benefit_id] > len(left.get(part.benefit_id, ())):
                return SoldOut(benefit=part.benefit)
    return None


def _line(part: Part, left: Mapping[UUID, list[Key]]) -> Line:
    due = part.due
    if due.state != "now":
        state = WAITING_FOR_BUYER if due.state == "waiting_for_buyer" else SCHEDULED
        timed = due.state == "scheduled" or (due.state == "after" and due.component is None)
        return Line(part, state, due.at if timed else None)
    if len(part.accounts) < len(part.fields):
        return Line(part, WAITING_FOR_BUYER, None)
    if part.offer.source == "stock":
        found = left.get(part.benefit_id)
        return Line(part, DELIVERED, None, found.pop()) if found else Line(part, WAITING_FOR_STOCK, None)
    if part.offer.source == "own" and part.kind in (VOUCHER, LINK):
        return Line(part, DELIVERED, None)
    return Line(part, DELIVERING, None)


def with_ids(accepted: Accepted, order_id: UUID, now: datetime, now_ms: int) -> Placed:
    """Give the items their ids: all carry the order's lane, and come from one block of random bytes."""
    lane = lane_of(order_id)
    planned = sum([line.state != DELIVERED for line in accepted.lines])
    ids = iter(new_ids(now_ms, 2 * len(accepted.lines) + planned, lane))
    items = tuple(
        [
            PlacedItem(next(ids), next(ids), line, next(ids) if line.state != DELIVERED else None)
            for line in accepted.lines
        ]
    )
    return Placed(lane, order_id, accepted, items, now)


def fulfilment_of(total: int, delivered: int, ended: int) -> str:
    """The fulfilment axis from an order's counters (`ended` counts delivered items too)."""
    if ended == total:
        return "done" if delivered == total else ("partial" if delivered else "failed")
    return "partial" if delivered else "in_progress"
