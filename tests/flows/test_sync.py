"""What suppliers offer, read from the simulator's real lists: what is different is put before people, what an operator
set stays, and an offer that would lose money is held and says so."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.flows.test_deliver import MovedClock, all_done, bought, working
from tests.flows.world import World, make_world
from tests.provision.fulfilment.making import until
from tests.provision.fulfilment.shops import Shop, open_shop

from heyi.flows import lookout, margins, offered, route, source, sync
from heyi.flows.offered import Told
from heyi.infra.tools import Tools
from heyi.kernel.ids import new_id, to_text
from heyi.kernel.money import Money
from heyi.offer import catalog
from heyi.offer.catalog.model import BenefitOffer, Component, Document
from heyi.provision.fulfilment import breakers, changes, products, syncing
from heyi.provision.fulfilment.changes import Change, Filter
from heyi.provision.fulfilment.errors import (
    ChangeCurrency,
    ChangeSettled,
    ChangesMoved,
    ChangesUnseen,
    PriceUnsettled,
    SyncNotDoubted,
    SyncRunning,
    SyncTooSoon,
)
from heyi.provision.fulfilment.suppliers.speech import Product
from heyi.provision.fulfilment.syncing import Sync
from heyi.watch import warning
from heyi.watch.warning import Warned

LIMIT = 1980  # the video's share of the bundle's 99.00
LISTS = ("fulu", "kayixin", "yiqida", "mifeng", "dujiao_next", "acg_faka", "agiso", "fanchen")


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "PAUSE_MS", 0)


@pytest.fixture
def live(tools: Tools) -> Tools:
    return replace(tools, clock=MovedClock())


@pytest.fixture
async def shop(live: Tools, simulator_url: str) -> Shop:
    return await open_shop(live, simulator_url, typical_ms=50)


@pytest.fixture
async def world(live: Tools, shop: Shop) -> World:
    """The video is bought at the shop for 15.00, as it asks."""
    made = await make_world(live, name=shop.name, keys=30)
    async with live.db.transaction() as tx:
        await tx.run(
            "update catalog.offers set supplier_id = %(shop)s, cost_minor = 1500 where supplier_id = %(old)s",
            shop=shop.id, old=made.supplier,
        )  # fmt: skip
    return replace(made, supplier=shop.id)


async def begun(tools: Tools, shop: Shop) -> UUID:
    """A run, two minutes after whatever was before."""
    assert isinstance(tools.clock, MovedClock)
    tools.clock.ahead += timedelta(minutes=2)
    return (await sync.start(tools, shop.id, by="operator:test")).id


async def now(tools: Tools, id: UUID) -> Sync:
    async with tools.db.reading() as tx:
        return await syncing.find(tx, id)


async def read(tools: Tools, shop: Shop) -> Sync:
    """Read all that the shop shows."""
    id = await begun(tools, shop)
    await sync.drive(tools, id)
    return await now(tools, id)


async def found(tools: Tools, shop: Shop, *, state: str | None = "open", named: bool = True) -> list[Change]:
    async with tools.db.reading() as tx:
        return await changes.search(tx, Filter(shop.id, named=named), state=state, before=None, limit=500)


def told(those: Sequence[Change]) -> list[tuple[str, str, Any, Any]]:
    """What changes say in short, oldest first."""

    def short(value: dict[str, Any] | None) -> Any:
        return None if value is None else value.get("price_minor", value.get("title", value.get("on_sale")))

    return [(one.product_no, one.kind, short(one.before), short(one.after)) for one in reversed(those)]


async def offer_of(tools: Tools, world: World) -> BenefitOffer:
    return (await source.offers(tools, world.benefits["video"]))[0][0]


async def patch(tools: Tools, id: UUID, **given: Any) -> BenefitOffer:
    empty = dict.fromkeys(("product_no", "cost", "priority", "weight", "move", "why"))
    return (await source.change_offer(tools, id, **{**empty, **given}))[0]


async def warned(tools: Tools, world: World) -> dict[str, Warned]:
    async with tools.db.reading() as tx:
        those = await warning.search(
            tx, state="open", kind=None, level=None, about=to_text("ben", world.benefits["video"]), text=None,
            now=tools.clock.now(), before=None, limit=50,
        )  # fmt: skip
    return {one.kind: one for one in those}


async def test_a_price_waits_for_a_person_and_the_cost_is_the_operators(live: Tools, world: World, shop: Shop) -> None:
    """The first list is where everything begins: nobody is told of a thousand products. A rise that still pays is found
    once, the cost follows when somebody accepts it, and the offer shows what the supplier asks all the while."""
    first = await read(live, shop)
    assert (first.state, first.products, first.changes, first.news, first.calls) == ("done", 2, 0, 0, 1)
    shop.product("1001", price_fen=1700, name="视频会员月卡 2.0")
    assert (await read(live, shop)).changes == 2
    await read(live, shop)
    open_now = await found(live, shop)
    assert sorted(told(open_now)) == [
        ("1001", "price", 1500, 1700), ("1001", "title", "视频会员月卡", "视频会员月卡 2.0"),
    ]  # fmt: skip
    ((offer, heard),) = await source.offers(live, world.benefits["video"])
    assert (offer.cost, offer.state) == (Money(1500, "CNY"), "active")
    assert heard is not None
    assert (heard.price_minor, heard.on_sale) == (1700, True)
    price = next(one for one in open_now if one.kind == "price")
    accepted = await margins.decide(live, price.id, "accept", by="operator:wang")
    assert (accepted.state, accepted.settled_by) == ("accepted", "operator:wang")
    assert (await offer_of(live, world)).cost == Money(1700, "CNY")
    with pytest.raises(ChangeSettled):
        await margins.decide(live, price.id, "dismiss", by="operator:li")
    await read(live, shop)
    assert [one.kind for one in await found(live, shop)] == ["title"]


async def test_a_price_above_the_margin_holds_the_offer_and_says_so(live: Tools, world: World, shop: Shop) -> None:
    await read(live, shop)
    shop.product("1001", price_fen=LIMIT)
    assert (await read(live, shop)).held == 0  # no margin is left, and nothing is lost
    shop.product("1001", price_fen=2500)
    run = await read(live, shop)
    assert (run.held, run.changes) == (1, 1)
    offer = await offer_of(live, world)
    assert (offer.state, offer.cost) == ("held", Money(1500, "CNY"))
    assert "25.00" in (offer.held_why or "")
    assert "19.80" in (offer.held_why or "")
    said = (await warned(live, world))["offer_held"]
    assert (said.level, said.numbers["price_minor"], said.numbers["limit_minor"]) == ("critical", 2500, LIMIT)
    assert "25.00 CNY" in said.zh
    assert "19.80 CNY" in said.en
    # As long as nobody has decided, it cannot be bought from again; the supplier's price is what it is.
    with pytest.raises(PriceUnsettled):
        await patch(live, offer.id, move="resume")
    (change,) = await found(live, shop)
    assert change.held == (offer.id,)
    await margins.decide(live, change.id, "accept", by="operator:wang")
    assert (await offer_of(live, world)).state == "held"
    assert (await patch(live, offer.id, move="resume")).cost == Money(2500, "CNY")
    assert await warned(live, world) == {}
    assert (await read(live, shop)).held == 0


async def published(tools: Tools, world: World, limit_minor: int) -> None:
    """A new version, in which the video may cost so much."""
    components = tuple(
        Component(code, f"{world.bundle.removesuffix('-joint')}-{code}", weight=20,
                  cost_limit_minor=limit_minor if code == "video" else None)
        for code in world.benefits
    )  # fmt: skip
    async with tools.db.transaction() as tx:
        (bundle,) = await catalog.bundles.search(tx, search=world.bundle, state=None, before=None, most=1)
        made = await catalog.bundles.draft(tx, bundle.id, Document(9900, "CNY", components), now=tools.clock.now())
        await catalog.bundles.publish(tx, bundle.id, made.version, now=tools.clock.now())


async def withdrawn(tools: Tools, world: World, version: int) -> None:
    async with tools.db.transaction() as tx:
        (bundle,) = await catalog.bundles.search(tx, search=world.bundle, state=None, before=None, most=1)
        await catalog.bundles.move_version(tx, bundle.id, version, "withdraw")


async def test_the_limit_is_that_of_the_versions_on_sale_now(live: Tools, world: World, shop: Shop) -> None:
    """A price that paid breaks a version that was published since, though nobody has changed it. A newer version allows
    more, but whoever pins the old one still buys it: only without it the offer is resumed, at its own cost, while
    the price still waits."""
    shop.product("1001", price_fen=1700)
    assert (await read(live, shop)).held == 0
    await published(live, world, 1600)
    assert (await read(live, shop)).held == 1
    offer = await offer_of(live, world)
    assert "v2" in (offer.held_why or "")
    with pytest.raises(PriceUnsettled):
        await patch(live, offer.id, move="resume")
    await published(live, world, 1700)
    with pytest.raises(PriceUnsettled):
        await patch(live, offer.id, move="resume")
    await withdrawn(live, world, 2)
    assert (await patch(live, offer.id, move="resume")).state == "active"
    assert (await read(live, shop)).held == 0
    assert ((await offer_of(live, world)).cost, len(await found(live, shop))) == (Money(1500, "CNY"), 1)


async def test_who_says_that_a_list_is_wrong_is_believed_until_it_says_something_else(
    live: Tools, world: World, shop: Shop
) -> None:
    """Their list shows what nobody pays: dismissed and resumed, the offer is left alone; the next price counts."""
    shop.product("1001", price_fen=2500)
    assert (await read(live, shop)).held == 1
    (change,) = await found(live, shop)
    await margins.decide(live, change.id, "dismiss", by="operator:wang")
    offer = await offer_of(live, world)
    await patch(live, offer.id, move="resume")
    assert (await read(live, shop)).changes == 0
    assert (await offer_of(live, world)).state == "active"
    shop.product("1001", price_fen=2600)
    assert (await read(live, shop)).held == 1
    # Back at the offer's cost there is nothing to decide; the offer is resumed by a person, as it was held for one.
    shop.product("1001", price_fen=1500)
    await read(live, shop)
    assert await found(live, shop) == []
    assert (await patch(live, offer.id, move="resume")).cost == Money(1500, "CNY")


async def test_a_dismissed_price_that_comes_back_is_said_again(live: Tools, world: World, shop: Shop) -> None:
    """It was called wrong, and the supplier took it back. Now it says so again: perhaps it means it this time."""
    shop.product("1001", price_fen=2500)
    await read(live, shop)
    (change,) = await found(live, shop)
    await margins.decide(live, change.id, "dismiss", by="operator:wang")
    await patch(live, (await offer_of(live, world)).id, move="resume")
    shop.product("1001", price_fen=1500)
    assert (await read(live, shop)).changes == 0
    shop.product("1001", price_fen=2500)
    run = await read(live, shop)
    assert (run.changes, run.held) == (1, 1)
    assert told(await found(live, shop)) == [("1001", "price", 1500, 2500)]
    assert (await offer_of(live, world)).state == "held"


async def test_an_offer_that_moves_to_another_product_is_watched_there(live: Tools, world: World, shop: Shop) -> None:
    """What was said of that product before, to nobody or to another offer, was not said to this one."""
    shop.product("1002", name="视频会员季卡", price_fen=1200)
    await read(live, shop)
    shop.product("1002", price_fen=2600)
    await read(live, shop)
    assert ("1002", "price", 1200, 2600) in told(await found(live, shop, named=False))
    offer = await offer_of(live, world)
    await patch(live, offer.id, product_no="1002")
    assert (await read(live, shop)).held == 1
    (change,) = await found(live, shop)
    await margins.decide(live, change.id, "dismiss", by="operator:wang")
    await patch(live, offer.id, product_no="1001", move="resume")
    assert (await read(live, shop)).changes == 0
    await patch(live, offer.id, product_no="1002")
    assert (await read(live, shop)).held == 1


async def test_no_price_and_a_zero_price_never_become_a_cost(live: Tools, world: World, shop: Shop) -> None:
    await read(live, shop)
    shop.product("1001", price_fen=0)
    await read(live, shop)
    await read(live, shop)
    assert told(await found(live, shop)) == [("1001", "price_missing", 1500, None)]
    ((missing,), about) = await found(live, shop), Filter(shop.id)
    assert await margins.decide_all(
        live, replace(about, until=missing.id), "accept", expected=1, dry_run=False, by="operator:wang"
    ) == (1, 1, missing.id)  # fmt: skip
    assert (await offer_of(live, world)).cost == Money(1500, "CNY")
    async with live.db.reading() as tx:
        (seen,) = await products.search(tx, shop.id, text="1001", only=None, gone=None, before=None, limit=5)
    assert (seen.price_minor, seen.unpriced) == (1500, True)
    shop.product("1001", price_fen=1500)
    await read(live, shop)
    assert await found(live, shop) == []


async def test_an_operators_cost_is_never_overwritten(live: Tools, world: World, shop: Shop) -> None:
    """Whatever the list says, in whatever order; a cost set by hand to what the supplier asks settles the matter."""
    offer = await offer_of(live, world)
    await patch(live, offer.id, cost=Money(1234, "CNY"), priority=7)
    for price in (1500, 900, 1, 1900, 0, 1700):
        shop.product("1001", price_fen=price, name=f"视频 {price}", on_sale=price != 900, stock=price)
        await read(live, shop)
        after = await offer_of(live, world)
        assert (after.cost, after.priority, after.product_no) == (Money(1234, "CNY"), 7, "1001")
    assert ("1001", "price", 1900, 1700) in told(await found(live, shop))
    await patch(live, offer.id, cost=Money(1700, "CNY"))
    await read(live, shop)
    assert {one.kind for one in await found(live, shop)} == {"title"}


async def test_many_prices_are_accepted_at_once_as_counted(live: Tools, world: World, shop: Shop) -> None:
    async with live.db.transaction() as tx:
        for number in range(5):
            await catalog.benefits.add_offer(
                tx, world.benefits["video"], source="supplier", supplier_id=shop.id, product_no=f"20{number}",
                cost=Money(1400, "CNY"), now=live.clock.now(),
            )  # fmt: skip
    for number in range(5):
        shop.product(f"20{number}", name=f"视频 {number}", price_fen=1450 + number)
    await read(live, shop)
    about = Filter(shop.id, "price", search="20")
    *counted, newest = await margins.decide_all(live, about, "accept", expected=None, dry_run=True, by="o")
    assert (counted, newest) == ([5, 0], max(one.id for one in await found(live, shop)))
    with pytest.raises(ChangesUnseen):
        await margins.decide_all(live, about, "accept", expected=5, dry_run=False, by="o")
    seen = replace(about, until=newest)
    with pytest.raises(ChangesMoved):
        await margins.decide_all(live, seen, "accept", expected=4, dry_run=False, by="o")
    # While somebody looks, one price is overtaken by another. As many as before, but nobody has seen that one.
    shop.product("203", name="视频 3", price_fen=9999)
    await read(live, shop)
    assert (await margins.decide_all(live, about, "accept", expected=None, dry_run=True, by="o"))[0] == 5
    with pytest.raises(ChangesMoved):
        await margins.decide_all(live, seen, "accept", expected=5, dry_run=False, by="o")
    settled = (await margins.decide_all(live, seen, "accept", expected=None, dry_run=False, by="o"))[:2]
    assert settled == (4, 4)
    costs = {o.product_no: o.cost.amount_minor for o, _ in await source.offers(live, world.benefits["video"])}
    assert costs == {"1001": 1500, **{f"20{n}": 1450 + n if n != 3 else 1400 for n in range(5)}}


async def test_what_nobody_sells_here_is_news_and_news_are_bounded(
    live: Tools, world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read(live, shop)
    monkeypatch.setattr(products, "NEWS_MAX", 3)
    for number in range(5):
        shop.product(f"30{number}", name=f"新品 {number}", price_fen=100)
    shop.product("1101", price_fen=500)
    run = await read(live, shop)
    assert (run.changes, run.news, run.products) == (0, 6, 7)
    assert len(await found(live, shop, named=False)) == 3
    assert await found(live, shop) == []


async def test_a_run_whose_worker_is_gone_is_carried_on_from_where_it_was(
    live: Tools, world: World, shop: Shop
) -> None:
    """230 products are three pages. The worker dies while the second is on its way: nobody calls before its lease is
    over, and then the next one goes on with the second page."""
    many = [{"id": f"{n}", "name": f"商品 {n}", "price_fen": 100 + n} for n in range(4000, 4229)]
    shop.settings(products=[*many, {"id": "1001", "name": "视频", "price_fen": 1500}])
    id, lease = await begun(live, shop), new_id(1)
    async with live.db.transaction() as tx:
        turn = await syncing.take(tx, id, lease, wall=live.clock.wall())
    assert turn.sync is not None
    await sync.step(live, turn.sync, lease)
    async with live.db.transaction() as tx:
        assert (await syncing.take(tx, id, lease, wall=live.clock.wall())).sync is not None  # and then it dies
    before = shop.received()
    await asyncio.gather(*(sync.drive(live, id) for _ in range(3)))
    assert shop.received() == before
    half = await now(live, id)
    assert (half.state, half.page, half.products) == ("running", 2, 100)
    with pytest.raises(SyncRunning):
        await sync.start(live, shop.id, by="operator:test")
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.syncs set lease_until = now() - interval '1 s' where id = %(id)s", id=id)
    await asyncio.gather(*(sync.run(live) for _ in range(3)))
    done = await now(live, id)
    assert (done.state, done.products, done.problem) == ("done", 230, None)
    assert shop.received() - before == 2
    with pytest.raises(SyncTooSoon):
        await sync.start(live, shop.id, by="operator:test")


WORKER = """
import asyncio
from uuid import UUID
from heyi.app.wiring import open_tools
from heyi.flows import sync
from heyi.infra.settings import Settings

