"""An order survives any supplier's bad day: several offers of one benefit, against three shops of the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.flows.test_deliver import MovedClock, all_done, bought, tasks, working
from tests.flows.world import World, make_world
from tests.provision.fulfilment.making import round_at, until
from tests.provision.fulfilment.shops import Shop, open_shop

from heyi.flows import resolve, route
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.ids import to_text
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog.errors import OfferExists, ProductMissing
from heyi.provision import fulfilment
from heyi.provision.fulfilment import breakers, desk
from heyi.provision.fulfilment.errors import OfferUnusable
from heyi.watch import warning


@pytest.fixture
def live(tools: Tools) -> Tools:
    return replace(tools, clock=MovedClock())


@pytest.fixture
async def shops(live: Tools, simulator_url: str) -> list[Shop]:
    return [await open_shop(live, simulator_url, typical_ms=50) for _ in range(3)]


@pytest.fixture
async def world(live: Tools, shops: list[Shop]) -> World:
    """The video can be had from three suppliers; the first is preferred."""
    made = await make_world(live, name=shops[0].name, keys=30)
    async with live.db.transaction() as tx:
        await tx.run(
            "update catalog.offers set supplier_id = %(shop)s, cost_minor = 1500 where supplier_id = %(old)s",
            shop=shops[0].id, old=made.supplier,
        )  # fmt: skip
        for place, shop in enumerate(shops[1:], 1):
            await catalog.benefits.add_offer(
                tx, made.benefits["video"], source="supplier", supplier_id=shop.id, product_no="1001",
                cost=Money(1500 + place, "CNY"), priority=100 + place, now=live.clock.now(),
            )  # fmt: skip
    return replace(made, supplier=shops[0].id)


async def video(tools: Tools, order: Any) -> Row:
    return next(task for task in await tasks(tools, order) if task.kind == "top_up")


async def attempts(tools: Tools, order: Any) -> Sequence[Row]:
    async with tools.db.reading() as tx:
        return await tx.rows(
            "select * from fulfilment.attempts where order_id = %(id)s order by number", id=order.id
        )  # fmt: skip


async def payable(tools: Tools, order: Any) -> dict[UUID, int]:
    """What the order's delivered attempts cost, by supplier."""
    return {a.supplier_id: a.cost_minor for a in await attempts(tools, order) if a.state == "delivered"}


async def breaker(tools: Tools, shop: Shop) -> str:
    async with tools.db.reading() as tx:
        row = await tx.row("select breaker from fulfilment.suppliers where id = %(id)s", id=shop.id)
    assert row is not None
    return str(row.breaker)


@pytest.mark.parametrize("fault", ["sold_out", "balance_empty", "decline", "fail_after_accept", "price_rise"])
async def test_a_definite_no_is_bought_elsewhere_once(live: Tools, world: World, shops: list[Shop], fault: str) -> None:
    shops[0].faults({"fault": fault, "percent": 50})
    shops[1].faults({"fault": "sold_out"})
    (order,) = await bought(live, world)
    async with working(live):
        await until(lambda: all_done(live, [order]))
    assert [shop.delivered() for shop in shops] == [0, 0, 1]
    tried = await attempts(live, order)
    assert [a.supplier_id for a in tried] == [shop.id for shop in shops]
    first = "failed" if fault == "fail_after_accept" else "declined"
    assert [a.state for a in tried] == [first, "declined", "delivered"]
    assert len({a.outer_number for a in tried}) == 3, "a new number each time"
    assert await payable(live, order) == {shops[2].id: 1500}, "the shop's own price is booked, not our offer's"


async def test_what_was_never_sent_is_bought_elsewhere_at_once(live: Tools, world: World, shops: list[Shop]) -> None:
    """Nobody listens at the first one's address: nothing can have been bought there, so that nobody need ask."""
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set base_url = 'http://127.0.0.1:1' where id = %(id)s",
                     id=shops[0].id)  # fmt: skip
    (order,) = await bought(live, world)
    async with working(live):
        await until(lambda: all_done(live, [order]))
    first, second = await attempts(live, order)
    assert (first.state, first.why.split()[0], first.supplier_id) == ("declined", "unreachable", shops[0].id)
    assert (second.state, second.supplier_id) == ("delivered", shops[1].id)


