"""Whatever flow publishing lets through runs to its end, from a purchase through all the rows that it moves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from tests.flows.world import World, books, make_world
from tests.offer.catalog.test_flows import graphs

from heyi.flows import activate, attention, buy, choose, deliver, expire, release
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.facts import Fact
from heyi.kernel.money import Money
from heyi.kernel.parts import Validity
from heyi.offer import catalog
from heyi.offer.catalog.graphs import faults
from heyi.offer.catalog.model import Component, Document, Group, Properties
from heyi.order import checkout
from heyi.order.checkout import Order
from heyi.provision import entitlement

ROUNDS = 14
_numbers = itertools.count(1)
ENDED = ("delivered", "cancelled")


def some_graphs(count: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Always the same ones: mostly graphs that have to be walked."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=6 * count, derandomize=True, database=None, deadline=None)
    @given(graphs().filter(lambda graph: not faults(graph)))
    def collect(graph: dict[str, Any]) -> None:
        if graph not in found:
            found.append(graph)

    collect()
    found.sort(key=lambda graph: -len(graph["nodes"]))
    for number, graph in enumerate(found[:count]):
        yield f"walk-{number}", graph


async def sold(tools: Tools, world: World, name: str, graph: dict[str, Any]) -> None:
    now, mine = tools.clock.now(), world.bundle.removesuffix("joint")
    async with tools.db.transaction() as tx:
        bundle = await catalog.bundles.make(tx, code=name, title=name, now=now)
        parts = (
            Component("video", f"{mine}begun", weight=1),
            Component("a", f"{mine}course", weight=1, delivery=graph),
        )
        drafted = await catalog.bundles.draft(tx, bundle.id, Document(9900, "CNY", parts), now=now)
        await catalog.bundles.publish(tx, bundle.id, drafted.version, now=now)


@pytest.fixture
async def world(tools: Tools) -> World:
    """With a voucher that begins when the buyer says so, for 90 days: what others wait for."""
    name = f"walk{next(_numbers)}"
    made = await make_world(tools, name=name, deposit_minor=10_000_000)
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        begun = await catalog.benefits.make(
            tx, code=f"{name}-begun", partner_id=made.partner, kind="voucher", title="begun",
            market_price=Money(3000, "CNY"), now=now,
            properties=Properties(units=2, validity=Validity(days=90, start="activation")),
        )  # fmt: skip
        await catalog.benefits.add_offer(
            tx, begun.id, source="own", supplier_id=None, product_no="", cost=Money(100, "CNY"), now=now
        )
    return made


async def bought(tools: Tools, world: World, name: str, graph: dict[str, Any], **more: Any) -> Order:
    await sold(tools, world, name, graph)
    ((order, *_),) = await buy.buy(tools, [world.asks(name, "u-1", bundle=name, accounts={}, **more)])
    assert isinstance(order, Order)
    return order


async def now_of(tools: Tools, order: Order, component: str = "a") -> list[str]:
    async with tools.db.reading() as tx:
        (seen,) = await checkout.read(tx, [order.id])
    return [item.state for item in seen.items if item.component == component]


async def begin(tools: Tools, order: Order, place: int = 0) -> None:
    video = [item for item in order.items if item.component == "video"][place]
    assert video.entitlement_id is not None
    await activate.activate(tools, order.channel_id, video.entitlement_id, {})


async def heard(tools: Tools, order: Order, name: str) -> None:
    """The fact is told to those who wait."""
    await release.release_waiting(tools, [Fact(name, {}, order.lane, order.id, at=tools.clock.now())])
    while await deliver.give_due(tools):
        pass


async def waited(tools: Tools) -> None:
    while await release.end_waiting(tools) or await deliver.give_due(tools):
        pass


async def test_every_flow_runs_to_its_end(tools: Tools, world: World) -> None:
    """Sixty flows, two buyers each: for one the awaited part is activated, the other one does nothing but wait. Time
    passes, whoever is asked says yes, and in the end every item was delivered or cancelled, and the books add up."""
    flows = list(some_graphs(60))
    assert len({node["do"] for _, graph in flows for node in graph["nodes"].values()}) == 6
    for name, graph in flows:
        await sold(tools, world, name, graph)
    asked = [world.asks(f"{name}-{buyer}", buyer, bundle=name, accounts={}) for name, _ in flows for buyer in "xy"]
    orders: list[Order] = []
    for start in range(0, len(asked), 40):
        for answer in await buy.buy(tools, asked[start : start + 40]):
            assert isinstance(answer, tuple), answer
            orders.append(answer[0])
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    for order in orders:
        if order.buyer == "x":
            await begin(tools, order)
    for _ in range(ROUNDS):
        await expire.run(tools)
        await release.release_waiting(
            tools, [Fact("entitlement.ended", {}, one.lane, one.id, at=clock.now()) for one in orders]
        )
        for work in (release.end_waiting, deliver.give_due):
            while await work(tools):
                pass
        async with tools.db.reading() as tx:
            seen = await checkout.read(tx, [order.id for order in orders])
        for order in seen:
            for item in order.items:
                if item.state == "waiting_for_buyer" and item.entitlement_id is not None:
                    await activate.activate(tools, order.channel_id, item.entitlement_id, {})
        clock.forward(timedelta(days=41))
    async with tools.db.reading() as tx:
        seen = await checkout.read(tx, [order.id for order in orders])
        open_ = [(o.bundle, i.component, i.state) for o in seen for i in o.items if i.state not in ENDED]
        assert not open_, open_
        for order in seen:
            rights = {
                right.item_id: right for right in await entitlement.of_order(tx, order.lane, order.id, now=clock.now())
            }
            for item in order.items:
                state = rights[item.id].state
                assert state == ("ended" if item.state == "cancelled" else state)
                assert item.component == "video" or state not in ("scheduled", "pending_delivery")
        standing = await tx.rows("select state from fulfilment.tasks where ended_at is null")
    assert not standing
    await books(replace(tools))


def awaits(event: str, within_days: int) -> dict[str, Any]:
    return {"start": "w", "nodes": {
        "w": {"do": "wait", "for": "component", "component": "video", "event": event, "within_days": within_days,
              "then": "give", "else": "tell"},
        "tell": {"do": "notify", "title": {"zh": "来晚了", "en": "too late"}, "then": "no"},
        "give": {"do": "deliver"}, "no": {"do": "cancel"}}}  # fmt: skip


async def test_whoever_waits_for_an_end_waits_for_that_of_all(tools: Tools, world: World) -> None:
    """Two videos of one order begin ten days apart and expire so: the part comes with the second end."""
    order = await bought(tools, world, "walk-ends", awaits("ended", 400), quantity=2)
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    await begin(tools, order, 0)
    clock.forward(timedelta(days=10))
    await begin(tools, order, 1)
    clock.forward(timedelta(days=80, minutes=1))
    await expire.run(tools)
    await heard(tools, order, "entitlement.ended")
    assert await now_of(tools, order) == ["scheduled"] * 2
    clock.forward(timedelta(days=10))
    await expire.run(tools)
    await heard(tools, order, "entitlement.ended")
    assert await now_of(tools, order) == ["delivered"] * 2


@pytest.mark.parametrize("shape", ["fixed", "walked"])
async def test_an_event_in_time_counts_though_the_deadline_is_looked_at_first(
    tools: Tools, world: World, shape: str
) -> None:
    """The relay was away for days: the deadline passes before anybody hears that the video had begun in time."""
    graph = awaits("activated", 7)
    if shape == "fixed":
        graph = catalog.delivery.expand(
            {"when": "after", "component": "video", "event": "activated", "within_days": 7, "otherwise": "cancel"}
        )
    order = await bought(tools, world, f"walk-{shape}", graph)
    late = await bought(tools, world, f"walk-{shape}-late", graph)
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    clock.forward(timedelta(days=3))
    await begin(tools, order)
    clock.forward(timedelta(days=5))
    await begin(tools, late)
    await heard(tools, late, "entitlement.activated")
    await waited(tools)
    assert (await now_of(tools, order), await now_of(tools, late)) == (["delivered"], ["cancelled"])


async def test_a_flow_that_cannot_go_on_keeps_no_other_back(tools: Tools, world: World) -> None:
    """Of five that are due one cannot be read (as a fault of ours would make it): the others go on, people are warned
    of that one, and it goes on as soon as it can."""
    graph = {"start": "w", "nodes": {
        "w": {"do": "wait", "for": "days", "days": 3, "then": "look"},
        "look": {"do": "condition", "if": {"op": "ge", "args": [{"field": "order.quantity"}, 1]}, "then": "give",
                 "else": "give", "unknown": "give"}, "give": {"do": "deliver"}}}  # fmt: skip
    orders = [await bought(tools, world, f"walk-stuck-{n}", graph) for n in range(5)]
    clock = tools.clock
    assert isinstance(clock, FixedClock)

    async def broken(op: str) -> None:
        async with tools.db.transaction() as tx:
            await tx.run(
                "update fulfilment.tasks set flow = jsonb_set(flow, '{nodes,look,if,op}', to_jsonb(%(op)s::text))"
                " where order_id = %(id)s", op=op, id=orders[2].id,
            )  # fmt: skip

    async def warned() -> list[str]:
        await attention.run(tools)
        async with tools.db.reading() as tx:
            rows = await tx.rows("select kind from warning.warnings where cleared_at is null and kind = 'flows_stuck'")
        return [row.kind for row in rows]

    await broken("sounds_good")
    clock.forward(timedelta(days=3, minutes=1))
    await waited(tools)
    assert [(await now_of(tools, order))[0] for order in orders] == [
        "delivered", "delivered", "scheduled", "delivered", "delivered",
    ]  # fmt: skip
    assert await warned() == ["flows_stuck"]
    await broken("ge")
    clock.forward(timedelta(minutes=11))
    await waited(tools)
    assert await now_of(tools, orders[2]) == ["delivered"]
    assert await warned() == []


def only_above(amount_minor: int) -> dict[str, Any]:
    """A group whose buyer may choose three days after payment, if he paid so much."""
    paid = {"op": "ge", "args": [{"field": "order.amount"}, {"amount_minor": amount_minor, "currency": "CNY"}]}
    return {"start": "paid", "nodes": {
        "paid": {"do": "condition", "if": paid, "then": "later", "else": "no", "unknown": "no"},
        "later": {"do": "wait", "for": "days", "days": 3, "then": "choose"},
        "choose": {"do": "choose", "within_days": 30, "default": ["tea"]}, "no": {"do": "cancel"}}}  # fmt: skip


async def test_what_is_chosen_with_the_purchase_goes_the_way_of_its_group(tools: Tools, world: World) -> None:
    """Whoever names his option beforehand gets it where the group's flow lets him choose, at once then, with the
    accounts that he gave; and not at all where the flow does not. What cannot be had then is asked for again."""
    mine, now = world.bundle.removesuffix("joint"), tools.clock.now()
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    for name, least in (("cheap", 9900), ("dear", 10_000)):
        options = (
            Component("tea", f"{mine}tea"), Component("ear", f"{mine}video", accounts={"phone": "music-phone"}),
        )  # fmt: skip
        group = Group("snack", "任选", 1, options, weight=1, delivery=only_above(least))
        parts = Document(9900, "CNY", (Component("a", f"{mine}lounge", weight=1),), (group,))
        async with tools.db.transaction() as tx:
            bundle = await catalog.bundles.make(tx, code=f"{mine}{name}", title=name, now=now)
            drafted = await catalog.bundles.draft(tx, bundle.id, parts, now=now)
            await catalog.bundles.publish(tx, bundle.id, drafted.version, now=now)

    async def buys(number: str, bundle: str, option: str | None, accounts: dict[str, str]) -> Order:
        choices = {"snack": (option,)} if option else {}
        asked = world.asks(number, "u-1", bundle=f"{mine}{bundle}", accounts=accounts, choices=choices)
        ((order, *_),) = await buy.buy(tools, [asked])
        assert isinstance(order, Order)
        return order

    phone = {"music-phone": "13800138000"}
    tea, ear = await buys("tea", "cheap", "tea", {}), await buys("ear", "cheap", "ear", phone)
    lacking = await buys("lacking", "cheap", "ear", {})
    refused, silent = await buys("refused", "dear", "ear", phone), await buys("silent", "cheap", None, {})
    await waited(tools)
    assert await now_of(tools, refused, "snack") == ["cancelled"]
    for order in (tea, ear, lacking, silent):
        assert await now_of(tools, order, "snack") == ["scheduled"]
    clock.forward(timedelta(days=3, minutes=1))
    await waited(tools)
    assert await now_of(tools, tea, "tea") == ["delivered"]
    assert await now_of(tools, silent, "snack") == ["waiting_for_buyer"]
    assert await now_of(tools, lacking, "ear") == ["waiting_for_buyer"]
    async with tools.db.reading() as tx:
        (request,) = await tx.rows(
            "select request ->> 'accounts' as accounts, state from fulfilment.tasks where order_id = %(id)s", id=ear.id
        )
    assert (request.accounts, request.state) == ('[["phone", "13800138000"]]', "scheduled")
    gone = await buys("gone", "cheap", "ear", phone)
    async with tools.db.transaction() as tx:
        for offer in await catalog.benefits.offers(tx, world.benefits["video"]):
            await catalog.benefits.change_offer(tx, offer.id, move="withdraw", now=now)
    clock.forward(timedelta(days=3, minutes=1))
    await waited(tools)
    assert await now_of(tools, gone, "snack") == ["waiting_for_buyer"]
    slot = next(item.entitlement_id for item in gone.items if item.component == "snack")
    assert slot is not None
    right = await choose.choose(tools, gone.channel_id, slot, "tea")
    assert right.component == "tea"
    await waited(tools)
    assert await now_of(tools, gone, "tea") == ["delivered"]
