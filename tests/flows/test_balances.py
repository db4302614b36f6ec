"""Our money at suppliers, compared with what they say: the simulator's real balance, with purchases under way."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import msgspec
import pytest
from tests.flows.test_deliver import MovedClock, all_done, bought, working
from tests.flows.world import World, books, make_world
from tests.provision.fulfilment.making import until
from tests.provision.fulfilment.shops import Shop, open_shop

from heyi.flows import balances, deliver, resolve
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.ids import new_id, to_text
from heyi.kernel.money import Money
from heyi.provision.fulfilment import balances as stored
from heyi.provision.fulfilment import desk
from heyi.provision.fulfilment.balances import Look
from heyi.provision.fulfilment.errors import SupplierNotFound
from heyi.provision.fulfilment.suppliers import DIALECTS, SHIPPED, engine, profile
from heyi.settle import ledger
from heyi.watch import warning
from heyi.watch.warning import Warned, model

OPENING = 1_000_000


@pytest.fixture
def live(tools: Tools) -> Tools:
    return replace(tools, clock=MovedClock())


@pytest.fixture
async def shop(live: Tools, simulator_url: str) -> Shop:
    made = await open_shop(live, simulator_url, typical_ms=50)
    made.settings(balance_fen=OPENING)
    return made


@pytest.fixture
async def world(live: Tools, shop: Shop) -> World:
    made = await make_world(live, name=shop.name, keys=40)
    async with live.db.transaction() as tx:
        await tx.run(
            "update catalog.offers set supplier_id = %(shop)s, cost_minor = 1500 where supplier_id = %(old)s",
            shop=shop.id, old=made.supplier,
        )  # fmt: skip
    return replace(made, supplier=shop.id)


async def put_in(tools: Tools, shop: Shop, amount: int = OPENING, key: str = "opening") -> None:
    async with tools.db.transaction() as tx:
        await ledger.prepaid.put_in(tx, shop.id, Money(amount, "CNY"), key=key, memo="slip", now=tools.clock.now())


async def warned(tools: Tools, shop: Shop, state: str = "open") -> dict[str, Warned]:
    async with tools.db.reading() as tx:
        found = await warning.search(
            tx, state=state, kind=None, level=None, about=to_text("sup", shop.id), text=None, now=tools.clock.now(),
            before=None, limit=50,
        )  # fmt: skip
    return {one.kind: one for one in reversed(found)}


def seen(look: Look) -> tuple[int | None, int, int, int | None]:
    return look.reported_minor, look.booked_minor, look.in_flight_minor, look.difference_minor


async def test_the_books_agree_with_the_supplier_before_during_and_after(live: Tools, world: World, shop: Shop) -> None:
    """The supplier takes the money when it accepts; we book it when it is delivered. In between it is in flight, and no
    difference at any moment."""
    await put_in(live, shop)
    assert seen(await balances.look(live, shop.id)) == (OPENING, OPENING, 0, 0)
    shop.faults({"fault": "stuck"})
    await bought(live, world, 3)
    errands, _ = await deliver.claim(live, shop.id, most=100)
    assert seen(await balances.look(live, shop.id)) == (OPENING, OPENING, 4500, 0)  # committed, nothing sent yet
    await deliver.record(live, [await deliver.talk(live, errand) for errand in errands])
    assert seen(await balances.look(live, shop.id)) == (OPENING - 4500, OPENING, 4500, 0)
    shop.faults()
    orders = await bought(live, world, 2, "more")
    async with working(live):
        await until(lambda: _all_booked(live, shop, OPENING - 5 * 1500))
    assert await all_done(live, orders)
    assert seen(await balances.look(live, shop.id)) == (OPENING - 7500, OPENING - 7500, 0, 0)
    assert (await books(live))[f"prepaid:{shop.id}", "CNY"] == OPENING - 7500


async def _all_booked(tools: Tools, shop: Shop, expected: int) -> bool:
    async with tools.db.reading() as tx:
        one = (await ledger.prepaid.balances(tx, [shop.id], now=tools.clock.now()))[shop.id]
    return one.balance.amount_minor == expected


async def test_looks_while_everything_moves_find_no_difference(live: Tools, world: World, shop: Shop) -> None:
    """Two workers buy from a supplier that loses answers, refuses, fails and refunds; somebody looks all the time."""
    await put_in(live, shop)
    shop.faults(
        {"fault": "timeout_after_accept", "hold_ms": 1500, "rate": 0.1},
        {"fault": "error_500_after_accept", "rate": 0.1},
        {"fault": "error_500_before_accept", "rate": 0.1},
        {"fault": "query_error", "rate": 0.1},
        {"fault": "delay", "delay_ms": 60, "rate": 0.5},
    )
    looks: list[Look] = []
    orders = await bought(live, world, 30)
    async with working(live, 2), _looking(live, shop, looks):
        await until(lambda: all_done(live, orders))
    looks.append(await balances.look(live, shop.id))
    assert len(looks) > 5
    assert [one.difference_minor for one in looks] == [0] * len(looks), [seen(one) for one in looks]
    assert seen(looks[-1]) == (OPENING - 45_000, OPENING - 45_000, 0, 0)


@asynccontextmanager
async def _looking(tools: Tools, shop: Shop, looks: list[Look]) -> AsyncIterator[None]:
    async def look() -> None:
        while True:
            looks.append(await balances.look(tools, shop.id))

    task = asyncio.create_task(look())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_late_success_costs_us_once_and_the_books_agree_again(live: Tools, world: World, shop: Shop) -> None:
    """The supplier says failed, keeps the money and delivers later. Somebody had delivered by hand meanwhile: a listed
    difference, and its cost is booked once however often we look at that number."""
    await put_in(live, shop)
    shop.faults({"fault": "lie_failed_then_success", "delay_ms": 2500})
    (order,) = await bought(live, world)
    async with live.db.reading() as tx:
        task = next(t.id for t in await desk.search(
            tx, state=None, supplier=None, order_id=order.id, item_id=None, stuck_since=None, before=None, limit=50)
            if t.kind == "top_up")  # fmt: skip

    async def state() -> str:
        async with live.db.reading() as tx:
            return (await desk.find(tx, task))[0].state

    async def by_hand() -> bool:
        return await state() == "waiting_for_person"

    async def listed() -> bool:
        async with live.db.reading() as tx:
            found = await desk.differences(tx, before=None, limit=50)
        return task in [one.task_id for one in found]

    async def asked_until_listed() -> bool:
        await resolve.query(live, task, by="operator:test")
        return await listed()

    async with working(live):
        await until(by_hand)
        await resolve.resolve(live, task, "failed", proof="客服确认失败", note="", by="operator:test")
        lied = await balances.look(live, shop.id)
        await until(asked_until_listed)
    assert lied.difference_minor == -1500  # it took the money and says that it did not
    sums = await books(live)
    assert (sums[f"prepaid:{shop.id}", "CNY"], sums["difference", "CNY"]) == (OPENING - 1500, 1500)
    await resolve.query(live, task, by="operator:test")
    ((errand,), _) = await deliver.claim(live, shop.id, most=100)
    await deliver.record(live, [await deliver.talk(live, errand)])
    assert (await books(live))["difference", "CNY"] == 1500
    assert seen(await balances.look(live, shop.id)) == (OPENING - 1500, OPENING - 1500, 0, 0)


async def test_a_difference_that_stays_is_said_with_what_it_may_be(live: Tools, shop: Shop) -> None:
    """Somebody buys there without heyi. One look is no reason to wake anybody; three are. Booking it ends it."""
    await put_in(live, shop)
    await balances.look(live, shop.id)
    shop.settings(balance_fen=OPENING - 70_000)
    for expected in (False, False, True):
        look = await balances.look(live, shop.id)
        assert look.difference_minor == -70_000
        assert (model.BALANCE_DIFFERS in await warned(live, shop)) is expected
    one = (await warned(live, shop))[model.BALANCE_DIFFERS]
    assert "700.00 CNY less than the books" in one.en
    assert "somebody bought there without heyi" in one.en
    assert "少 700.00 CNY" in one.zh
    async with live.db.transaction() as tx:
        await ledger.prepaid.adjust(
            tx, shop.id, Money(-70_000, "CNY"), key="by-hand", memo="bought by phone", now=live.clock.now()
        )
    assert (await balances.look(live, shop.id)).difference_minor == 0
    assert model.BALANCE_DIFFERS not in await warned(live, shop)


async def test_a_low_balance_is_warned_of_once_and_ends_by_a_top_up(live: Tools, shop: Shop) -> None:
    """It dances around the threshold: one warning. A top-up well above it ends that."""
    await put_in(live, shop, 10_050)
    for fen, low in ((10_050, False), (9_990, True), (10_010, True), (9_000, True), (11_900, True), (12_000, False)):
        shop.settings(balance_fen=fen)
        await balances.look(live, shop.id)
        assert (model.BALANCE_LOW in await warned(live, shop)) is low, fen
    assert len([one for one in (await warned(live, shop, "all")).values() if one.kind == model.BALANCE_LOW]) == 1
    shop.settings(balance_fen=0)
    await balances.look(live, shop.id)
    assert (await warned(live, shop))[model.BALANCE_LOW].level == "critical"


async def test_a_supplier_that_does_not_tell_is_warned_of(live: Tools, shop: Shop) -> None:
    await put_in(live, shop)
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set base_url = 'http://127.0.0.1:9' where id = %(id)s", id=shop.id)
    for expected in (False, False, True):
        look = await balances.look(live, shop.id)
        assert (look.reported_minor, look.difference_minor) == (None, None)
        assert look.problem
        assert (model.BALANCE_UNREAD in await warned(live, shop)) is expected
    async with live.db.reading() as tx:
        one = await balances.purse(tx, live, shop.id)
    assert (one.summary.left_minor, one.summary.heard, one.summary.unread) == (OPENING, None, 3)
    with pytest.raises(SupplierNotFound):
        await balances.look(live, new_id(1))


async def test_nobody_is_warned_of_money_that_is_not_watched(live: Tools, shop: Shop) -> None:
    """An account that is paused, or owes for what it sells from now on, is not looked at: what was said of its money
    is over, and a person's own look says nothing of it either."""
    await put_in(live, shop, 1_000)
    shop.settings(balance_fen=0)
    for turn, stop in enumerate((("paused", "prepaid"), ("active", "postpaid"))):
        await balances.look(live, shop.id)
        assert model.BALANCE_LOW in await warned(live, shop), stop
        await _switch(live, shop, *stop)
        await (balances.run(live) if turn else balances.look(live, shop.id))
        assert await warned(live, shop) == {}, stop
        await balances.look(live, shop.id)
        assert await warned(live, shop) == {}, stop
        await _switch(live, shop, "active", "prepaid")
    await balances.look(live, shop.id)
    assert model.BALANCE_LOW in await warned(live, shop)


