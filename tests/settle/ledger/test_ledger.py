"""The ledger: entries balance or do not exist, every key counts once, deposits never go below their floor."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heyi.infra.tools import Tools
from heyi.kernel.clock import millis
from heyi.kernel.errors import Refused
from heyi.kernel.ids import new_id, new_ids
from heyi.kernel.money import Money, shares
from heyi.settle import ledger
from heyi.settle.ledger import rules
from heyi.settle.ledger.model import EARNED, UNEARNED, Charge, Cost, Earning, Entry, Posting, Sold

CHANNEL, ORDER, PARTY = UUID(int=1), UUID(int=2), UUID(int=3)


def cny(amount: int) -> Money:
    return Money(amount, "CNY")


@given(
    st.integers(0, 10**9), st.lists(st.tuples(st.integers(1, 100), st.booleans(), st.integers(0, 10**6)), min_size=1)
)
def test_a_paid_order_balances_whatever_was_sold(amount: int, items: list[tuple[int, bool, int]]) -> None:
    """Property: deposit, shares and costs add up to zero, and the shares to the price."""
    parts = shares(amount, [weight for weight, _, _ in items])
    sold = tuple(
        Sold(UUID(int=n), part, earned, cost if earned else 0, PARTY)
        for n, (part, (_, earned, cost)) in enumerate(zip(parts, items, strict=True))
    )
    entry = rules.paid(Charge(CHANNEL, ORDER, cny(amount), sold))
    assert sum(p.amount_minor for p in entry.postings) == 0
    assert -sum(p.amount_minor for p in entry.postings if p.account in (EARNED, UNEARNED)) == amount


def test_an_entry_that_does_not_balance_does_not_exist() -> None:
    with pytest.raises(ValueError, match="does not balance"):
        Entry("odd", (Posting("a", 1, "CNY"), Posting("b", -1, "USD")))
    with pytest.raises(ValueError, match="does not balance"):
        Entry("empty", ())


async def test_keys_count_once_and_reversals_mend(tools: Tools) -> None:
    now = tools.clock.now()
    channel, order, item = new_ids(millis(now), 3)
    earning = Earning(order, item, cny(500), f"delivered:{item}")
    cost = Cost(order, item, PARTY, cny(300), f"delivered:{item}")
    async with tools.db.transaction() as tx:
        await ledger.top_up(tx, channel, cny(1000), key="slip-1", memo="bank", now=now)
        again = await ledger.top_up(tx, channel, cny(1000), key="slip-1", memo="bank", now=now)
        await (await ledger.charge(tx, [Charge(channel, order, cny(500), (Sold(item, 500, False),))], now=now))()
        for _ in range(2):
            await ledger.earn(tx, [earning, earning], now=now)
            await ledger.accrue(tx, [cost], now=now)
    assert again.balance == cny(1000)
    async with tools.db.transaction() as tx:
        await ledger.reverse(tx, [f"earn:delivered:{item}", f"cost:delivered:{item}"], because="undo-1", now=now)
        await ledger.reverse(tx, [f"earn:delivered:{item}", f"cost:delivered:{item}"], because="undo-1", now=now)
    async with tools.db.transaction() as tx:
        kinds = [line.kind for line in await ledger.lines_of_order(tx, order)]
        sums, drifted = await ledger.audit(tx)
    assert kinds.count("item.earned") == 2  # one entry, two postings
    assert kinds.count("item.earned.reversed") == 2
    assert (sums["unearned", "CNY"], sums["earned", "CNY"], sums["cost", "CNY"], drifted) == (-500, 0, 0, [])


async def test_a_deposit_keeps_to_its_floor_and_currency(tools: Tools) -> None:
    now = tools.clock.now()
    channel = new_id(millis(now))
    async with tools.db.transaction() as tx:
        await ledger.top_up(tx, channel, cny(100), key="a", memo="", now=now)
    charge = Charge(channel, new_id(millis(now)), cny(150), (Sold(new_id(millis(now)), 150, False),))
    with pytest.raises(ledger.DepositMoved):
        async with tools.db.transaction() as tx:
            await (await ledger.charge(tx, [charge], now=now))()
    async with tools.db.transaction() as tx:
        await ledger.set_floor(tx, channel, -100)
        await (await ledger.charge(tx, [charge], now=now))()
        assert (await ledger.deposits(tx, [channel]))[channel].balance == cny(-50)
    for broken, code in (
        (lambda tx: ledger.top_up(tx, channel, Money(1, "USD"), key="b", memo="", now=now), "ledger.wrong_currency"),
        (lambda tx: ledger.set_floor(tx, channel, 0), "ledger.deposit_too_low"),
        (lambda tx: ledger.set_floor(tx, new_id(millis(now)), 0), "ledger.no_deposit"),
    ):
        with pytest.raises(Refused) as refused:
            async with tools.db.transaction() as tx:
                await broken(tx)
        assert refused.value.code == code
