"""Stories of two talks about one purchase, told by hand: what the later one finds must never undo the earlier one."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.flows.test_route import Shop, World, attempts, bought, live, shops, video, world
from tests.provision.fulfilment.making import attempts_of, forward, part, planned, round_at, task_of
from tests.provision.fulfilment.shops import open_shop

from heyi.flows import deliver, resolve, rounds, route
from heyi.flows.round import LOOKS_MAX
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Accepted, Cure, Declined, Delivered, Failed, NotFound, Unknown
from heyi.provision.fulfilment import accounts, desk
from heyi.provision.fulfilment.errand import Result
from heyi.provision.fulfilment.errors import TaskBusy

__all__ = ["live", "shops", "world"]


@pytest.fixture
def standing(tools: Tools) -> Tools:
    """A clock that stands now; it is only ever moved by minutes."""
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)
    return tools


async def claimed(tools: Tools, shop: Shop) -> Any:
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    return errand


async def told(tools: Tools, errand: Any, answer: Any) -> None:
    await deliver.record(tools, [Result(errand, answer)])


async def test_what_a_slow_query_heard_stops_the_second_sending(standing: Tools, simulator_url: str) -> None:
    """The first query hears "accepted" and is slow to say so; the second hears "not found", and the number is to go out
    again; then the first one is recorded."""
    tools, shop = standing, await open_shop(standing, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await told(tools, await claimed(tools, shop), Unknown("timeout"))
    forward(tools, seconds=10)
    slow = await claimed(tools, shop)
    forward(tools, seconds=10)
    await told(tools, await claimed(tools, shop), NotFound())
    assert (await task_of(tools, plan)).state == "scheduled"
    await told(tools, slow, Accepted("S1"))
    task, (attempt,) = await task_of(tools, plan), await attempts_of(tools, plan)
    assert (task.state, attempt.state) == ("asking", "accepted")
    forward(tools, seconds=10)
    assert (await claimed(tools, shop)).verb == "query"


async def test_a_number_sent_again_that_is_refused_may_have_been_taken_before(
    standing: Tools, simulator_url: str
) -> None:
    """While it goes out again, a slow query says that they had accepted it: their "sold out" now is no definite no."""
    tools, shop = standing, await open_shop(standing, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await told(tools, await claimed(tools, shop), Unknown("timeout"))
    forward(tools, seconds=10)
    slow = await claimed(tools, shop)
    forward(tools, seconds=10)
    await told(tools, await claimed(tools, shop), NotFound())
    again = await claimed(tools, shop)
    assert (again.verb, again.submits) == ("submit", 2)
    await told(tools, slow, Accepted("S1"))
    await told(tools, again, Declined("sold_out", Cure.OTHER_OFFER))
    task, (attempt,) = await task_of(tools, plan), await attempts_of(tools, plan)
    assert (task.state, attempt.state) == ("asking", "accepted")


async def test_leaving_an_open_breaker_takes_nothing_along_that_was_accepted(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    (order,) = await bought(live, world)
    task = await video(live, order)
    await told(live, await claimed(live, shops[0]), Unknown("timeout"))
    async with live.db.transaction() as tx:  # as it stands between "goes out again" and an "accepted" heard late
        await tx.run("update fulfilment.tasks set state = 'scheduled', resubmit = true, due_at = now()"
                     " where id = %(id)s", id=task.id)  # fmt: skip
        await tx.run("update fulfilment.attempts set state = 'accepted', accepted_at = now() where task_id = %(id)s",
                     id=task.id)  # fmt: skip
    await route.move(live, shops[0].id, "open", why="their notice", by="operator:test")
    assert await route.leave(live) == 0
    (attempt,) = await attempts(live, order)
    assert (attempt.state, (await video(live, order)).supplier_id) == ("accepted", shops[0].id)


async def test_what_failed_for_good_is_not_bought_there_again_by_itself(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    """It failed at the first, stands at the second, whose breaker opens; the third is shut too: it waits."""
    (order,) = await bought(live, world)
    await told(live, await claimed(live, shops[0]), Failed("recharge", Cure.OTHER_OFFER))
    assert (await video(live, order)).supplier_id == shops[1].id
    for shop in shops[1:]:
        await route.move(live, shop.id, "open", why="their notice", by="operator:test")
    assert await route.leave(live) == 0
    # Nor when the second one says "busy": that passes, and the first stays out of it.
    await route.move(live, shops[1].id, "closed", why="they say", by="operator:test")
    await told(live, await claimed(live, shops[1]), Declined("busy", Cure.OTHER_OFFER))
    assert (await video(live, order)).supplier_id == shops[1].id


async def test_asking_by_sending_again_waits_until_the_account_may_buy(standing: Tools, simulator_url: str) -> None:
    tools, shop = standing, await open_shop(standing, simulator_url, "dujiao_next")
    shop.faults({"fault": "error_500_before_accept", "times": 1})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    async with tools.db.transaction() as tx:
        await accounts.switch(tx, tools.sealing, shop.id, "pause", public_url="")
    forward(tools, seconds=20)
    (answer,) = await round_at(tools, shop.id)
    assert isinstance(answer, Unknown)
    async with tools.db.transaction() as tx:
        await accounts.switch(tx, tools.sealing, shop.id, "resume", public_url="")
    await route.move(tools, shop.id, "open", why="their notice", by="operator:test")
    forward(tools, seconds=20)
    await round_at(tools, shop.id)
    assert shop.orders() == [], "nothing was bought while nothing may be bought"
    await route.move(tools, shop.id, "closed", why="they say", by="operator:test")
    forward(tools, seconds=20)
    await round_at(tools, shop.id)
    assert (len(shop.orders()), len(await attempts_of(tools, plan))) == (1, 1)


async def test_a_repetition_that_is_refused_is_no_definite_no(standing: Tools, simulator_url: str) -> None:
    """The first sending may still arrive: "sold out" now means that they do not know the number yet, nothing more."""
    tools, shop = standing, await open_shop(standing, simulator_url, "dujiao_next", grace_ms=20_000)
    shop.faults({"fault": "error_500_before_accept", "times": 1})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    shop.faults({"fault": "sold_out", "times": 1})
    forward(tools, seconds=20)
    assert await round_at(tools, shop.id) == [NotFound()]
    task, (attempt,) = await task_of(tools, plan), await attempts_of(tools, plan)
    assert (task.state, attempt.state) == ("asking", "unknown")
    forward(tools, seconds=25)
    await round_at(tools, shop.id)
    assert [one["outer"] for one in shop.orders()] == [attempt.outer_number]


async def test_a_repetition_without_an_answer_begins_a_new_grace(standing: Tools, simulator_url: str) -> None:
    tools, shop = standing, await open_shop(standing, simulator_url, "dujiao_next", grace_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await told(tools, await claimed(tools, shop), Unknown("timeout"))
    (first,) = await attempts_of(tools, plan)
    forward(tools, seconds=300)
    again = await claimed(tools, shop)
    assert again.may_repeat
    await told(tools, again, Unknown("timeout"))
    (after,) = await attempts_of(tools, plan)
    assert after.sent_until > first.sent_until
    forward(tools, seconds=30)
    await told(tools, await claimed(tools, shop), NotFound())
    assert (await task_of(tools, plan)).state == "asking", "what went out last may still arrive"


async def test_a_price_that_rose_since_is_never_paid(live: Tools, world: World, shops: list[Shop]) -> None:
    """What was planned at an offer looks at its cost once more before it goes out, and whether the offer is held."""
    orders = await bought(live, world, 2)
    async with live.db.transaction() as tx:
        await tx.run("update catalog.offers set cost_minor = 2000 where supplier_id = %(id)s", id=shops[0].id)
    await round_at(live, shops[0].id)
    assert shops[0].orders() == []
    for order in orders:
        (attempt,) = await attempts(live, order)
        assert (attempt.state, attempt.why.split()[0]) == ("declined", "over_limit")
        assert (await video(live, order)).supplier_id == shops[1].id
    async with live.db.transaction() as tx:
        await tx.run("update catalog.offers set state = 'held' where supplier_id = any(%(ids)s::uuid[])",
                     ids=[shop.id for shop in shops[1:]])  # fmt: skip
    await round_at(live, shops[1].id)
    assert shops[1].orders() == []
    assert {(await video(live, order)).state for order in orders} == {"waiting_for_person"}


async def test_what_is_booked_is_what_the_offer_costs_when_it_is_bought(
    live: Tools, world: World, shops: list[Shop]
) -> None:
    """It was planned at 15.00 and is cheaper now; the supplier does not say what it charges."""
    await bought(live, world)
    async with live.db.transaction() as tx:
        await tx.run("update catalog.offers set cost_minor = 1400 where supplier_id = %(id)s", id=shops[0].id)
    await told(live, await claimed(live, shops[0]), Delivered("S1"))
    async with live.db.reading() as tx:
        booked = await tx.rows("select amount_minor from ledger.postings where account = %(account)s",
                               account=f"prepaid:{shops[0].id}")  # fmt: skip
    assert [abs(one.amount_minor) for one in booked] == [1400]


async def test_what_a_person_held_for_over_is_looked_at_later(standing: Tools, simulator_url: str) -> None:
    """He had proof that nothing came; the supplier delivers all the same, and calls nobody: it is listed."""
    tools, shop = standing, await open_shop(standing, simulator_url)
    shop.faults({"fault": "error_500_after_accept"}, {"fault": "no_callback"})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    await resolve.resolve(tools, plan.id, "failed", proof="客服确认未充值", note="", by="operator:test")
    shop.faults()
    forward(tools, minutes=2)
    await round_at(tools, shop.id)
    forward(tools, minutes=2)
    await round_at(tools, shop.id)
    async with tools.db.reading() as tx:
        listed = await desk.differences(tx, before=None, limit=10)
    assert [one.item_id for one in listed] == [plan.item_id]


async def test_a_person_waits_for_a_talk_that_goes_on(standing: Tools, simulator_url: str) -> None:
    """Its supplier is being asked at this moment: what it says comes first."""
    tools, shop = standing, await open_shop(standing, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await told(tools, await claimed(tools, shop), Unknown("timeout"))
    forward(tools, seconds=10)
    query = await claimed(tools, shop)
    with pytest.raises(TaskBusy):
        await resolve.resolve(tools, plan.id, "try_again", proof="客服确认", note="", by="operator:test")
    await told(tools, query, Delivered("S1"))
    assert (await task_of(tools, plan)).state == "delivered"


async def test_one_supplier_never_takes_every_talk_of_a_worker(standing: Tools, simulator_url: str) -> None:
    """It has slots for all and answers nobody; another one's purchase goes out all the same. Later looks are few."""
    tools, shop = standing, await open_shop(standing, simulator_url, slots=1000)
    turns = rounds.Rounds(tools, asyncio.Event())
    greedy, other = turns.at(shop.id), turns.at(new_id(1))
    assert turns.room(greedy) < rounds.IN_FLIGHT_MAX
    greedy.own["submit"] = turns.room(greedy)
    turns.flying.update(asyncio.create_task(asyncio.sleep(0)) for _ in range(greedy.own.total()))
    assert turns.room(greedy) <= 1
    assert turns.room(other) > rounds.IN_FLIGHT_MAX // 5
    await asyncio.gather(*turns.flying)
    plans = await planned(tools, *[part(tools.clock.now(), supplier=shop.id) for _ in range(6)])
    for _ in plans:
        await told(tools, await claimed(tools, shop), Failed("recharge", Cure.PERSON))
    forward(tools, minutes=1)
    errands, _ = await deliver.claim(tools, shop.id, most=100, looks=LOOKS_MAX)
    assert [one.verb for one in errands] == ["recheck"] * LOOKS_MAX
