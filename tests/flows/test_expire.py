"""What ends by itself: rights past their last moment, promises whose till fell silent."""

from __future__ import annotations

import asyncio

import pytest
from tests.flows.redeeming import Shop
from tests.provision.entitlement.making import Validity, part

from heyi.flows import expire, redeem
from heyi.infra.tools import Tools


@pytest.fixture
def shop(tools: Tools) -> Shop:
    return Shop(tools)


async def test_what_was_not_used_is_earned_at_the_end(tools: Tools, shop: Shop) -> None:
    """One of three units used, two lapse: the share is earned to the fen, the cost is only that of the used one."""
    right = await shop.voucher(units=3, days=1, share=1000, cost=500)
    await shop.redeem(right)
    shop.forward(days=1)
    assert await expire.run(tools) == 1
    over = await shop.see(right)
    assert (over.state, over.ended_why, over.ended_at) == ("ended", "expired", tools.clock.now())
    assert await shop.books(right) == {"earned": 1000, "cost": 167, "payable": 167}
    assert (await shop.facts(right))[-1] == "entitlement.ended"
    assert await expire.run(tools) == 0


async def test_a_share_earned_at_delivery_lapses_without_an_entry(tools: Tools, shop: Shop) -> None:
    right = await shop.wallet.grant(part("card_key", validity=Validity(days=1)))
    shop.forward(days=1)
    assert await expire.run(tools) == 1
    assert await shop.books(right) == {"earned": 0, "cost": 0, "payable": 0}


async def test_a_right_waits_for_the_till_that_holds_it(tools: Tools, shop: Shop) -> None:
    """Prepared a moment before the end: the confirm counts; without one the promise goes first, then the right."""
    confirmed, silent = [await shop.voucher(units=2, days=1, share=1000, cost=500) for _ in range(2)]
    shop.forward(hours=23, minutes=58, seconds=30)
    first, second = await shop.prepare(confirmed), await shop.prepare(silent)
    shop.forward(seconds=45)
    assert await expire.run(tools) == 0
    assert (await redeem.confirm(tools, shop.partner_id, first.id))[0].state == "redeemed"
    assert await expire.run(tools) == 1
    shop.forward(minutes=2)
    assert await expire.run(tools) == 2
    assert [(await shop.see(right)).ended_why for right in (confirmed, silent)] == ["expired", "expired"]
    assert await shop.books(confirmed) == {"earned": 1000, "cost": 250, "payable": 250}
    assert await shop.books(silent) == {"earned": 1000, "cost": 0, "payable": 0}
    assert (await redeem.read(tools, shop.partner_id, second.id))[0].state == "expired"


async def test_a_reversal_after_the_end_does_not_revive_and_leaves_nothing_unearned(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=2, days=1, share=1000, cost=500)
    made = await shop.redeem(right)
    shop.forward(days=1)
    await expire.run(tools)
    _, held = await redeem.reverse(tools, shop.partner_id, made.id)
    assert (held.state, held.ended_why, held.units_left) == ("ended", "expired", 2)
    assert await shop.books(right) == {"earned": 1000, "cost": 0, "payable": 0}


async def test_a_used_up_right_reopened_past_its_end_lapses(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=1, days=1, share=1000, cost=500)
    made = await shop.redeem(right)
    shop.forward(days=2)
    assert await expire.run(tools) == 0
    _, held = await redeem.reverse(tools, shop.partner_id, made.id)
    assert held.state == "active"
    assert await expire.run(tools) == 1
    assert await shop.books(right) == {"earned": 1000, "cost": 0, "payable": 0}


async def test_many_end_in_batches_shared_by_workers(tools: Tools, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expire, "BATCH_MAX", 7)
    grants = [shop.wallet.plan(part(units=2, validity=Validity(days=1), share=100)) for _ in range(60)]
    rights = await shop.wallet.grant_all(grants)
    shop.forward(days=1)
    assert sum(await asyncio.gather(*[expire.run(tools) for _ in range(4)])) + await expire.run(tools) == 60
    assert [(await shop.books(right))["earned"] for right in rights] == [100] * 60


async def test_burned_codes_are_forgotten_after_a_day(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=3)
    await shop.redeem(right)
    shop.forward(days=2)
    await shop.redeem(right)
    await expire.run(tools)
    async with tools.db.reading() as tx:
        rows = await tx.rows("select * from redemption.burned where entitlement_id = %(id)s", id=right.id)
    assert len(rows) == 1