async def _switch(tools: Tools, shop: Shop, state: str, pays: str) -> None:
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set state = %(state)s where id = %(id)s", state=state, id=shop.id)
        await stored.set_terms(tx, shop.id, pays)


async def test_who_has_no_way_to_tell_is_not_unread(live: Tools, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to mend: it is judged by the books alone."""
    await put_in(live, shop)
    document = {**msgspec.to_builtins(SHIPPED["kasushou"]), "balance": None}
    monkeypatch.setitem(DIALECTS, "kasushou", engine.compile(profile.read(document)))
    for _ in range(4):
        look = await balances.look(live, shop.id)
        assert look.problem == "this supplier does not tell its balance"
    assert await warned(live, shop) == {}
    async with live.db.transaction() as tx:
        await ledger.prepaid.adjust(
            tx, shop.id, Money(-OPENING, "CNY"), key="spent", memo="bought by phone", now=live.clock.now()
        )
    await balances.look(live, shop.id)
    assert (await warned(live, shop)).keys() == {model.BALANCE_LOW}


async def test_looks_of_another_time_or_currency_are_not_what_is_left_now(live: Tools, shop: Shop) -> None:
    """The clock was moved back, or the first purchase was in dollars: what was heard then says nothing now."""
    assert isinstance(live.clock, MovedClock)
    live.clock.ahead += timedelta(days=2)
    await balances.look(live, shop.id)
    live.clock.ahead -= timedelta(days=2)
    async with live.db.reading() as tx:
        one = await balances.purse(tx, live, shop.id)
    assert (one.summary.heard, one.summary.left_minor) == (None, None)
    shop.settings(balance_fen=500)
    await balances.look(live, shop.id)
    async with live.db.reading() as tx:
        assert (await balances.purse(tx, live, shop.id)).summary.left_minor == 500
    async with live.db.transaction() as tx:
        dollars = Money(9_000, "USD")
        await ledger.prepaid.put_in(tx, shop.id, dollars, key="usd", memo="slip", now=live.clock.now())
        one = await balances.purse(tx, live, shop.id)
    assert (one.summary.heard, one.summary.left_minor, one.summary.differences) == (None, 9_000, ())


async def test_accounts_are_looked_at_in_turn(live: Tools, simulator_url: str) -> None:
    """Every five minutes, give or take; paused, postpaid and broken-off accounts are left alone; two workers share."""
    assert isinstance(live.clock, MovedClock)
    shops = [await open_shop(live, simulator_url) for _ in range(5)]
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set state = 'paused' where id = %(id)s", id=shops[2].id)
        await tx.run("update fulfilment.suppliers set breaker = 'open' where id = %(id)s", id=shops[3].id)
        await stored.set_terms(tx, shops[4].id, "postpaid")
    await asyncio.gather(balances.run(live), balances.run(live))
    assert [await _looks(live, shop.id) for shop in shops] == [1, 1, 0, 0, 0]
    await balances.run(live)
    live.clock.ahead += timedelta(minutes=3, seconds=50)
    await balances.run(live)
    assert [await _looks(live, shop.id) for shop in shops[:2]] == [1, 1]
    live.clock.ahead += timedelta(minutes=2, seconds=20)
    await balances.run(live)
    assert [await _looks(live, shop.id) for shop in shops[:2]] == [2, 2]


async def _looks(tools: Tools, supplier: UUID) -> int:
    async with tools.db.reading() as tx:
        return len(await stored.page(tx, supplier, before=None, limit=50))


def test_what_lies_between_is_no_difference() -> None:
    """Property: whatever part of what is in flight the supplier has taken, before or after, there is no difference;
    whatever is outside of the band is one, of exactly that size."""
    dice = random.Random(8)
    for _ in range(500):
        booked, flight, done = dice.randrange(10**6), dice.randrange(10**5), dice.randrange(10**5)
        before = stored.Books(booked, flight + done)
        after = stored.Books(booked - done, flight)
        taken = dice.randrange(flight + done + 1)
        assert stored.compare(booked - taken, before, after)[1] == 0
        assert stored.compare(booked + 17, before, after)[1] == 17
        assert stored.compare(booked - flight - done - 23, before, after)[1] == -23


async def test_what_they_hold_in_another_currency_is_not_compared(
    live: Tools, shop: Shop, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile names the currency of its balance: hundredths of dollars beside fen are no difference."""
    await put_in(live, shop)
    document = msgspec.to_builtins(SHIPPED["kasushou"])
    document["balance"]["currency"] = "USD"
    monkeypatch.setitem(DIALECTS, "kasushou", engine.compile(profile.read(document)))
    balance, _ = await resolve.check(live, shop.id)
    assert (balance.fen, balance.currency) == (OPENING, "USD")
    look = await balances.look(live, shop.id)
    assert (look.reported_minor, look.difference_minor) == (None, None)
    assert look.problem == "their balance is in USD and the books are in CNY: they are not compared"
    document["balance"]["currency"] = "dollars"
    with pytest.raises(Refused):
        profile.read(document)