async def test_a_supplier_out_of_reach_without_another_is_tried_again_later(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    """When it was out of reach for a while its own purchase goes out, under a new number, and is bought once."""
    async with live.db.transaction() as tx:
        await tx.run("update catalog.offers set state = 'held' where supplier_id = any(%(ids)s::uuid[])",
                     ids=[shop.id for shop in shops[1:]])  # fmt: skip
        await tx.run("update fulfilment.suppliers set base_url = 'http://127.0.0.1:1' where id = %(id)s",
                     id=shops[0].id)  # fmt: skip
    (order,) = await bought(live, world)
    await round_at(live, shops[0].id)
    task = await video(live, order)
    assert (task.state, task.problem.split()[0]) == ("scheduled", "unreachable")
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set base_url = %(url)s where id = %(id)s",
                     url=f"{shops[0].url}/{shops[0].name}", id=shops[0].id)  # fmt: skip
        await tx.run("update fulfilment.tasks set due_at = now() where id = %(id)s", id=task.id)
    async with working(live):
        await until(lambda: all_done(live, [order]))
    assert [a.state for a in await attempts(live, order)] == ["declined", "delivered"]
    assert shops[0].delivered() == 1


async def test_unknown_is_settled_where_it_was_sent(live: Tools, world: World, shops: list[Shop]) -> None:
    shops[0].faults({"fault": "timeout_after_accept", "hold_ms": 2000}, {"fault": "no_callback"})
    orders = await bought(live, world, 3)
    async with working(live, 2):
        await until(lambda: all_done(live, orders))
    assert [shop.delivered() for shop in shops] == [3, 0, 0]


async def test_a_lie_is_exactly_one_listed_difference(live: Tools, world: World, shops: list[Shop]) -> None:
    """Failed, they said; the item went elsewhere; then they delivered, and never called back."""
    shops[0].faults({"fault": "lie_failed_then_success", "delay_ms": 2500}, {"fault": "no_callback"})
    (order,) = await bought(live, world)
    async with working(live):
        await until(lambda: all_done(live, [order]))
        (first, last) = await attempts(live, order)
        assert (first.state, last.state) == ("failed", "delivered")
        await until(lambda: _delivered(shops[0], 1))
        assert isinstance(live.clock, MovedClock)
        live.clock.ahead += timedelta(minutes=1)  # the failed number is looked at again
        await until(lambda: _differs(live, order))
    assert [shop.delivered() for shop in shops] == [1, 1, 0]


async def _delivered(shop: Shop, count: int) -> bool:
    return shop.delivered() == count


async def _differs(tools: Tools, order: Any) -> bool:
    async with tools.db.reading() as tx:
        listed = await desk.differences(tx, before=None, limit=50)
    mine = [one for one in listed if one.item_id in {a.item_id for a in await attempts(tools, order)}]
    assert len(mine) <= 1
    return len(mine) == 1


