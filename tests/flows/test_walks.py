"""Whatever flow publishing lets through runs to its end, from a purchase through all the rows that it moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import given, settings
from tests.flows.world import books, make_world
from tests.offer.catalog.test_flows import graphs

from heyi.flows import activate, buy, deliver, release
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.facts import Fact
from heyi.offer import catalog
from heyi.offer.catalog.graphs import faults
from heyi.offer.catalog.model import Component, Document
from heyi.order import checkout
from heyi.order.checkout import Order
from heyi.provision import entitlement

ROUNDS = 14
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


async def sold(tools: Tools, name: str, graph: dict[str, Any]) -> None:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        bundle = await catalog.bundles.make(tx, code=name, title=name, now=now)
        parts = (Component("video", "walk-lounge", weight=1), Component("a", "walk-course", weight=1, delivery=graph))
        drafted = await catalog.bundles.draft(tx, bundle.id, Document(9900, "CNY", parts), now=now)
        await catalog.bundles.publish(tx, bundle.id, drafted.version, now=now)


async def test_every_flow_runs_to_its_end(tools: Tools) -> None:
    """Sixty flows, two buyers each: for one the awaited part is activated, the other one does nothing but wait. Time
    passes, whoever is asked says yes, and in the end every item was delivered or cancelled, and the books add up."""
    world = await make_world(tools, name="walk", deposit_minor=10_000_000)
    flows = list(some_graphs(60))
    assert len({node["do"] for _, graph in flows for node in graph["nodes"].values()}) == 6
    for name, graph in flows:
        await sold(tools, name, graph)
    asked = [world.asks(f"{name}-{buyer}", buyer, bundle=name, accounts={}) for name, _ in flows for buyer in "xy"]
    orders: list[Order] = []
    for start in range(0, len(asked), 40):
        for answer in await buy.buy(tools, asked[start : start + 40]):
            assert isinstance(answer, tuple), answer
            orders.append(answer[0])
    clock = tools.clock
    assert isinstance(clock, FixedClock)
    happened = [
        Fact("entitlement.activated", {}, order.lane, order.id, item.id, item.entitlement_id)
        for order in orders if order.buyer == "x" for item in order.items if item.component == "video"
    ]  # fmt: skip
    for _ in range(ROUNDS):
        await release.release_waiting(tools, happened)
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
                assert state not in ("scheduled", "pending_delivery")
        standing = await tx.rows("select state from fulfilment.tasks where ended_at is null")
    assert not standing
    await books(replace(tools))
