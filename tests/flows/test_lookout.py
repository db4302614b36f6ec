"""What no single step sees is warned of within a minute or so, in words, and cleared when it is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from tests.flows.test_deliver import MovedClock, bought, tasks
from tests.flows.test_report import Reporting
from tests.flows.world import World, make_world
from tests.provision.fulfilment.shops import Shop, open_shop

from heyi.flows import lookout, route, settle
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.ids import new_id, to_text
from heyi.kernel.money import Money
from heyi.offer import catalog, partner
from heyi.offer.partner.model import PARTNER
from heyi.provision import usage
from heyi.provision.fulfilment import accounts
from heyi.watch import journal, warning, webhook
from heyi.watch.warning import Warned


@pytest.fixture
def live(tools: Tools) -> Tools:
    return replace(tools, clock=MovedClock())


async def seen(tools: Tools, kind: str, subject: str, state: str = "open") -> list[Warned]:
    """What is warned of a subject, after another look around."""
    await lookout.run(tools)
    async with tools.db.reading() as tx:
        return await warning.search(
            tx, state=state, kind=kind, level=None, about=subject, text=None, now=tools.clock.now(), before=None,
            limit=10,
        )  # fmt: skip


async def test_a_partner_and_we_differ(tools: Tools) -> None:
    """One warning a partner, however many rights; it ends with the last open drift."""
    shop = Reporting(tools)
    about = to_text("prt", shop.partner_id)
    rights = [await shop.key(), await shop.key()]
    for right in rights:
        assert (await shop.say(right, "cancelled")).drifts == ("we_active_they_ended",)
    [one] = await seen(tools, "drift", about)
    assert one.numbers["count"] == 2
    assert "2" in one.zh
    for drift in await shop.drifts(state="open"):
        await settle.settle(tools, drift.id, "keep", note="asked them", entitlement_id=None, by="operator:ann")
    assert await seen(tools, "drift", about) == []
    assert len(await seen(tools, "drift", about, "cleared")) == 1, "told once"


async def test_a_partner_whose_list_cannot_be_read(tools: Tools) -> None:
    async with tools.db.transaction() as tx:
        name = f"unread-{new_id(1).hex[-8:]}"
        maker = await partner.make_party(tx, PARTNER, code=name, title="x", now=tools.clock.now())
        await usage.sources.make(
            tx, tools.sealing, partner_id=maker.id, protocol="partner_rights", base_url="http://127.0.0.1:1", key="k",
            interval_s=60, fresh_s=3600, now=tools.clock.now() - timedelta(hours=2), wall=tools.clock.wall(),
        )  # fmt: skip
        failed = "update usage.sources set failures = %(n)s, problem = 'HTTP 500' where partner_id = %(id)s"
        await tx.run(failed, n=2, id=maker.id)
    about = to_text("prt", maker.id)
    assert await seen(tools, "partner_unread", about) == [], "twice is no trouble yet"
    async with tools.db.transaction() as tx:
        await tx.run(failed, n=3, id=maker.id)
    [one] = await seen(tools, "partner_unread", about)
    assert name in one.en
    assert "HTTP 500" in one.zh
    async with tools.db.transaction() as tx:
        await tx.run(failed, n=0, id=maker.id)
    assert await seen(tools, "partner_unread", about) == []


async def test_an_operators_webhook_that_was_given_up(tools: Tools) -> None:
    """Nobody would hear of it through that very webhook; its address is shown without its token."""
    now = tools.clock.now()
    holder = journal.holder_of("operator", UUID(int=1)).id
    async with tools.db.transaction() as tx:
        made, _ = await webhook.endpoints.make(
            tx, tools.sealing, holder_kind="operator", holder_id=holder, url="https://ops.example/in?token=t0p",
            events=["*"], description="", now=now,
        )  # fmt: skip
        gone = "update webhook.endpoints set state = 'disabled', disabled_why = %(why)s where id = %(id)s"
        await tx.run(gone, id=made.id, why="nothing arrived for 5 days: HTTP 502")
    about = to_text("whk", made.id)
    [one] = await seen(tools, "webhook_disabled", about)
    assert "https://ops.example/in" in one.en
    assert "t0p" not in str(one)
    async with tools.db.transaction() as tx:
        await webhook.endpoints.change(tx, holder, made.id, state="active", now=now)
    assert await seen(tools, "webhook_disabled", about) == []
    async with tools.db.transaction() as tx:
        await webhook.endpoints.change(tx, holder, made.id, state="disabled", now=now)
    assert await seen(tools, "webhook_disabled", about) == [], "they wanted it so"


@pytest.fixture
async def shops(live: Tools, simulator_url: str) -> list[Shop]:
    return [await open_shop(live, simulator_url) for _ in range(2)]


@pytest.fixture
async def world(live: Tools, shops: list[Shop]) -> World:
    """The video can be had from two suppliers."""
    made = await make_world(live, name=shops[0].name, keys=10)
    async with live.db.transaction() as tx:
        await tx.run(
            "update catalog.offers set supplier_id = %(shop)s, cost_minor = 1500 where supplier_id = %(old)s",
            shop=shops[0].id, old=made.supplier,
        )  # fmt: skip
        await catalog.benefits.add_offer(
            tx, made.benefits["video"], source="supplier", supplier_id=shops[1].id, product_no="1001",
            cost=Money(1500, "CNY"), priority=200, now=live.clock.now(),
        )  # fmt: skip
    return replace(made, supplier=shops[0].id)


def forward(tools: Tools, by: timedelta) -> None:
    tools.clock.ahead += by  # type: ignore[attr-defined]


async def switch(tools: Tools, shop: Shop, move: str) -> None:
    async with tools.db.transaction() as tx:
        await accounts.switch(tx, tools.sealing, shop.id, move, public_url="")


async def test_purchases_that_nobody_can_send(live: Tools, world: World, shops: list[Shop]) -> None:
    """Those that can go elsewhere do so and need no warning; the rest is warned of after a quarter of an hour."""
    orders = await bought(live, world, 2)
    await switch(live, shops[0], "pause")
    await route.leave(live)
    assert {(await _video(live, order)).supplier_id for order in orders} == {shops[1].id}
    about = to_text("sup", shops[1].id)
    await switch(live, shops[1], "pause")
    forward(live, timedelta(minutes=14))
    assert await seen(live, "purchases_wait", about) == []
    forward(live, timedelta(minutes=2))
    assert await seen(live, "purchases_wait", to_text("sup", shops[0].id)) == []
    [one] = await seen(live, "purchases_wait", about)
    assert (one.numbers["count"], one.numbers["minutes"], one.numbers["why"]) == (2, 16, "paused")
    assert "账户已暂停" in one.zh
    await switch(live, shops[1], "resume")
    assert await seen(live, "purchases_wait", about) == []
    await _break(live, shops[1])
    [again] = await seen(live, "purchases_wait", about)
    assert "nothing here speaks dialect gone" in again.en


async def test_a_benefit_on_sale_of_which_nothing_can_be_bought(live: Tools, world: World, shops: list[Shop]) -> None:
    about = to_text("ben", world.benefits["video"])
    await switch(live, shops[0], "pause")
    assert await seen(live, "nothing_to_buy", about) == [], "the other one sells it"
    await route.move(live, shops[1].id, "open", why="their notice", by="operator:test")
    [one] = await seen(live, "nothing_to_buy", about)
    assert (one.level, one.numbers["why"]) == ("critical", "breaker_open, paused")
    assert "账户已暂停" in one.zh
    await route.move(live, shops[1].id, "closed", why="over", by="operator:test")
    [calm] = await seen(live, "nothing_to_buy", about)
    assert calm.calm_since is not None
    forward(live, timedelta(minutes=6))
    assert await seen(live, "nothing_to_buy", about) == []
    await _break(live, shops[1])
    [again] = await seen(live, "nothing_to_buy", about)
    assert again.numbers["why"] == "paused, unusable"
    async with live.db.transaction() as tx:
        await tx.run("update catalog.bundles set sale_to = %(now)s where code = %(code)s", now=live.clock.now(),
                     code=world.bundle)  # fmt: skip
    forward(live, timedelta(minutes=1))
    await lookout.run(live)
    forward(live, timedelta(minutes=6))
    assert await seen(live, "nothing_to_buy", about) == [], "what is not sold is not missed"


async def _break(tools: Tools, shop: Shop) -> None:
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set dialect = 'gone' where id = %(id)s", id=shop.id)


async def _video(tools: Tools, order: Any) -> Row:
    return next(task for task in await tasks(tools, order) if task.kind == "top_up")
