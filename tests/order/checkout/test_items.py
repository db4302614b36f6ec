"""Items move, and the order's counters with them; late and repeated messages move nothing backwards."""

from __future__ import annotations

from tests.flows.world import make_world

from heyi.flows import buy
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.order import checkout
from heyi.order.checkout import ItemMove, Order
from heyi.order.checkout.rules import fulfilment_of

AXIS = """
    total delivered ended -> axis
    5     0         0     -> in_progress
    5     4         4     -> partial
    5     5         5     -> done
    5     4         5     -> partial
    5     0         5     -> failed
    1     1         1     -> done
"""


def test_the_fulfilment_axis() -> None:
    for line in AXIS.strip().splitlines()[1:]:
        numbers, axis = line.split("->")
        assert fulfilment_of(*map(int, numbers.split())) == axis.strip(), line


async def bought(tools: Tools, name: str) -> Order:
    world = await make_world(tools, name=name)
    answer = (await buy.buy(tools, [world.asks("T1")]))[0]
    assert not isinstance(answer, Refused)
    return answer[0]


async def moved(tools: Tools, order: Order, place: int, move: str, problem: str | None = None) -> list[str]:
    item = order.items[place]
    async with tools.db.transaction() as tx:
        facts = await checkout.move_items(
            tx, [ItemMove(order.lane, order.id, item.id, move, problem)], now=tools.clock.now()
        )
    return [fact.name for fact in facts]


async def test_the_last_item_fulfils_the_order_once(tools: Tools) -> None:
    order = await bought(tools, "moves")
    assert await moved(tools, order, 4, "want_buyer", "wrong account") == ["item.waiting"]
    assert await moved(tools, order, 4, "start") == ["item.started"]
    assert await moved(tools, order, 4, "deliver") == ["item.delivered", "order.fulfilled"]
    assert await moved(tools, order, 4, "deliver") == []
    assert await moved(tools, order, 4, "fail", "a late message") == []
    async with tools.db.transaction() as tx:
        now = await checkout.find(tx, order.id, channel_id=order.channel_id)
        assert await checkout.repair(tx) == []
    assert (now.fulfilment, now.items[4].state, now.items[4].problem) == ("done", "delivered", None)


async def test_a_failed_item_may_still_be_proved(tools: Tools) -> None:
    order = await bought(tools, "proof")
    assert await moved(tools, order, 4, "fail", "supplier gave up") == ["item.failed", "order.fulfilled"]
    assert await moved(tools, order, 4, "deliver") == ["item.delivered"]
    async with tools.db.reading() as tx:
        assert (await checkout.find(tx, order.id, channel_id=None)).fulfilment == "done"


async def test_drifted_counters_are_found_and_counted_again(tools: Tools) -> None:
    order = await bought(tools, "drift")
    async with tools.db.transaction() as tx:
        await tx.run("update checkout.orders set items_delivered = 9 where id = %(id)s", id=order.id)
        assert await checkout.repair(tx) == [order.id]
        assert await checkout.repair(tx) == []
