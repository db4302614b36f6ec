"""From a paid order to the last delivery, with the worker's loops running against the simulator; and what waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.flows.world import World, books, make_world
from tests.provision.fulfilment.making import part, planned, until
from tests.provision.fulfilment.shops import Shop, open_shop
from tests.provision.stock.world import put_keys

from heyi.flows import activate, buy, deliver, release, resolve, restock, rounds
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog.delivery import expand
from heyi.offer.catalog.model import Component, Document, Properties
from heyi.order import checkout
from heyi.order.checkout import Order
from heyi.provision import entitlement, fulfilment, stock
from heyi.provision.fulfilment.errors import NeedsCard, ProofMissing, StillUnknown, TaskState


@dataclass
class MovedClock:
    """Real time runs (signatures, leases); the alliance's time is ahead of it by what the test says."""

    ahead: timedelta = timedelta()

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@pytest.fixture
def live(tools: Tools) -> Tools:
    return replace(tools, clock=MovedClock())


@pytest.fixture
async def shop(live: Tools, simulator_url: str) -> Shop:
    return await open_shop(live, simulator_url, typical_ms=50)


@pytest.fixture
async def world(live: Tools, shop: Shop) -> World:
    """A world of its own for each test, whose top-up comes from that test's shop."""
    made = await make_world(live, name=shop.name, keys=6)
    async with live.db.transaction() as tx:
        await tx.run(
            "update catalog.offers set supplier_id = %(shop)s, cost_minor = 1500 where supplier_id = %(old)s",
            shop=shop.id, old=made.supplier,
        )  # fmt: skip
    return replace(made, supplier=shop.id)


@asynccontextmanager
async def working(tools: Tools, count: int = 1) -> AsyncIterator[None]:
    stop = asyncio.Event()
    loops = [
        asyncio.create_task(loop(tools, stop))
        for _ in range(count)
        for loop in (rounds.run_rounds, rounds.run_own_hands, rounds.run_care)
    ]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*loops)


async def bought(tools: Tools, world: World, count: int = 1, prefix: str = "n", **more: Any) -> list[Order]:
    answers = await buy.buy(tools, [world.asks(f"{prefix}{n}", f"{prefix}-{n}", **more) for n in range(count)])
    orders = [answer[0] for answer in answers if not isinstance(answer, Refused)]
    assert len(orders) == count, answers
    return orders


async def order_now(tools: Tools, order: Order) -> Order:
    async with tools.db.reading() as tx:
        return (await checkout.read(tx, [order.id]))[0]


async def tasks(tools: Tools, order: Order) -> list[Row]:
    async with tools.db.reading() as tx:
        return await tx.rows("select * from fulfilment.tasks where order_id = %(id)s order by id", id=order.id)


async def facts_of(tools: Tools, order: Order) -> list[str]:
    async with tools.db.reading() as tx:
        return [row.name for row in await tx.rows(
            "select name from infra.facts where order_id = %(id)s order by at, id", id=order.id)]  # fmt: skip


async def all_done(tools: Tools, orders: list[Order]) -> bool:
    return all([(await order_now(tools, order)).fulfilment == "done" for order in orders])


async def test_orders_are_delivered_once_by_two_workers(live: Tools, world: World, shop: Shop) -> None:
    """Six buyers; the supplier loses answers, calls back never, and is sold out for a while."""
    shop.faults(
        {"fault": "timeout_after_accept", "hold_ms": 3000, "times": 1},
        {"fault": "error_500_after_accept", "times": 1},
        {"fault": "no_callback"},
    )
    orders = await bought(live, world, 3)
    async with working(live, 2):
        await until(lambda: all_done(live, orders))
    assert shop.delivered() == 3
    assert "order.fulfilled" in await facts_of(live, orders[0])
    sums = await books(live)
    assert sums["earned", "CNY"] < 0
    assert sums[f"prepaid:{shop.id}", "CNY"] == -3 * 1500
    async with live.db.reading() as tx:
        right = await entitlement.find(tx, next(_rights(orders[0], "video")), now=live.clock.now())
    assert right.state == "active"


