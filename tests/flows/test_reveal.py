"""Card keys and links are shown to their buyer's channel; every look is recorded, the first one activates."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.flows.world import World, make_world
from tests.provision.entitlement.making import Wallet

from heyi.flows import buy, reveal
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.order import checkout
from heyi.provision import entitlement

BY = "channel:test"


async def bought(tools: Tools, world: World, number: str = "T1") -> checkout.Order:
    answer = (await buy.buy(tools, [world.asks(number)]))[0]
    assert not isinstance(answer, Refused), answer
    return answer[0]


def right_of(order: checkout.Order, component: str) -> UUID:
    found = next(item.entitlement_id for item in order.items if item.component == component)
    assert found is not None
    return found


async def facts(tools: Tools, id: UUID) -> list[tuple[str, object]]:
    async with tools.db.reading() as tx:
        sql = "select name, data from infra.facts where entitlement_id = %(id)s order by at, id"
        return [(row.name, row.data.get("by")) for row in await tx.rows(sql, id=id)]


async def test_a_key_is_shown_every_time_and_counts_once(tools: Tools) -> None:
    world = await make_world(tools, name="key")
    order = await bought(tools, world)
    id = right_of(order, "coffee")
    first = await reveal.reveal(tools, world.channel, id, by=BY)
    tools.clock.forward(timedelta(minutes=1))  # type: ignore[attr-defined]
    second = await reveal.reveal(tools, world.channel, id, by=BY)
    assert first.code is not None
    assert first.code.startswith("key-coffee-")
    assert (second.code, second.secret) == (first.code, first.secret)
    assert (first.right.state, second.right.activated_at) == ("active", first.right.activated_at)
    told = await facts(tools, id)
    assert [one for one in told if one[0] == "key.revealed"] == [("key.revealed", BY)] * 2
    assert [name for name, _ in told].count("entitlement.activated") == 1
    assert first.code not in str(told)
    assert first.code not in repr(first)


async def test_a_link_is_shown_with_its_right(tools: Tools) -> None:
    world = await make_world(tools, name="link")
    id = right_of(await bought(tools, world), "course")
    shown = await reveal.reveal(tools, world.channel, id, by=BY)
    assert (shown.link, shown.code, shown.right.state) == ("https://learn.example/r", None, "active")
    assert ("key.revealed", BY) in await facts(tools, id)


@pytest.mark.parametrize(("component", "code"), [("lounge", "entitlement.nothing_to_reveal"),
                                                 ("video", "entitlement.nothing_to_reveal")])  # fmt: skip
async def test_other_kinds_have_nothing_to_show(tools: Tools, component: str, code: str) -> None:
    world = await make_world(tools, name=f"no-{component}")
    id = right_of(await bought(tools, world), component)
    with pytest.raises(Refused) as caught:
        await reveal.reveal(tools, world.channel, id, by=BY)
    assert caught.value.code == code


async def test_strangers_and_held_rights_see_nothing_and_nothing_is_recorded(tools: Tools) -> None:
    world = await make_world(tools, name="held")
    id = right_of(await bought(tools, world), "tea")
    with pytest.raises(Refused, match=r"entitlement\.not_found"):
        await reveal.reveal(tools, uuid4(), id, by=BY)
    async with tools.db.reading() as tx:
        right = await entitlement.find(tx, id, now=tools.clock.now())
    await Wallet(tools).hold(right, "risk")
    with pytest.raises(Refused, match=r"entitlement\.held"):
        await reveal.reveal(tools, world.channel, id, by=BY)
    assert "key.revealed" not in [name for name, _ in await facts(tools, id)]


async def test_all_of_an_order_at_once(tools: Tools) -> None:
    """Keys and links come together; one that waits for stock says why it cannot be shown yet."""
    world = await make_world(tools, name="all", keys=1)
    full, short = await bought(tools, world, "T1"), await bought(tools, world, "T2")
    shown = await reveal.order(tools, full.id, full.lane, by=BY)
    assert [one.right.component for one in shown] == ["coffee", "tea", "course"]
    assert [(bool(one.code), bool(one.link)) for one in shown] == [(True, False), (True, False), (False, True)]
    assert all(one.refused is None and one.right.state == "active" for one in shown)
    waiting = await reveal.order(tools, short.id, short.lane, by=BY)
    assert [one.refused and one.refused.code for one in waiting] == ["entitlement.not_delivered"] * 2 + [None]
    assert waiting[2].link == "https://learn.example/r"
