"""What we have put in at suppliers: it adds up for any interleaving, and rates are what was spent."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heyi.infra.db import Tx
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock, millis
from heyi.kernel.errors import Refused
from heyi.kernel.ids import new_id, new_ids
from heyi.kernel.money import Money
from heyi.settle import ledger
from heyi.settle.ledger import rules
from heyi.settle.ledger.errors import KeyUsed, NotReversible
from heyi.settle.ledger.model import Burn, Cost, PostedLine, Prepaid, payable_to, prepaid_at

HOUR = timedelta(hours=1)
KINDS = ("top_up", "purchase", "purchase", "difference", "postpaid", "mistake", "undone", "gift")


def cny(amount: int) -> Money:
    return Money(amount, "CNY")


def fresh(tools: Tools, count: int = 1) -> list[UUID]:
    return new_ids(millis(tools.clock.now()), count)


async def booked(tools: Tools, *suppliers: UUID) -> dict[UUID, Prepaid]:
    async with tools.db.reading() as tx:
        return await ledger.prepaid.balances(tx, suppliers, now=tools.clock.now())


@pytest.mark.parametrize("seed", range(6))
async def test_balances_add_up_for_any_interleaving(tools: Tools, seed: int) -> None:
    """Top-ups, deliveries, differences, corrections and undone costs, in any order, from several workers at once, each
    said once or twice: the balance is what was put in less what was bought, and no total drifts from its postings."""
    dice = random.Random(seed)
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    suppliers = fresh(tools, 2)
    expected = dict.fromkeys(suppliers, 0)
    lost, owed, costs = 0, 0, 0
    async with tools.db.transaction() as tx:
        sums, _ = await ledger.audit(tx)
    before = sums.get(("cost", "CNY"), 0), sums.get(("difference", "CNY"), 0)
    for step in range(12):
        clock.forward(timedelta(minutes=dice.randrange(20)))
        acts = []
        for number in range(dice.randrange(1, 6)):
            supplier, amount = dice.choice(suppliers), dice.randrange(1, 10_000)
            key = f"{seed}-{step}-{number}"
            kind = dice.choice(
                ["top_up", "purchase", "purchase", "difference", "postpaid", "mistake", "undone", "gift"]
            )
            if kind == "top_up":
                expected[supplier] += amount
            elif kind == "gift":
                amount = dice.choice([-amount, amount])
                expected[supplier] += amount
            elif kind == "purchase":
                expected[supplier] -= amount
                costs += amount
            elif kind == "difference":
                expected[supplier] -= amount
                lost += amount
            elif kind == "postpaid":
                owed += amount
                costs += amount
            acts += [_act(tools, kind, supplier, amount, key)] * dice.randrange(1, 3)
        dice.shuffle(acts)
        await asyncio.gather(*(act() for act in acts))
    found = await booked(tools, *suppliers)
    assert {id: one.balance.amount_minor for id, one in found.items()} == {
        id: sum for id, sum in expected.items() if id in found
    }
    assert all(one.balance.amount_minor == one.paid_in_minor - one.spent_minor for one in found.values())
    async with tools.db.transaction() as tx:
        sums, drifted = await ledger.audit(tx)
    assert drifted == []
    assert sum(sums.values()) == 0
    for supplier in suppliers:
        assert sums.get((prepaid_at(supplier), "CNY"), 0) == expected[supplier]
    assert sum(sums.get((payable_to(id), "CNY"), 0) for id in suppliers) == -owed
    assert (sums.get(("difference", "CNY"), 0) - before[1], sums.get(("cost", "CNY"), 0) - before[0]) == (lost, costs)
    assert sum(line.amount_minor for line in await _lines(tools, suppliers)) == sum(expected.values())


def _act(tools: Tools, kind: str, supplier: UUID, amount: int, key: str):  # type: ignore[no-untyped-def]
    order, item = fresh(tools, 2)

    async def act() -> None:
        now = tools.clock.now()
        cost = Cost(order, item, supplier, cny(amount), key, kind != "postpaid", kind == "difference")
        try:
            async with tools.db.transaction() as tx:
                if kind == "top_up":
                    await ledger.prepaid.put_in(tx, supplier, cny(amount), key=key, memo="slip", now=now)
                elif kind == "gift":
                    await ledger.prepaid.adjust(tx, supplier, cny(amount), key=key, memo="fee or gift", now=now)
                elif kind == "mistake":
                    await ledger.prepaid.put_in(tx, supplier, cny(amount), key=key, memo="typo", now=now)
                    await ledger.prepaid.correct(tx, supplier, await _entry(tx, supplier, key), memo="typo", now=now)
                else:
                    await ledger.accrue(tx, [cost, cost], now=now)
                    if kind == "undone":
                        await ledger.reverse(tx, [f"cost:{key}"], because="undone", now=now)
        except NotReversible:
            if kind != "mistake":  # said twice, it is corrected once
                raise

    return act


async def _entry(tx: Tx, supplier: UUID, key: str) -> UUID:
    row = await tx.row("select id from ledger.entries where unique_key = %(key)s", key=f"prepaid:{supplier}:{key}")
    assert row is not None
    return UUID(str(row.id))


async def _lines(tools: Tools, suppliers: list[UUID]) -> list[PostedLine]:
    async with tools.db.reading() as tx:
        return [line for id in suppliers for line in await ledger.lines(tx, prepaid_at(id), before=None, limit=1000)]


async def test_top_ups_count_once_and_corrections_mend(tools: Tools) -> None:
    now = tools.clock.now()
    supplier, other = fresh(tools, 2)
    async with tools.db.transaction() as tx:
        await ledger.prepaid.put_in(tx, supplier, cny(50_000), key="slip-1", memo="bank", now=now)
        again = await ledger.prepaid.put_in(tx, supplier, cny(50_000), key="slip-1", memo="bank", now=now)
        assert again.balance == cny(50_000)
        await ledger.prepaid.put_in(tx, supplier, cny(7), key="slip-2", memo="typo", now=now)
        wrong = await _entry(tx, supplier, "slip-2")
        mended = await ledger.prepaid.correct(tx, supplier, wrong, memo="typo", now=now)
        assert (mended.balance, mended.paid_in_minor, mended.spent_minor) == (cny(50_000), 50_000, 0)
        await ledger.accrue(tx, [Cost(other, other, supplier, cny(1500), "delivered:x", prepaid=True)], now=now)
        lines = await ledger.lines(tx, prepaid_at(supplier), before=None, limit=10)
        (bought,) = (line.entry_id for line in lines if line.amount_minor == -1500)
    for broken, code in (
        (lambda tx: ledger.prepaid.put_in(tx, supplier, cny(1), key="slip-1", memo="", now=now), "ledger.key_used"),
        (lambda tx: ledger.prepaid.adjust(tx, supplier, cny(50_000), key="slip-1", memo="", now=now),
         "ledger.key_used"),
        (lambda tx: ledger.prepaid.put_in(tx, supplier, cny(0), key="z", memo="", now=now), "ledger.nothing_to_book"),
        (lambda tx: ledger.prepaid.put_in(tx, supplier, Money(1, "USD"), key="u", memo="", now=now),
         "ledger.wrong_currency"),
        (lambda tx: ledger.prepaid.correct(tx, supplier, wrong, memo="", now=now), "ledger.not_reversible"),
        (lambda tx: ledger.prepaid.correct(tx, supplier, bought, memo="", now=now), "ledger.not_reversible"),
        (lambda tx: ledger.prepaid.correct(tx, other, wrong, memo="", now=now), "ledger.entry_unknown"),
    ):  # fmt: skip
        with pytest.raises(Refused) as refused:
            async with tools.db.transaction() as tx:
                await broken(tx)
        assert refused.value.code == code
    assert (await booked(tools, supplier, other)).keys() == {supplier}


async def test_a_corrected_reference_counts_again(tools: Tools) -> None:
    """Somebody typed the amount of a bank slip wrong: it is reversed, and the slip is booked again as it is. Each
    booking counts once, however often it is sent and corrected."""
    (supplier,) = fresh(tools, 1)
    for turn, amount in enumerate((5_000_00, 500_00, 50_000_00)):
        now = tools.clock.now() + turn * HOUR
        async with tools.db.transaction() as tx:
            for _ in range(2):
                booked_now = await ledger.prepaid.put_in(tx, supplier, cny(amount), key="slip", memo="bank", now=now)
                assert booked_now.balance == cny(amount)
            with pytest.raises(KeyUsed):
                await ledger.prepaid.put_in(tx, supplier, cny(1), key="slip", memo="bank", now=now)
            newest = (await ledger.lines(tx, prepaid_at(supplier), before=None, limit=1))[0].entry_id
            mended = await ledger.prepaid.correct(tx, supplier, newest, memo="typo", now=now + HOUR / 2)
            assert mended.balance == cny(0)
            with pytest.raises(NotReversible):
                await ledger.prepaid.correct(tx, supplier, newest, memo="typo", now=now)


async def test_an_account_is_in_the_currency_of_what_was_put_in(tools: Tools) -> None:
    """A purchase whose offer costs dollars is in the books, and does not turn the account into one of dollars."""
    supplier, other, order, item = fresh(tools, 4)
    now = tools.clock.now()
    bought = [
        Cost(order, item, where, Money(300, "USD"), f"delivered:{where}", prepaid=True) for where in (supplier, other)
    ]
    async with tools.db.transaction() as tx:
        await ledger.prepaid.put_in(tx, supplier, cny(50_000), key="slip", memo="bank", now=now)
        await ledger.accrue(tx, bought, now=now + HOUR)
    assert (await booked(tools, supplier))[supplier].balance == cny(50_000)
    assert (await booked(tools, other))[other].balance == Money(-300, "USD")
    async with tools.db.transaction() as tx:
        for where, left in ((supplier, 50_007), (other, 7)):
            found = await ledger.prepaid.put_in(tx, where, cny(7), key="more", memo="bank", now=now + 2 * HOUR)
            assert found.balance == cny(left)
        _, drifted = await ledger.audit(tx)
    assert drifted == []


async def test_rates_are_what_was_spent_in_the_window(tools: Tools) -> None:
    """Eight days of a purchase an hour, then an hour of thrice as much: top-ups are not spending, and what was undone
    is not either."""
    (supplier,) = fresh(tools)
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    async with tools.db.transaction() as tx:
        await ledger.prepaid.put_in(tx, supplier, cny(1_000_000), key="opening", memo="", now=clock.now())
    for hour in range(8 * 24):
        clock.forward(HOUR)
        await _buy(tools, supplier, 600, f"h{hour}")
    await _buy(tools, supplier, 1200, "now")
    await _buy(tools, supplier, 99_999, "slip of the pen")
    async with tools.db.transaction() as tx:
        await ledger.reverse(tx, ["cost:slip of the pen"], because="undo", now=clock.now())
        await ledger.prepaid.put_in(tx, supplier, cny(5_000), key="more", memo="", now=clock.now())
    one = (await booked(tools, supplier))[supplier]
    assert one.balance.amount_minor == 1_005_000 - 8 * 24 * 600 - 1200
    assert (one.burn.hour_minor, one.burn.day_minor, one.burn.week_minor) == (1800, 650, 607)
    assert one.burn.hours_left(65_000) == 100
    assert one.burn.hours_left_now(1_799) == 0
    clock.forward(30 * 24 * HOUR)
    assert (await booked(tools, supplier))[supplier].burn == Burn()
    assert Burn().hours_left(5) is None
    async with tools.db.transaction() as tx:
        assert await ledger.prepaid.forget(tx, before=clock.now()) > 100
        assert (await ledger.audit(tx))[1] == []


async def _buy(tools: Tools, supplier: UUID, amount: int, key: str) -> None:
    item = new_id(millis(tools.clock.now()))
    async with tools.db.transaction() as tx:
        await ledger.accrue(
            tx, [Cost(item, item, supplier, cny(amount), key, prepaid=True)], now=tools.clock.now()
        )  # fmt: skip


@given(spent=st.integers(0, 10**12), age_s=st.integers(0, 30 * 86_400))
def test_a_young_account_is_measured_by_its_age(spent: int, age_s: int) -> None:
    """Property: an account of three hours spends a third an hour, not a twenty-fourth; never less than over an hour."""
    now = datetime(2026, 11, 22, tzinfo=UTC)
    burn = rules.burn(spent, spent, spent, now - timedelta(seconds=age_s), now)
    assert burn.hour_minor == spent
    assert burn.hour_minor >= burn.day_minor >= burn.week_minor
    assert burn.day_minor == spent * 3600 // min(86_400, max(3600, age_s))
    assert burn.week_minor == spent * 3600 // min(7 * 86_400, max(3600, age_s))