async def main():
    async with open_tools(Settings.from_environment(), name="sync", connections_max=2) as tools:
        await sync.drive(tools, UUID("{id}"))

asyncio.run(main())
"""


async def test_a_worker_that_is_killed_in_the_middle_loses_nothing(live: Tools, world: World, shop: Shop) -> None:
    """A process of its own, SIGKILL between two pages or within one; the next worker ends the run, and nothing is told
    twice."""
    many = [{"id": f"{n}", "name": f"商品 {n}", "price_fen": 100 + n} for n in range(4000, 4420)]
    shop.settings(products=[{"id": "1001", "name": "视频", "price_fen": 1700}, *many])
    shop.faults({"fault": "delay", "on": "look", "delay_ms": 800})
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set timeout_ms = 2000 where id = %(id)s", id=shop.id)
    id = await begun(live, shop)
    settings = {"HEYI_DATABASE_URL": live.settings.database_url, "HEYI_MASTER_KEY": live.settings.master_key.hex()}
    worker = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKER.format(id=id), env={**os.environ, **settings}
    )
    try:
        await until(lambda: _is_at(live, id, 3), within_s=60)  # a process needs its time to start on a busy machine
    finally:
        worker.kill()
        await worker.wait()
    assert (await now(live, id)).state == "running"
    shop.faults()

    async def over() -> bool:
        await asyncio.sleep(0.1)
        await sync.run(live)
        return (await now(live, id)).state != "running"

    await until(over, within_s=30)
    done = await now(live, id)
    assert (done.state, done.products, done.changes) == ("done", 421, 1)
    assert told(await found(live, shop)) == [("1001", "price", 1500, 1700)]


async def _is_at(tools: Tools, id: UUID, page: int) -> bool:
    return ((await now(tools, id)).page or 0) >= page


async def test_stock_in_the_list_sends_purchases_elsewhere_and_back(
    live: Tools, world: World, shop: Shop, simulator_url: str
) -> None:
    """Nothing is left at the preferred shop, and its list says so: nobody even asks there. When it has some again, the
    next order is bought there."""
    other = await open_shop(live, simulator_url, typical_ms=50)
    async with live.db.transaction() as tx:
        await catalog.benefits.add_offer(
            tx, world.benefits["video"], source="supplier", supplier_id=other.id, product_no="1001",
            cost=Money(1500, "CNY"), priority=200, now=live.clock.now(),
        )  # fmt: skip
    for stock, there, elsewhere in ((0, 0, 1), (50, 1, 1)):
        shop.product("1001", stock=stock)
        await read(live, shop)
        assert [h for _, h, _ in await route.seen(live, world.benefits["video"])] == (
            [None, None] if stock else [None, "sold_out"]
        )
        orders = await bought(live, world, 1, f"s{stock}-")
        async with working(live):
            await until(lambda orders=orders: all_done(live, orders))
        assert (shop.delivered(), other.delivered()) == (there, elsewhere)
    assert await found(live, shop) == []


async def test_a_refusal_knows_better_than_a_list_that_lies(
    live: Tools, world: World, shop: Shop, simulator_url: str
) -> None:
    """The list shows stock, every purchase is refused: the order is bought elsewhere once, and reading the list again
    does not send the next ones back."""
    other = await open_shop(live, simulator_url, typical_ms=50)
    async with live.db.transaction() as tx:
        await catalog.benefits.add_offer(
            tx, world.benefits["video"], source="supplier", supplier_id=other.id, product_no="1001",
            cost=Money(1500, "CNY"), priority=200, now=live.clock.now(),
        )  # fmt: skip
    shop.faults({"fault": "stock_lies"})
    await read(live, shop)
    orders = await bought(live, world, 1)
    async with working(live):
        await until(lambda: all_done(live, orders))
    assert (shop.delivered(), other.delivered()) == (0, 1)
    await read(live, shop)
    assert [h for _, h, _ in await route.seen(live, world.benefits["video"])] == [None, "sold_out"]


async def test_a_product_that_is_gone_is_said_once_and_comes_back(live: Tools, world: World, shop: Shop) -> None:
    """It was the last place where the benefit could be had: that is a warning until it is there again."""
    await read(live, shop)
    shop.product("1001")
    shop.product("1102", name="另一个", price_fen=100)
    run = await read(live, shop)
    await read(live, shop)
    assert (run.state, run.gone) == ("done", 1)
    assert told(await found(live, shop)) == [("1001", "gone", "视频会员月卡", None)]
    assert (await warned(live, world))["benefit_unsourced"].level == "critical"
    assert isinstance(live.clock, MovedClock)
    live.clock.ahead += timedelta(hours=1)  # what is gone stays gone
    assert [h for _, h, _ in await route.seen(live, world.benefits["video"])] == ["off_sale"]
    shop.product("1001", name="视频会员月卡", price_fen=1500)
    await read(live, shop)
    assert await found(live, shop) == []
    assert await warned(live, world) == {}
    assert [h for _, h, _ in await route.seen(live, world.benefits["video"])] == [None]
    # Off sale is as good as gone, for routing; people are told what it is.
    shop.product("1001", on_sale=False)
    await read(live, shop)
    assert told(await found(live, shop)) == [("1001", "status", True, False)]
    assert (await warned(live, world))["benefit_unsourced"].numbers["product"] == "1001"


async def test_a_list_that_has_lost_most_of_itself_is_doubted(live: Tools, world: World, shop: Shop) -> None:
    """An empty list with a code of success is a fault of theirs, not the end of their trade."""
    many = [{"id": f"{n}", "name": f"商品 {n}", "price_fen": 100} for n in range(9)]
    shop.settings(products=[*many, {"id": "1001", "name": "视频", "price_fen": 1500}])
    await read(live, shop)
    shop.settings(products=[{"id": "1001", "name": "视频", "price_fen": 1500}])
    run = await read(live, shop)
    assert (run.state, run.gone) == ("doubted", 0)
    assert "10 products" in (run.problem or "")
    assert await found(live, shop, named=False) == []


async def test_a_person_may_know_that_a_doubted_list_is_right(live: Tools, world: World, shop: Shop) -> None:
    """They have closed most of their shop. Until somebody says so it is warned of; then what is not shown is gone,
    but for what our offers name: that is looked at by itself."""
    await shown(live, await begun(live, shop), [*some(1, 9), *some(1001, 1)])
    first = await shown(live, await begun(live, shop), some(1, 2))
    (warning,) = await unread(live, shop)
    assert to_text("syn", first.id) in warning.zh
    assert "10 products" in warning.en
    last = await shown(live, await begun(live, shop), some(1, 2))
    assert (first.state, last.state) == ("doubted", "doubted")
    with pytest.raises(SyncNotDoubted):
        await sync.confirm(live, first.id, by="operator:wang")
    done = await sync.confirm(live, last.id, by="operator:wang")
    assert (done.state, done.gone) == ("done", 7)
    assert "right, says operator:wang" in (done.problem or "")
    gone = [(one.product_no, one.kind) for one in reversed(await found(live, shop, named=False))]
    assert gone == [(f"{number}", "gone") for number in range(3, 10)]
    assert await unread(live, shop) == []
    with pytest.raises(SyncNotDoubted):
        await sync.confirm(live, last.id, by="operator:wang")


async def unread(tools: Tools, shop: Shop) -> list[Warned]:
    """What is warned of their products, after a look around."""
    await lookout.run(tools)
    async with tools.db.reading() as tx:
        return await warning.search(
            tx, state="open", kind="products_unread", level=None, about=to_text("sup", shop.id), text=None,
            now=tools.clock.now(), before=None, limit=9,
        )  # fmt: skip


async def shown(tools: Tools, id: UUID, *pages: Sequence[Product], again: bool = False) -> Sync:
    """A run to which a supplier's list shows these pages one after the other; `again`: the last one for ever."""
    for number in itertools.count():
        lease, rest = new_id(1), len(pages) - number - 1
        async with tools.db.transaction() as tx:
            turn = await syncing.take(tx, id, lease, wall=tools.clock.wall())
        if turn.sync is None:
            break
        told = Told(tuple(pages[min(number, len(pages) - 1)]), number + 2 if rest > 0 or again else None, lists=True)
        await offered.record(tools, turn.sync, lease, told)
        async with tools.db.transaction() as tx:
            await syncing.leave(tx, id, lease)
    return await now(tools, id)