def _rights(order: Order, component: str) -> Iterator[UUID]:
    return (item.entitlement_id for item in order.items if item.component == component and item.entitlement_id)


async def test_workers_keep_a_suppliers_limit_and_lay_nothing_down(live: Tools, simulator_url: str) -> None:
    """Two workers and six slots: the supplier itself never serves more than six calls at once. They are stopped in the
    middle: what they had claimed, ahead of a slot or not, they bring to its end."""
    shop = await open_shop(live, simulator_url, slots=6, typical_ms=50)
    shop.faults({"fault": "delay", "on": "any", "delay_ms": 20}, {"fault": "no_callback"})
    plans = await planned(live, *[part(live.clock.now(), supplier=shop.id) for _ in range(150)])

    async def in_state(*states: str) -> int:
        async with live.db.reading() as tx:
            rows = await tx.rows("select state from fulfilment.tasks where supplier_id = %(id)s", id=shop.id)
        return sum(row.state in states for row in rows)

    async def some_are_delivered() -> bool:
        return await in_state("delivered") > 40

    async with working(live, 2):
        await until(some_are_delivered)
    assert await in_state("sending") == 0
    assert await in_state("scheduled") > 0
    async with working(live, 2):
        await until(lambda: _all(in_state("delivered"), len(plans)), within_s=30)
    assert shop.serving_max() == 6
    assert shop.delivered() == len(shop.orders()) == len(plans)


async def _all(counted: Awaitable[int], count: int) -> bool:
    return await counted == count


async def test_a_wrong_account_is_asked_for_again(live: Tools, world: World, shop: Shop) -> None:
    shop.settings(bad_prefix="139")
    (order,) = await bought(live, world, accounts={"phone": "13900000001"})
    item = next(item for item in order.items if item.kind == "top_up")
    async with working(live):
        await until(lambda: _item_is(live, order, item.id, "waiting_for_buyer"))
        assert item.entitlement_id is not None
        await activate.activate(live, world.channel, item.entitlement_id, {"phone": "13800000001"})
        await until(lambda: all_done(live, [order]))
    (task,) = await tasks(live, order)
    assert (task.attempts, shop.delivered()) == (2, 1)


async def _item_is(tools: Tools, order: Order, item_id: UUID, state: str) -> bool:
    return [item.state for item in (await order_now(tools, order)).items if item.id == item_id] == [state]


async def test_accounts_given_later_release_the_delivery(live: Tools, world: World, shop: Shop) -> None:
    (order,) = await bought(live, world, accounts={})
    item = next(item for item in order.items if item.kind == "top_up")
    assert item.state == "waiting_for_buyer"
    assert item.entitlement_id is not None
    async with working(live):
        await activate.activate(live, world.channel, item.entitlement_id, {"phone": "13800000002"})
        await until(lambda: all_done(live, [order]))
    assert shop.orders()[0]["account"] == "13800000002"


async def test_waiters_get_new_keys_oldest_order_first(live: Tools, world: World, shop: Shop) -> None:
    """Six keys of each kind for nine orders; then two more of one kind come, then the rest."""
    orders = [(await bought(live, world, 1, f"w{n}"))[0] for n in range(9)]
    coffee, tea = world.benefits["coffee"], world.benefits["tea"]
    async with live.db.reading() as tx:
        waiting = await fulfilment.waiting_for_stock(tx, [coffee, tea, world.benefits["video"]])
    assert waiting == {coffee: 3, tea: 3}
    assert await restock.run(live) == 0
    await put_keys(live, coffee, ["late-1", "late-2"], batch=f"late-{coffee}")
    fact = Fact("stock.arrived", {"benefit_id": str(coffee), "count": 2})
    assert await restock.arrived(live, [fact]) == 2
    assert await restock.arrived(live, [fact]) == 0
    states = [
        next(i.state for i in (await order_now(live, o)).items if i.benefit == f"{shop.name}-coffee")
        for o in orders[6:]
    ]
    assert states == ["delivered", "delivered", "waiting_for_stock"]
    await put_keys(live, coffee, ["late-3"], batch=f"late-{coffee}")
    await put_keys(live, tea, ["late-4", "late-5", "late-6", "late-7"], batch=f"late-{tea}")
    served = await asyncio.gather(*[restock.serve(live, [coffee, tea]) for _ in range(4)])
    assert sum(served) == 4
    async with live.db.transaction() as tx:
        assert await fulfilment.waiting_for_stock(tx, [coffee, tea]) == {}
        item = next(i for i in (await order_now(live, orders[8])).items if i.kind == "card_key")
        shown = await stock.reveal(tx, live.sealing, [item.id], by="test", now=live.clock.now())
    assert item.id in shown
    await books(live)


