"""A right is frozen and freed: beside its state, for several reasons at once, and a pause gives its time back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.flows.world import make_world
from tests.provision.stock.world import put_keys

from heyi.flows import buy, deliver, expire, hold, release, resolve, restock, reveal
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.offer import catalog
from heyi.offer.catalog import delivery
from heyi.offer.catalog.model import Component, Document
from heyi.order import checkout
from heyi.order.checkout import Item, Order
from heyi.provision import entitlement
from heyi.provision.fulfilment import desk


async def test_a_held_right_cannot_be_used_until_it_is_free(tools: Tools) -> None:
    """Two reasons overlap: the buyer gets the key only when both are gone, and the order says what is held."""
    world = await make_world(tools, name="held")
    answer = (await buy.buy(tools, [world.asks("T1")]))[0]
    assert not isinstance(answer, Refused)
    order, coffee = answer[0], answer[0].items[0].entitlement_id
    assert coffee is not None
    await hold.hold(tools, coffee, "risk", by="operator:x", until=None)
    await hold.hold(tools, coffee, "dispute", by="operator:x", until=None)
    with pytest.raises(Refused, match=r"entitlement\.already_held"):
        await hold.hold(tools, coffee, "risk", by="operator:x", until=None)
    async with tools.db.reading() as tx:
        assert await hold.held_of(tx, [order], now=tools.clock.now()) == {coffee: ["dispute", "risk"]}
    await hold.lift(tools, coffee, "risk", by="operator:x")
    with pytest.raises(Refused, match=r"entitlement\.held"):
        await reveal.reveal(tools, world.channel, coffee, by="channel:x")
    await hold.lift(tools, coffee, "dispute", by="operator:x")
    with pytest.raises(Refused, match=r"entitlement\.not_held"):
        await hold.lift(tools, coffee, "dispute", by="operator:x")
    assert (await reveal.reveal(tools, world.channel, coffee, by="channel:x")).code == "held-coffee-000000"


async def test_a_pause_stands_still(tools: Tools) -> None:
    """Paused for 30 days of its 90: it does not expire under the pause, and ends 30 days later."""
    assert isinstance(tools.clock, FixedClock)
    world = await make_world(tools, name="pause")
    answer = (await buy.buy(tools, [world.asks("T1")]))[0]
    assert not isinstance(answer, Refused)
    lounge = answer[0].items[2].entitlement_id
    assert lounge is not None
    async with tools.db.reading() as tx:
        before = await entitlement.find(tx, lounge, now=tools.clock.now())
    assert before.valid_to is not None
    tools.clock.forward(timedelta(days=80))
    await hold.hold(tools, lounge, "pause", by="operator:x", until=None)
    tools.clock.forward(timedelta(days=30))
    await expire.run(tools)
    free = await hold.lift(tools, lounge, "pause", by="operator:x")
    assert (free.state, free.valid_to) == ("active", before.valid_to + timedelta(days=30))
    tools.clock.forward(timedelta(days=11))
    await expire.run(tools)
    async with tools.db.reading() as tx:
        assert (await entitlement.find(tx, lounge, now=tools.clock.now())).state == "ended"


async def test_a_person_cannot_hurry_what_is_held(tools: Tools) -> None:
    """Else the retry button would deliver what a risk officer has stopped."""
    order = await _order(tools, "hurried", {"when": "after_days", "days": 10})
    _, coffee = _rights(order)
    item = next(item for item in order.items if item.component == "coffee")
    async with tools.db.reading() as tx:
        (task,) = await desk.search(tx, state=None, supplier=None, order_id=None, item_id=item.id, stuck_since=None,
                                    before=None, limit=10)  # fmt: skip
    await hold.hold(tools, coffee, "risk", by="operator:x", until=None)
    with pytest.raises(Refused, match=r"task\.held"):
        await resolve.retry(tools, task.id, by="operator:x")
    assert (await _coffee(tools, order)).state == "scheduled"
    await hold.lift(tools, coffee, "risk", by="operator:x")
    await resolve.retry(tools, task.id, by="operator:x")
    assert (await _coffee(tools, order)).state == "delivered"


async def _order(tools: Tools, name: str, graph: dict[str, Any], *, keys: int = 5) -> Order:
    """The coffee comes by this flow; beside it there is a video that the buyer reveals when he likes."""
    world = await make_world(tools, name=name, keys=keys)
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        bundle = await catalog.bundles.make(tx, code=f"{name}-flow", title=name, now=now)
        parts = (
            Component("video", f"{name}-course", weight=1),
            Component("coffee", f"{name}-coffee", weight=1, delivery=delivery.expand(graph)),
        )
        drafted = await catalog.bundles.draft(tx, bundle.id, Document(9900, "CNY", parts), now=now)
        await catalog.bundles.publish(tx, bundle.id, drafted.version, now=now)
    ((order, *_),) = await buy.buy(tools, [world.asks("T1", bundle=f"{name}-flow", accounts={})])
    assert isinstance(order, Order)
    return order


async def _coffee(tools: Tools, order: Order) -> Item:
    """The coffee, after everything was done that is due."""
    while await release.end_waiting(tools) or await deliver.give_due(tools):
        pass
    async with tools.db.reading() as tx:
        (seen,) = await checkout.read(tx, [order.id])
    return next(item for item in seen.items if item.component == "coffee")


def _rights(order: Order) -> tuple[UUID, UUID]:
    """Of the video and the coffee."""
    by_code = {item.component: item.entitlement_id for item in order.items}
    video, coffee = by_code["video"], by_code["coffee"]
    assert video is not None
    assert coffee is not None
    return video, coffee


IN_TEN_DAYS = {"when": "after_days", "days": 10}
THEN_TELL = {"start": "wait", "nodes": {
    "wait": {"do": "wait", "for": "days", "days": 10, "then": "tell"},
    "tell": {"do": "notify", "title": {"zh": "来了", "en": "it comes"}, "then": "give"}, "give": {"do": "deliver"}}
}  # fmt: skip


@pytest.mark.parametrize("graph", [IN_TEN_DAYS, THEN_TELL], ids=["fixed", "walked"])
@pytest.mark.parametrize("until", [None, 22], ids=["lifted", "by itself"])
async def test_a_pause_moves_the_day_of_what_is_still_to_come(
    tools: Tools, graph: dict[str, Any], until: int | None
) -> None:
    """Due on day 10, paused from day 2 to day 22: nothing comes meanwhile, and the day is then day 30."""
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    order = await _order(tools, f"later-{'when' in graph}-{until}".lower(), graph)
    begin, (_, coffee) = clock.now(), _rights(order)
    clock.forward(timedelta(days=2))
    await hold.hold(tools, coffee, "pause", by="operator:x", until=until and begin + timedelta(days=until))
    clock.forward(timedelta(days=18))
    await expire.run(tools)
    assert (await _coffee(tools, order)).state == "scheduled"
    clock.forward(timedelta(days=2))
    if until is None:
        await hold.lift(tools, coffee, "pause", by="operator:x")
    else:
        clock.forward(timedelta(days=1))  # nobody looked for a day: the pause was over all the same
        await expire.run(tools)
    now = await _coffee(tools, order)
    assert (now.state, now.due_at) == ("scheduled", begin + timedelta(days=30))
    clock.forward(begin + timedelta(days=30, minutes=1) - clock.now())
    assert (await _coffee(tools, order)).state == "delivered"


async def test_what_is_held_for_another_reason_comes_as_soon_as_it_is_free(tools: Tools) -> None:
    """Two reasons; the pause is over on day 6 and gives four days back, the dispute on day 20 gives none."""
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    order = await _order(tools, "dispute", IN_TEN_DAYS)
    begin, (_, coffee) = clock.now(), _rights(order)
    clock.forward(timedelta(days=2))
    await hold.hold(tools, coffee, "dispute", by="operator:x", until=None)
    await hold.hold(tools, coffee, "pause", by="operator:x", until=None)
    clock.forward(timedelta(days=4))
    await hold.lift(tools, coffee, "pause", by="operator:x")
    clock.forward(timedelta(days=9))
    assert (await _coffee(tools, order)).state == "scheduled", "day 14 has come, and it is held"
    await hold.lift(tools, coffee, "dispute", by="operator:x")
    assert clock.now() > begin + timedelta(days=14)
    assert (await _coffee(tools, order)).state == "delivered"


async def test_a_paused_wait_has_as_long_as_any_other(tools: Tools) -> None:
    """It waits a week for the video's key, and is paused from day 2 to day 22: what happens meanwhile counts from then
    on, and the deadline is day 27. Who does not reveal it by then gets nothing."""
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    awaits = {"when": "after", "component": "video", "event": "activated", "within_days": 7, "otherwise": "cancel"}
    order, idle = await _order(tools, "during", awaits), await _order(tools, "idle", awaits)
    (video, coffee), (_, other) = _rights(order), _rights(idle)
    clock.forward(timedelta(days=2))
    for right in (coffee, other):
        await hold.hold(tools, right, "pause", by="operator:x", until=None)
    clock.forward(timedelta(days=10))
    await reveal.reveal(tools, order.channel_id, video, by="channel:x")
    fact = Fact("entitlement.activated", {}, order.lane, order.id, at=clock.now())
    await release.release_waiting(tools, [fact])
    assert [(await _coffee(tools, one)).state for one in (order, idle)] == ["scheduled"] * 2
    clock.forward(timedelta(days=10))
    for right in (coffee, other):
        await hold.lift(tools, right, "pause", by="operator:x")
    assert [(await _coffee(tools, one)).state for one in (order, idle)] == ["delivered", "scheduled"]
    clock.forward(timedelta(days=4))
    assert (await _coffee(tools, idle)).state == "scheduled"
    clock.forward(timedelta(days=1, minutes=1))
    assert (await _coffee(tools, idle)).state == "cancelled"


async def test_what_is_held_takes_no_key_from_those_who_wait(tools: Tools) -> None:
    order = await _order(tools, "stock", IN_TEN_DAYS, keys=0)
    _, coffee = _rights(order)
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    clock.forward(timedelta(days=10, minutes=1))
    assert (await _coffee(tools, order)).state == "waiting_for_stock"
    await hold.hold(tools, coffee, "risk", by="operator:x", until=None)
    async with tools.db.reading() as tx:
        benefit = (await catalog.benefits.search(tx, search="stock-coffee"))[0].id
    await put_keys(tools, benefit, ["stock-coffee-late"])
    await restock.run(tools)
    assert (await _coffee(tools, order)).state == "waiting_for_stock"
    await hold.lift(tools, coffee, "risk", by="operator:x")
    await restock.run(tools)
    assert (await _coffee(tools, order)).state == "delivered"