def some(first: int, count: int) -> list[Product]:
    return [Product(f"{number}", f"商品 {number}", price_minor=100) for number in range(first, first + count)]


async def test_pages_that_bring_nothing_new_do_not_end_a_list(live: Tools, world: World, shop: Shop) -> None:
    """A page of what nobody can read, and one that shows the last one's again: what comes after them is there."""
    odd = [Product("", "没有编号")]
    run = await shown(live, await begun(live, shop), some(1, 3), odd, some(1, 3), some(4, 3))
    assert (run.state, run.products, run.unread) == ("done", 6, 1)
    run = await shown(live, await begun(live, shop), some(1, 3), some(1, 3), odd, some(4, 3))
    assert (run.state, run.products, run.gone) == ("done", 6, 0)


async def test_a_list_without_an_end_is_left_and_doubted(live: Tools, world: World, shop: Shop) -> None:
    """It shows its first page for ever: after five of them that is enough, and nothing is taken for gone."""
    await shown(live, await begun(live, shop), some(1, 3), some(4, 1))
    run = await shown(live, await begun(live, shop), some(1, 3), again=True)
    assert (run.state, run.calls, run.products, run.gone) == ("doubted", 1 + syncing.BARREN_MAX, 3, 0)
    assert "nothing new" in (run.problem or "")
    assert await found(live, shop, named=False) == []