async def make_graphs(tools: Tools, world: World, name: str) -> str:
    """A bundle whose parts come in every other way: by hand, later, when another part is used, when the buyer asks."""
    now = tools.clock.now()
    kinds = {"mug": "physical", "driver": "service", "second": "card_key", "gift": "voucher", "extra": "link",
             "asked": "voucher"}  # fmt: skip
    when: dict[str, dict[str, Any]] = {
        "second": {"when": "after_days", "days": 3},
        "gift": {"when": "after", "component": "video", "event": "activated", "within_days": 7, "otherwise": "cancel"},
        "extra": {"when": "after", "component": "lounge", "event": "redeemed", "within_days": 7, "otherwise": "cancel"},
        "asked": {"when": "ask"},
    }
    async with tools.db.transaction() as tx:
        for code, kind in kinds.items():
            more = {"link": "https://x.example/y"} if kind == "link" else {}
            made = await catalog.benefits.make(
                tx, code=f"{name}-{code}", partner_id=world.partner, kind=kind, title=code,
                market_price=Money(3000, "CNY"), properties=Properties(**more), now=now,
            )  # fmt: skip
            world.benefits[code] = made.id
            source = "stock" if kind == "card_key" else "own"
            await catalog.benefits.add_offer(
                tx, made.id, source=source, supplier_id=None, product_no="", cost=Money(700, "CNY"), now=now
            )
        parts = [
            Component(code, f"{name}-{code}", weight=10, delivery=expand(when.get(code)))
            for code in (*kinds, "video", "lounge")
        ]
        bundle = await catalog.bundles.make(tx, code=f"{name}-graphs", title="什么都有", now=now)
        version = await catalog.bundles.draft(tx, bundle.id, Document(9900, "CNY", tuple(parts)), now=now)
        await catalog.bundles.publish(tx, bundle.id, version.version, now=now)
    return f"{name}-graphs"


SHIP_TO = {"name": "王", "phone": "13800138000", "address": "上海"}


async def states(tools: Tools, order: Order) -> dict[str, str]:
    return {item.component: item.state for item in (await order_now(tools, order)).items}


async def test_every_part_comes_in_its_own_way(live: Tools, world: World, shop: Shop) -> None:
    world = replace(world, bundle=await make_graphs(live, world, shop.name))
    (order,) = await bought(live, world, ship_to=SHIP_TO)
    items = {item.component: item for item in order.items}
    async with working(live):
        await until(lambda: _item_is(live, order, items["video"].id, "delivered"))
        assert await states(live, order) == {
            "mug": "delivering", "driver": "delivering", "second": "scheduled", "gift": "scheduled",
            "extra": "scheduled", "asked": "waiting_for_buyer", "video": "delivered", "lounge": "delivered",
        }  # fmt: skip
        # The relay hands these facts on; here by hand, and twice.
        told = [Fact("entitlement.activated", {}, order.lane, order.id, items["video"].id, at=live.clock.now())]
        for _ in range(2):
            await release.release_waiting(live, told)
        await until(lambda: _item_is(live, order, items["gift"].id, "delivered"))
        assert items["asked"].entitlement_id is not None
        await activate.activate(live, world.channel, items["asked"].entitlement_id, {})
        await until(lambda: _item_is(live, order, items["asked"].id, "delivered"))
        # Three days later there is no key yet; then one comes. A week later nobody has redeemed anything.
        assert isinstance(live.clock, MovedClock)
        live.clock.ahead = timedelta(days=3, minutes=1)
        await until(lambda: _item_is(live, order, items["second"].id, "waiting_for_stock"))
        await put_keys(live, world.benefits["second"], [f"{shop.name}-second"])
        assert await restock.run(live) == 1
        assert (await states(live, order))["second"] == "delivered"
        live.clock.ahead = timedelta(days=8)
        await until(lambda: _item_is(live, order, items["extra"].id, "cancelled"))
    mug, driver = [next(t for t in await tasks(live, order) if t.item_id == items[c].id) for c in ("mug", "driver")]
    await resolve.resolve(live, mug.id, "delivered", proof="SF1234567890", note="顺丰", by="operator:test")
    assert (await order_now(live, order)).fulfilment == "partial"
    await resolve.resolve(live, driver.id, "failed", proof="", note="司机请假", by="operator:test")
    now = await order_now(live, order)
    assert now.fulfilment == "partial", "one was cancelled and one failed"
    assert next(i.problem for i in now.items if i.component == "driver") == "司机请假"
    names = await facts_of(live, order)
    assert names.count("order.fulfilled") == 1
    assert names.count("task.resolved") == 2
    sums = await books(live)
    # Earned: all but the vouchers (their use earns) and the two that never came.
    assert sums[f"payable:{world.partner}", "CNY"] == -(700 + 1250)