async def test_a_supplier_that_is_down_is_left_alone_and_comes_back(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    """Its breaker opens by what its calls brought, what stands before it goes elsewhere, a trial closes it again."""
    shops[0].faults({"fault": "error_500_before_accept", "on": "any"})
    orders = await bought(live, world, 12)
    async with working(live):
        await until(lambda: _is(live, shops[0], "open"))
        more = await bought(live, world, 3, prefix="later")
        await until(lambda: all_done(live, more))
    assert {(await video(live, order)).supplier_id for order in more} == {shops[1].id}
    shops[0].faults()
    async with live.db.transaction() as tx:
        await tx.run(
            "update fulfilment.suppliers set breaker_until = now() where id = %(id)s and breaker = 'open'",
            id=shops[0].id,
        )  # fmt: skip
    async with working(live):
        await until(lambda: _is(live, shops[0], "closed"))
        await until(lambda: all_done(live, orders))
    assert sum(shop.delivered() for shop in shops) == 15
    async with live.db.reading() as tx:
        told = [one.state for _, one in await breakers.history(tx, shops[0].id, before=None, limit=50)]
    assert told[0] == "closed"
    assert {"open", "half_open"} <= set(told)


async def _is(tools: Tools, shop: Shop, state: str) -> bool:
    return await breaker(tools, shop) == state


async def test_a_breaker_opened_by_hand_moves_what_waits_before_it(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    orders = await bought(live, world, 2)
    await route.move(live, shops[0].id, "open", why="their notice", by="operator:test")
    assert await route.leave(live) == 2
    assert await route.leave(live) == 0, "doing it twice moves nothing"
    assert {(await video(live, order)).supplier_id for order in orders} == {shops[1].id}
    for shop in shops[1:]:
        await route.move(live, shop.id, "open", why="all of them", by="operator:test")
    assert await route.leave(live) == 0, "nowhere to go: they wait"


async def test_what_stands_at_an_offer_that_is_held_goes_elsewhere(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    orders = await bought(live, world, 2)
    async with live.db.transaction() as tx:
        offers = {o.supplier_id: o for o in await catalog.benefits.offers(tx, world.benefits["video"])}
        await catalog.benefits.change_offer(
            tx, offers[shops[0].id].id, move="hold", why="its price has risen", now=live.clock.now()
        )
    assert await route.leave(live) == 2
    assert {(await video(live, order)).supplier_id for order in orders} == {shops[1].id}
    async with live.db.transaction() as tx:
        for shop in shops[1:]:
            await catalog.benefits.change_offer(
                tx, offers[shop.id].id, move="hold", why="all of them", now=live.clock.now()
            )
    assert await route.leave(live) == 0, "nowhere to go: the promise is kept where it stands"


async def test_one_offer_is_not_two_places(live: Tools, world: World, shops: list[Shop]) -> None:
    """Added twice, the same product would be asked again as if it were elsewhere."""
    with pytest.raises(OfferExists):
        async with live.db.transaction() as tx:
            await catalog.benefits.add_offer(
                tx, world.benefits["video"], source="supplier", supplier_id=shops[1].id, product_no="1001",
                cost=Money(1400, "CNY"), now=live.clock.now(),
            )  # fmt: skip


@pytest.mark.parametrize("number", ["", " "])
async def test_an_offer_says_which_product_it_is(live: Tools, world: World, shops: list[Shop], number: str) -> None:
    """Without a number nothing could be bought there, and every order would be asked for first."""
    with pytest.raises(ProductMissing):
        async with live.db.transaction() as tx:
            await catalog.benefits.add_offer(
                tx, world.benefits["video"], source="supplier", supplier_id=shops[1].id, product_no=number,
                cost=Money(1400, "CNY"), now=live.clock.now(),
            )  # fmt: skip
    async with live.db.reading() as tx:
        offer = (await catalog.benefits.offers(tx, world.benefits["video"]))[0]
    with pytest.raises(ProductMissing):
        async with live.db.transaction() as tx:
            await catalog.benefits.change_offer(tx, offer.id, product_no=number, now=live.clock.now())


async def test_new_orders_stand_where_they_can_be_bought(live: Tools, world: World, shops: list[Shop]) -> None:
    await route.move(live, shops[0].id, "open", why="their notice", by="operator:test")
    (order,) = await bought(live, world)
    assert (await video(live, order)).supplier_id == shops[1].id
    seen = await route.seen(live, world.benefits["video"])
    assert [(one.supplier, why, best) for one, why, best in seen] == [
        (shops[1].name, None, True), (shops[2].name, None, False), (shops[0].name, "breaker_open", False),
    ]  # fmt: skip


async def test_the_limit_of_the_version_is_never_passed(live: Tools, world: World, shops: list[Shop]) -> None:
    """An item may cost what the dearest offer did when it was sold; an offer that has risen since is not used."""
    shops[0].faults({"fault": "decline"})
    shops[1].faults({"fault": "decline"})
    shops[2].faults({"fault": "decline"})
    (order,) = await bought(live, world)
    async with live.db.transaction() as tx:
        await tx.run(
            "update catalog.offers set cost_minor = 1503 where supplier_id = %(id)s and benefit_id = %(benefit)s",
            id=shops[2].id, benefit=world.benefits["video"],
        )  # fmt: skip
    async with working(live):
        await until(lambda: _waits(live, order))
    assert [a.supplier_id for a in await attempts(live, order)] == [shops[0].id, shops[1].id]


async def _waits(tools: Tools, order: Any) -> bool:
    task = await video(tools, order)
    return bool(task.state == "waiting_for_person" or (task.state == "scheduled" and task.attempts == 2))


async def test_a_person_sends_a_task_where_he_wants(live: Tools, world: World, shops: list[Shop]) -> None:
    for shop in shops:
        shop.faults({"fault": "fail_after_accept", "times": 1})
    (order,) = await bought(live, world)
    async with working(live):
        await until(lambda: _is_state(live, order, "waiting_for_person"))
    task = await video(live, order)
    async with live.db.reading() as tx:
        offers = {o.supplier_id: o for o in await catalog.benefits.offers(tx, world.benefits["video"])}
    with pytest.raises(OfferUnusable):
        await resolve.resolve(
            live, task.id, "try_again", proof="", note="", by="operator:test", offer_id=world.benefits["coffee"]
        )
    async with live.db.transaction() as tx:
        await catalog.benefits.change_offer(tx, offers[shops[2].id].id, cost=Money(1503, "CNY"), now=live.clock.now())
    with pytest.raises(OfferUnusable):  # dearer than anything was when it was sold
        await resolve.resolve(
            live, task.id, "try_again", proof="", note="", by="operator:test", offer_id=offers[shops[2].id].id
        )
    await resolve.resolve(
        live, task.id, "try_again", proof="", note="", by="operator:test", offer_id=offers[shops[1].id].id
    )
    async with working(live):
        await until(lambda: all_done(live, [order]))
    assert [shop.delivered() for shop in shops] == [0, 1, 0]


async def _is_state(tools: Tools, order: Any, state: str) -> bool:
    return bool((await video(tools, order)).state == state)


async def test_a_rate_holds_over_two_workers(live: Tools, world: World, shops: list[Shop]) -> None:
    async with live.db.transaction() as tx:
        await fulfilment.accounts.change(
            tx, live.sealing, shops[0].id, public_url="http://x", rate_per_s=4.0
        )  # fmt: skip
    orders = await bought(live, world, 6)
    begun = datetime.now(UTC)
    async with working(live, 2):
        await until(lambda: all_done(live, orders))
    took = (datetime.now(UTC) - begun).total_seconds()
    async with live.db.reading() as tx:
        row = await tx.row("select count(*) as calls from fulfilment.calls where url like %(url)s",
                           url=f"%/{shops[0].name}/%")  # fmt: skip
    assert row is not None
    assert row.calls <= 4 + 4 * took + 1


async def test_an_answer_that_no_table_names_is_unknown_and_warned_of(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    """It is asked about until it is named, never bought elsewhere, and somebody hears of it."""
    shops[0].faults({"fault": "wrong_status", "what": "status", "on": "any"})
    (order,) = await bought(live, world)
    async with working(live):
        await until(lambda: _warned(live, shops[0]))
    assert (await video(live, order)).state == "asking"
    assert [a.state in ("unknown", "accepted") for a in await attempts(live, order)] == [True]
    shops[0].faults()
    async with working(live):
        await until(lambda: all_done(live, [order]))
    assert [shop.delivered() for shop in shops] == [1, 0, 0]


async def _warned(tools: Tools, shop: Shop) -> bool:
    async with tools.db.reading() as tx:
        found = await warning.search(
            tx, state="open", kind="unmapped_answer", level=None, about=to_text("sup", shop.id), text=None,
            now=tools.clock.now(), before=None, limit=10,
        )  # fmt: skip
    return bool(found) and "97" in found[0].zh
