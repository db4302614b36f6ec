"""Pure: from what happened to balanced entries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from heyi.kernel.money import Money
from heyi.settle.ledger.model import (
    ADJUSTED,
    ADJUSTMENT,
    CASH,
    COST,
    DAY,
    DIFFERENCE,
    EARNED,
    HOUR,
    TOPPED_UP,
    UNEARNED,
    WEEK,
    Burn,
    Charge,
    Cost,
    Earning,
    Entry,
    Posting,
    deposit_of,
    payable_to,
    prepaid_at,
)


def paid(charge: Charge) -> Entry:
    """The deposit pays; every item's share is earned or still owed; the cost of what was delivered is accrued."""
    currency = charge.amount.currency
    postings = [Posting(deposit_of(charge.channel_id), charge.amount.amount_minor, currency)]
    for item in charge.items:
        postings.append(Posting(EARNED if item.earned else UNEARNED, -item.share_minor, currency, item.item_id))
        if item.cost_minor and item.party_id is not None:
            postings.append(Posting(COST, item.cost_minor, currency, item.item_id))
            postings.append(Posting(payable_to(item.party_id), -item.cost_minor, currency, item.item_id))
    return Entry("order.paid", tuple(postings), charge.order_id)


def earned(earning: Earning) -> Entry:
    share = earning.share
    return Entry(
        "item.earned",
        (
            Posting(UNEARNED, share.amount_minor, share.currency, earning.item_id),
            Posting(EARNED, -share.amount_minor, share.currency, earning.item_id),
        ),
        earning.order_id,
        f"earn:{earning.key}",
    )


def accrued(cost: Cost) -> Entry:
    money = cost.cost
    source = prepaid_at(cost.party) if cost.prepaid else payable_to(cost.party)
    return Entry(
        "difference.accrued" if cost.difference else "cost.accrued",
        (
            Posting(DIFFERENCE if cost.difference else COST, money.amount_minor, money.currency, cost.item_id),
            Posting(source, -money.amount_minor, money.currency, cost.item_id),
        ),
        cost.order_id,
        f"cost:{cost.key}",
    )


def topped_up(account: str, money: Money, key: str, memo: str) -> Entry:
    return Entry(
        "deposit.topped_up",
        (
            Posting(CASH, money.amount_minor, money.currency),
            Posting(account, -money.amount_minor, money.currency),
        ),
        None,
        f"deposit:{key}",
        memo,
    )


def put_in(supplier_id: UUID, money: Money, key: str, memo: str) -> Entry:
    """Money sent to a supplier."""
    return _prepaid(TOPPED_UP, CASH, supplier_id, money, key, memo)


def adjusted(supplier_id: UUID, money: Money, key: str, memo: str) -> Entry:
    """What the account there gained (or lost, below zero) without heyi."""
    return _prepaid(ADJUSTED, ADJUSTMENT, supplier_id, money, key, memo)


def _prepaid(kind: str, other: str, supplier_id: UUID, money: Money, key: str, memo: str) -> Entry:
    return Entry(
        kind,
        (
            Posting(prepaid_at(supplier_id), money.amount_minor, money.currency),
            Posting(other, -money.amount_minor, money.currency),
        ),
        None,
        f"prepaid:{supplier_id}:{key}",
        memo,
    )


def burn(hour_minor: int, day_minor: int, week_minor: int, since: datetime, now: datetime) -> Burn:
    """Rates an hour out of what was spent in the last hour, day and seven days."""
    age = max(HOUR, now - since)

    def rate(spent: int, window: timedelta) -> int:
        return max(0, spent) * 3600 // int(min(window, age).total_seconds())

    return Burn(rate(hour_minor, HOUR), rate(day_minor, DAY), rate(week_minor, WEEK))


def reversal_key(key: str) -> str:
    return f"reverse:{key}"


def reversal(kind: str, postings: Sequence[Posting], key: str, order_id: UUID | None, memo: str = "") -> Entry:
    """The same postings with the other sign; mistakes and undone uses are mended so, never edited."""
    return Entry(
        f"{kind}.reversed",
        tuple(Posting(p.account, -p.amount_minor, p.currency, p.item_id) for p in postings),
        order_id,
        reversal_key(key),
        memo,
    )