async def test_the_awaited_part_is_over(live: Tools, world: World, shop: Shop) -> None:
    world = replace(world, bundle=await make_graphs(live, world, shop.name))
    (order,) = await bought(live, world, ship_to=SHIP_TO)
    lounge = next(item for item in order.items if item.component == "lounge")
    over = Fact("entitlement.ended", {"why": "expired"}, order.lane, order.id, lounge.id, at=live.clock.now())
    async with live.db.transaction() as tx:
        await tx.run("update entitlement.entitlements set state = 'ended', ended_why = 'expired', ended_at = now()"
                     " where id = %(id)s", id=lounge.entitlement_id)  # fmt: skip
    await release.release_waiting(live, [over])
    assert (await states(live, order))["extra"] == "cancelled"


async def test_a_persons_word_has_limits(live: Tools, world: World, shop: Shop) -> None:
    shop.faults({"fault": "error_500_after_accept"}, {"fault": "query_error"})
    await bought(live, world, 6, "keys", accounts={})  # they take all the keys
    (order,) = await bought(live, world)
    task = next(t for t in await tasks(live, order) if t.kind == "top_up")
    ((errand,), _) = await deliver.claim(live, shop.id, most=100)
    await deliver.record(live, [await deliver.talk(live, errand)])
    # Unknown: trying again or giving up needs proof that nothing was delivered.
    for outcome in ("try_again", "failed"):
        with pytest.raises(StillUnknown):
            await resolve.resolve(live, task.id, outcome, proof="", note="", by="operator:test")
    with pytest.raises(ProofMissing):
        await resolve.resolve(live, task.id, "delivered", proof=" ", note="", by="operator:test")
    found, tried = await resolve.resolve(
        live, task.id, "try_again", proof="客服确认未充值", note="", by="operator:test"
    )
    assert (found.state, found.resolution and found.resolution["by"]) == ("scheduled", "operator:test")
    assert [one.state for one in tried] == ["declined"]
    # Delivered by word: the item, the right and the books move as if the supplier had said so.
    shop.faults()
    ((errand,), _) = await deliver.claim(live, shop.id, most=100)
    assert errand.outer_number.endswith("-2")
    await deliver.record(live, [await deliver.talk(live, errand)])
    found, _ = await resolve.resolve(live, task.id, "delivered", proof="截图 8812", note="", by="operator:test")
    assert found.state == "delivered"
    with pytest.raises(TaskState):
        await resolve.resolve(live, task.id, "failed", proof="x", note="", by="operator:test")
    assert (await books(live))[f"prepaid:{shop.id}", "CNY"] == -1500
    # A card key is given by a key, not by a word.
    waits = next(t for t in await tasks(live, order) if t.state == "waiting_for_stock")
    with pytest.raises(NeedsCard):
        await resolve.resolve(live, waits.id, "delivered", proof="x", note="", by="operator:test")
