"""A right is frozen and freed: beside its state, for several reasons at once, and a pause gives its time back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.flows.world import make_world

from heyi.flows import buy, expire, hold, reveal
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.errors import Refused
from heyi.provision import entitlement


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