async def test_a_price_in_another_currency_holds_the_offer(live: Tools, world: World, shop: Shop) -> None:
    """A low number in dollars is no low price. Nobody has said what it may cost in dollars: a person decides."""
    dollars = Product("1001", "视频", price_minor=300, currency="USD")
    run = await shown(live, await begun(live, shop), [dollars])
    assert (run.changes, run.held) == (1, 1)
    offer = await offer_of(live, world)
    assert (offer.state, offer.cost) == ("held", Money(1500, "CNY"))
    assert "3.00 USD" in (offer.held_why or "")
    said = (await warned(live, world))["offer_held"]
    assert "3.00 USD" in said.zh
    assert "CNY" in said.en
    with pytest.raises(PriceUnsettled):
        await patch(live, offer.id, move="resume")
    (change,) = await found(live, shop)
    with pytest.raises(ChangeCurrency):
        await margins.decide(live, change.id, "accept", by="operator:wang")
    await margins.decide(live, change.id, "dismiss", by="operator:wang")
    assert (await patch(live, offer.id, move="resume")).state == "active"


async def test_of_two_words_about_one_product_in_a_run_the_first_counts(live: Tools, world: World, shop: Shop) -> None:
    """It stands in two categories, at two prices, on one page and on two: no change is found with every run."""
    cheap, dear = replace(some(1001, 1)[0], price_minor=1500), replace(some(1001, 1)[0], price_minor=1900)
    for _ in range(3):
        run = await shown(live, await begun(live, shop), [cheap, dear, *some(1, 2)], [dear, *some(3, 2)])
        assert (run.state, run.products, run.changes) == ("done", 5, 0)
    assert await found(live, shop) == []


