"""A channel buys. What must hold: one number is one order, nobody gets half an order, keys and money never go twice."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from tests.flows.world import books, make_world
from tests.provision.stock.world import states

from heyi.flows import buy
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.money import Money
from heyi.order import checkout
from heyi.settle import ledger


def order_in(answer: buy.Answer) -> checkout.Order:
    assert not isinstance(answer, Refused), answer
    return answer[0]


def code_in(answer: buy.Answer) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


async def test_five_parts_in_one_call(tools: Tools) -> None:
    """Keys, voucher and link are delivered at once, the top-up is under way, the money is split to the fen."""
    world = await make_world(tools, name="five")
    order = order_in((await buy.buy(tools, [world.asks("T1")]))[0])
    assert [(i.component, i.state) for i in order.items] == [
        ("coffee", "delivered"), ("tea", "delivered"), ("lounge", "delivered"), ("course", "delivered"),
        ("video", "delivering"),
    ]  # fmt: skip
    assert sum(i.share.amount_minor for i in order.items) == 9900
    assert (order.payment, order.fulfilment) == ("paid", "partial")
    async with tools.db.reading() as tx:
        read = await checkout.find(tx, order.id, channel_id=world.channel)
        deposit = (await ledger.deposits(tx, [world.channel]))[world.channel]
    assert (read.items[0].state, read.amount) == ("delivered", Money(9900, "CNY"))
    assert deposit.balance == Money(1_000_000 - 9900, "CNY")
    assert (await states(tools, world.benefits["coffee"]))["issued"] == 1
    sums = await books(tools)
    # The voucher is earned by use and the top-up by delivery: two shares of 1980 are still owed.
    assert sums["unearned", "CNY"] == -3960
    assert sums["earned", "CNY"] == -5940


async def test_a_number_is_one_order_for_ever(tools: Tools) -> None:
    """Twice in one batch, and again later: the same order; with another content: refused."""
    world = await make_world(tools, name="again")
    asked = world.asks("T1")
    first, second = await buy.buy(tools, [asked, asked])
    later = (await buy.buy(tools, [asked]))[0]
    assert order_in(first).id == order_in(second).id == order_in(later).id
    assert [a[1] for a in (first, second, later) if not isinstance(a, Refused)] == [False, True, True]
    other = (await buy.buy(tools, [replace(asked, fingerprint=b"1" * 16)]))[0]
    assert code_in(other) == "order.number_reused"
    await books(tools)


async def test_a_refusal_keeps_nothing_and_hurts_nobody(tools: Tools) -> None:
    """The deposit covers one of two orders: the second is refused, its number stays free, no key is lost."""
    world = await make_world(tools, name="poor", deposit_minor=15_000)
    one, two, unknown = await buy.buy(
        tools, [world.asks("T1"), world.asks("T2"), world.asks("T3", bundle="no-such-bundle")]
    )
    assert order_in(one).payment == "paid"
    assert code_in(two) == "ledger.deposit_too_low"
    assert code_in(unknown) == "bundle.not_found"
    assert (await states(tools, world.benefits["tea"]))["issued"] == 1
    async with tools.db.transaction() as tx:
        await ledger.top_up(tx, world.channel, Money(9900, "CNY"), key="more", memo="", now=tools.clock.now())
    assert order_in((await buy.buy(tools, [world.asks("T2")]))[0]).payment == "paid"
    await books(tools)


async def test_money_is_never_spent_twice_under_concurrency(tools: Tools) -> None:
    """Thirty buyers at once on a deposit for ten: exactly ten orders, and the books agree."""
    world = await make_world(tools, name="race", deposit_minor=99_000)
    answers = await asyncio.gather(*(buy.buy(tools, [world.asks(f"T{n}", f"u-{n}")]) for n in range(30)))
    codes = [code_in(a[0]) for a in answers if isinstance(a[0], Refused)]
    assert codes == ["ledger.deposit_too_low"] * 20
    assert (await states(tools, world.benefits["coffee"]))["issued"] == 10
    await books(tools)


async def test_the_last_keys(tools: Tools) -> None:
    """200 buyers for the last 50 keys: 50 get one, 150 wait, and none is refused or given a fake."""
    world = await make_world(tools, name="last", deposit_minor=10_000_000, keys=50)
    answers = await asyncio.gather(*(buy.buy(tools, [world.asks(f"T{n}", f"u-{n}")]) for n in range(200)))
    items = [order_in(a[0]).items[0].state for a in answers]
    assert (items.count("delivered"), items.count("waiting_for_stock")) == (50, 150)
    assert await states(tools, world.benefits["coffee"]) == {"issued": 50}
    await books(tools)


async def test_the_last_keys_where_the_bundle_refuses(tools: Tools) -> None:
    """The same with a bundle that refuses rather than waits: exactly 50 orders, 150 refusals, nothing charged."""
    world = await make_world(tools, name="strict", deposit_minor=10_000_000, keys=50, sold_out="refuse")
    answers = await asyncio.gather(*(buy.buy(tools, [world.asks(f"T{n}", f"u-{n}")]) for n in range(200)))
    refused = [code_in(a[0]) for a in answers if isinstance(a[0], Refused)]
    assert refused == ["stock.sold_out"] * 150
    async with tools.db.reading() as tx:
        deposit = (await ledger.deposits(tx, [world.channel]))[world.channel]
    assert deposit.balance.amount_minor == 10_000_000 - 50 * 9900
    await books(tools)


async def test_a_quote_writes_nothing(tools: Tools) -> None:
    """A quote says what would happen; neither keys, nor money, nor the number are touched."""
    world = await make_world(tools, name="quote")
    verdict = await buy.quote(tools, world.asks("T1"))
    assert isinstance(verdict, checkout.Accepted)
    assert [line.state for line in verdict.lines].count("delivered") == 4
    assert await states(tools, world.benefits["coffee"]) == {"available": 40}
    assert order_in((await buy.buy(tools, [world.asks("T1")]))[0]).payment == "paid"
