"""What is shown before publishing is what will be done: the same samples, simulated and bought."""

from __future__ import annotations

import contextlib
import random
from datetime import timedelta

from tests.flows.test_walks import sold, some_graphs, world
from tests.flows.world import World

from heyi.flows import activate, buy, deliver, expire, release
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.offer import catalog
from heyi.offer.catalog.sample import Happening, Told
from heyi.order import checkout
from heyi.order.checkout import Order

__all__ = ["world"]
COUNT = 30
AGREES = ("delivered", "cancelled")


async def test_a_simulation_comes_true(tools: Tools, world: World) -> None:
    """Thirty flows, a buyer each, who begins the video some day (or never) and asks for the other part some day. At
    every moment of every story the real rows are moved on as well: they end where the story ends, on the same day."""
    clock, paid_at = tools.clock, tools.clock.now()
    assert isinstance(clock, FixedClock)
    chance = random.Random(20261129)
    flows = list(some_graphs(COUNT))
    happens: dict[str, list[Happening]] = {}
    for name, graph in flows:
        await sold(tools, world, name, graph)
        days = {what: chance.choice([None, 1, 3, 7, 20, 45]) for what in ("activated", "asked")}
        happens[name] = [
            Happening({"activated": "video", "asked": "a"}[what], what, paid_at + timedelta(days=day))
            for what, day in days.items() if day is not None
        ]  # fmt: skip
    orders: dict[str, Order] = {}
    stories: dict[str, list[Told]] = {}
    expected: dict[str, list[tuple[str, str]]] = {}
    for name, _ in flows:
        ((order, *_),) = await buy.buy(tools, [world.asks(name, "u", bundle=name, accounts={})])
        assert isinstance(order, Order)
        orders[name] = order
        async with tools.db.rehearsal() as tx:
            bundle = next(one for one in await catalog.bundles.search(tx, search=name) if one.code == name)
            stories[name], items = await catalog.rehearsing.rehearse(
                tx, bundle.id, 1, channel_id=None, quantity=1, paid_at=paid_at, accounts={}, choices={},
                happenings=happens[name], now=paid_at, zone=tools.settings.zone,
            )  # fmt: skip
        expected[name] = [(item.state, f"{item.since:%m-%d %H:%M}") for item in items if item.component == "a"]
    since: dict[str, dict[int, tuple[str, str]]] = {name: {} for name in orders}
    moments = {told.at for story in stories.values() for told in story} | {paid_at + timedelta(days=1500)}
    for at in sorted(moments):
        clock.forward(at - clock.now())
        for name, order in orders.items():
            happening = {one.component for one in happens[name] if one.at == at}
            for item in order.items:
                if item.component in happening and item.entitlement_id is not None:
                    with contextlib.suppress(Refused):
                        await activate.activate(tools, order.channel_id, item.entitlement_id, {})
        await _move_on(tools, orders)
        async with tools.db.reading() as tx:
            seen = await checkout.read(tx, [order.id for order in orders.values()])
        for one in seen:
            mine = since[one.bundle]
            for place, item in enumerate(item for item in one.items if item.component == "a"):
                if item.state != mine.get(place, ("", ""))[0]:
                    mine[place] = (item.state, f"{at:%m-%d %H:%M}")
    for name, graph in flows:
        came = [since[name][place] for place in range(len(since[name]))]
        where = [state for state, _ in expected[name]]
        days = [day if state in AGREES else "" for state, day in expected[name]]
        assert [state for state, _ in came] == where, (name, graph, happens[name], came, expected[name])
        assert [day if state in AGREES else "" for state, day in came] == days, (name, graph, came, expected[name])


async def _move_on(tools: Tools, orders: dict[str, Order]) -> None:
    """All that the workers would do in this moment."""
    for _ in range(3):
        await expire.run(tools)
        await release.release_waiting(
            tools, [Fact("entitlement.ended", {}, one.lane, one.id, at=tools.clock.now()) for one in orders.values()]
        )
        for work in (release.end_waiting, deliver.give_due):
            while await work(tools):
                pass