async def test_a_list_that_cannot_be_read_changes_nothing(live: Tools, world: World, shop: Shop) -> None:
    await read(live, shop)
    for fault in ("unreadable_body", "error_500_before_accept", "garbled_charset"):
        shop.faults({"fault": fault, "on": "look"})
        run = await read(live, shop)
        assert (run.state, run.gone, run.changes) == ("failed", 0, 0), fault
        assert run.problem
        assert run.calls == syncing.FAILURES_MAX
    shop.faults({"fault": "error_500_before_accept", "on": "look", "times": 2})
    assert [one.kind for one in await unread(live, shop)] == ["products_unread"]
    assert (await read(live, shop)).state == "done"
    assert await unread(live, shop) == []
    assert await found(live, shop) == []


async def test_no_storm(live: Tools, world: World, shop: Shop) -> None:
    """One call at a time within the account's rate, none while its breaker is open, none at a paused account, and the
    schedule spreads what would be due at once."""
    many = [{"id": f"{n}", "name": f"商品 {n}", "price_fen": 100} for n in range(450)]
    shop.settings(products=many)
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set rate_per_s = 2 where id = %(id)s", id=shop.id)
        await breakers.move(tx, shop.id, "open", why="test", by="o", wall=live.clock.wall())
    id, before = await begun(live, shop), shop.received()
    await sync.drive(live, id)
    assert shop.received() == before
    async with live.db.transaction() as tx:
        await breakers.move(tx, shop.id, "closed", why="test", by="o", wall=live.clock.wall())
    started = live.clock.wall()
    await asyncio.gather(*(sync.drive(live, id) for _ in range(3)))
    took = (live.clock.wall() - started).total_seconds()
    # Five pages and the look at 1001: two at once, the others half a second apart.
    assert shop.received() - before >= 6
    assert took > 1.5
    assert (await now(live, id)).products == 450


async def test_the_schedule_reads_each_account_at_its_own_time(live: Tools, world: World, simulator_url: str) -> None:
    assert isinstance(live.clock, MovedClock)
    usual = [await open_shop(live, simulator_url) for _ in range(3)]
    never = await open_shop(live, simulator_url, sync_every_min=0)
    paused = await open_shop(live, simulator_url)
    async with live.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set state = 'paused' where id = %(id)s", id=paused.id)
    await sync.run(live)
    assert [one.received() for one in (*usual, never, paused)] == [0] * 5  # nothing is due yet
    async with live.db.reading() as tx:
        rows = await tx.rows("select id, sync_due_at as due from fulfilment.suppliers")
    dues = {row.id: row.due for row in rows}
    assert dues[never.id] is None
    assert len({dues[one.id] for one in usual}) == 3
    live.clock.ahead += timedelta(minutes=31)
    await asyncio.gather(*(sync.run(live) for _ in range(3)))
    assert [one.received() for one in (*usual, never, paused)] == [1, 1, 1, 0, 0]
    await sync.run(live)
    assert [one.received() for one in usual] == [1, 1, 1]


@pytest.mark.parametrize("dialect", LISTS)
async def test_every_list_that_a_profile_can_read(live: Tools, simulator_url: str, world: World, dialect: str) -> None:
    """A card's price rises at suppliers that speak quite differently: each time a person is asked."""
    shop = await open_shop(live, simulator_url, dialect)
    async with live.db.transaction() as tx:
        await catalog.benefits.add_offer(
            tx, world.benefits["coffee"], source="supplier", supplier_id=shop.id, product_no="1101",
            cost=Money(480, "CNY"), priority=200, now=live.clock.now(),
        )  # fmt: skip
    first = await read(live, shop)
    assert (first.state, first.changes, first.problem) == ("done", 0, None)
    assert first.products >= 1
    shop.product("1101", price_fen=560)
    assert (await read(live, shop)).changes == 1
    assert told(await found(live, shop)) == [("1101", "price", 480, 560)]
    shop.product("1101", price_fen=5600)
    assert (await read(live, shop)).held == 1
    assert told(await found(live, shop)) == [("1101", "price", 560, 5600)]
