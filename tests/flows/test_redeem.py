"""A voucher at a partner's till.

The buyer shows a code, the till prepares and confirms; or it releases, comes late, is refused, takes it back.
"""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from tests.flows.redeeming import Shop

from heyi.flows import expire, redeem
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.provision.redemption import Redemption


@pytest.fixture
def shop(tools: Tools) -> Shop:
    return Shop(tools)


async def refusal(act) -> str:  # type: ignore[no-untyped-def]
    """The code that an awaited call is refused with."""
    with pytest.raises(Refused) as caught:
        await act
    return caught.value.code


async def test_a_unit_is_used_at_a_till(tools: Tools, shop: Shop) -> None:
    """Prepared: reserved, not used. Confirmed: used, its share earned, its cost owed to the partner."""
    right = await shop.voucher(units=3, share=1000, cost=500)
    made, held, again = await redeem.prepare(tools, shop.asked(await shop.code(right)))
    assert (made.state, held.units_left, again) == ("prepared", 2, False)
    assert await shop.units(right) == (2, 1, 0)
    assert await shop.books(right) == {"earned": 0, "cost": 0, "payable": 0}
    shop.forward(seconds=5)
    done, held = await redeem.confirm(tools, shop.partner_id, made.id)
    assert (done.state, done.redeemed_at, held.state) == ("redeemed", tools.clock.now(), "active")
    assert await shop.units(right) == (2, 0, 1)
    assert await shop.books(right) == {"earned": 333, "cost": 167, "payable": 167}
    assert await shop.facts(right) == ["redemption.prepared", "redemption.redeemed"]


async def test_the_last_unit_ends_the_right_and_earns_the_last_fen(shop: Shop) -> None:
    right = await shop.voucher(units=3, share=1000, cost=500)
    for _ in range(3):
        await shop.redeem(right)
    over = await shop.see(right)
    assert (over.state, over.ended_why) == ("ended", "used_up")
    assert await shop.books(right) == {"earned": 1000, "cost": 500, "payable": 500}
    assert (await shop.facts(right))[-2:] == ["redemption.redeemed", "entitlement.ended"]


async def test_a_share_earned_at_delivery_is_not_earned_again(shop: Shop) -> None:
    right = await shop.voucher(units=1, earn_on="delivery", share=1000, cost=500)
    await shop.redeem(right)
    assert await shop.books(right) == {"earned": 0, "cost": 500, "payable": 500}


async def test_two_tills_scan_the_same_code_in_the_same_second(tools: Tools, shop: Shop) -> None:
    """Exactly one wins; the other hears that the code was used, however many units are left."""
    for units in (1, 5):
        right = await shop.voucher(units=units)
        code = await shop.code(right)
        asked = [shop.asked(code, till=f"till-{n}") for n in range(8)]
        answers = await asyncio.gather(*[redeem.prepare(tools, one) for one in asked], return_exceptions=True)
        assert [isinstance(a, tuple) for a in answers].count(True) == 1
        assert {a.code for a in answers if isinstance(a, Refused)} == {"redemption.code_used"}
        assert await shop.units(right) == (units - 1, 1, 0)
    assert (await shop.refusals()).count(("prepare", "redemption.code_used")) == 14


async def test_many_tills_for_the_last_unit(tools: Tools, shop: Shop) -> None:
    """Three fresh codes, one unit: one till gets it, whoever comes first."""
    right = await shop.voucher(units=1)
    asked = [shop.asked((await redeem.show_code(tools, right.channel_id, right.id)).text)]
    for _ in range(2):
        shop.forward(seconds=30)
        asked.append(shop.asked((await redeem.show_code(tools, right.channel_id, right.id)).text))
    shop.forward(seconds=-30)  # now all three are fresh
    answers = await asyncio.gather(*[redeem.prepare(tools, one) for one in asked], return_exceptions=True)
    shop.forward(seconds=30)
    made = [a[0] for a in answers if isinstance(a, tuple)]
    assert len(made) == 1
    assert {a.code for a in answers if isinstance(a, Refused)} == {"entitlement.exhausted"}
    done = await asyncio.gather(*[redeem.confirm(tools, shop.partner_id, made[0].id) for _ in range(6)])
    assert {one.state for one, _ in done} == {"redeemed"}
    assert await shop.units(right) == (0, 0, 1)
    assert (await shop.facts(right)).count("redemption.redeemed") == 1


async def test_a_refused_attempt_leaves_the_code_and_the_number_free(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=1)
    code = await shop.code(right)
    assert await refusal(redeem.prepare(tools, shop.asked(code, units=2, request_no="N1"))) == "entitlement.exhausted"
    made, _, _ = await redeem.prepare(tools, shop.asked(code, units=1, request_no="N1"))
    assert made.request_no == "N1"
    assert await shop.refusals() == [("prepare", "entitlement.exhausted")]


async def test_the_same_request_number_answers_the_same_redemption(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher()
    asked = shop.asked(await shop.code(right))
    answers = await asyncio.gather(*[redeem.prepare(tools, asked) for _ in range(6)])
    assert len({made.id for made, _, _ in answers}) == 1
    assert sorted(again for _, _, again in answers) == [False] + [True] * 5
    await redeem.confirm(tools, shop.partner_id, answers[0][0].id)
    shop.forward(hours=1)
    made, _, again = await redeem.prepare(tools, asked)
    assert (made.state, again) == ("redeemed", True)
    other = shop.asked(await shop.code(right), request_no=asked.request_no)
    assert await refusal(redeem.prepare(tools, other)) == "redemption.request_no_reused"
    stranger = Shop(tools)
    theirs = await stranger.voucher()
    made, _, again = await redeem.prepare(
        tools, stranger.asked(await stranger.code(theirs), request_no=asked.request_no)
    )
    assert not again


async def test_released_units_come_back(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=2)
    made = await shop.prepare(right, 2)
    for _ in range(2):
        assert (await redeem.release(tools, shop.partner_id, made.id))[0].state == "released"
    assert await shop.units(right) == (2, 0, 0)
    assert await refusal(redeem.confirm(tools, shop.partner_id, made.id)) == "redemption.not_prepared"
    assert await shop.refusals() == [("confirm", "redemption.not_prepared")]


async def test_a_silent_till_loses_its_promise(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=2)
    mine, other = await shop.prepare(right), await shop.prepare(right)
    shop.forward(seconds=120 - 30)
    await expire.run(tools)
    assert (await redeem.read(tools, shop.partner_id, mine.id))[0].state == "expired"
    assert (await redeem.read(tools, shop.partner_id, other.id))[0].state == "prepared"
    assert await shop.units(right) == (1, 1, 0)
    assert (await shop.facts(right))[-1] == "redemption.expired"


@pytest.mark.parametrize("swept", [True, False])
async def test_a_late_confirm_takes_the_units_again(tools: Tools, shop: Shop, swept: bool) -> None:
    """Whether or not the periodic job came by in between: the same outcome."""
    right = await shop.voucher(units=1, share=1000, cost=500)
    made = await shop.prepare(right)
    shop.forward(minutes=10)
    if swept:
        await expire.run(tools)
    done, held = await redeem.confirm(tools, shop.partner_id, made.id)
    assert (done.state, held.ended_why, done.ended_at) == ("redeemed", "used_up", None)
    assert await shop.books(right) == {"earned": 1000, "cost": 500, "payable": 500}


@pytest.mark.parametrize("swept", [True, False])
async def test_a_late_confirm_fails_when_somebody_else_took_them(tools: Tools, shop: Shop, swept: bool) -> None:
    right = await shop.voucher(units=2, days=1)
    taken, ended = await shop.prepare(right, 1), await shop.prepare(right, 1)
    shop.forward(minutes=10)
    if swept:
        await expire.run(tools)
        await shop.redeem(right, 2)
        assert await refusal(redeem.confirm(tools, shop.partner_id, taken.id)) == "redemption.expired"
    shop.forward(hours=23, minutes=55)
    assert await refusal(redeem.confirm(tools, shop.partner_id, ended.id)) == "redemption.expired"
    assert ("confirm", "redemption.expired") in await shop.refusals()
    await expire.run(tools)
    assert (await shop.see(right)).state == "ended"
    assert (await shop.units(right))[1] == 0


async def test_a_reversal_reopens_a_used_up_right_and_undoes_the_books(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=2, share=1001, cost=501)
    first, last = await shop.redeem(right), await shop.redeem(right)
    for _ in range(2):
        undone, held = await redeem.reverse(tools, shop.partner_id, first.id)
        assert (undone.state, held.state, held.units_left) == ("reversed", "active", 1)
    assert await shop.books(right) == {"earned": last.share.amount_minor, "cost": last.cost.amount_minor,
                                       "payable": last.cost.amount_minor}  # fmt: skip
    await shop.redeem(right)
    assert await shop.books(right) == {"earned": 1001, "cost": 501, "payable": 501}
    assert (await shop.see(right)).ended_why == "used_up"
    assert await refusal(redeem.confirm(tools, shop.partner_id, first.id)) == "redemption.not_prepared"


async def test_only_what_was_redeemed_can_be_reversed(tools: Tools, shop: Shop) -> None:
    made = await shop.prepare(await shop.voucher())
    assert await refusal(redeem.reverse(tools, shop.partner_id, made.id)) == "redemption.not_redeemed"


async def test_another_partner_sees_and_uses_nothing(tools: Tools, shop: Shop) -> None:
    right, stranger = await shop.voucher(), Shop(tools)
    code = await shop.code(right)
    assert await refusal(redeem.prepare(tools, stranger.asked(code))) == "entitlement.not_found"
    assert await stranger.refusals() == [("prepare", "entitlement.not_found")]
    made = (await redeem.prepare(tools, shop.asked(code)))[0]  # the stranger burned nothing
    for word in (redeem.confirm, redeem.release, redeem.reverse, redeem.read):
        assert await refusal(word(tools, stranger.partner_id, made.id)) == "redemption.not_found"
    assert await stranger.list() == []


async def test_every_bad_code_is_refused_and_kept(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher()
    code = await shop.code(right)
    wrong = code[:-1] + ("0" if code[-1] != "0" else "1")
    assert await refusal(redeem.prepare(tools, shop.asked("hello"))) == "redemption.code_malformed"
    shop.forward(seconds=1)
    assert await refusal(redeem.prepare(tools, shop.asked(wrong))) == "redemption.code_wrong"
    shop.forward(seconds=60)
    assert await refusal(redeem.prepare(tools, shop.asked(code))) == "redemption.code_stale"
    assert [reason for _, reason in await shop.refusals()] == [
        "redemption.code_malformed", "redemption.code_wrong", "redemption.code_stale",
    ]  # fmt: skip


async def test_a_held_voucher_is_not_shown_prepared_or_confirmed(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher()
    made, code = await shop.prepare(right), await shop.code(right)
    await shop.wallet.hold(right, "dispute")
    assert await refusal(redeem.show_code(tools, right.channel_id, right.id)) == "entitlement.held"
    assert await refusal(redeem.prepare(tools, shop.asked(code))) == "entitlement.held"
    assert await refusal(redeem.confirm(tools, shop.partner_id, made.id)) == "entitlement.held"


async def test_codes_are_for_vouchers_of_this_channel(tools: Tools, shop: Shop) -> None:
    right, link = await shop.voucher(), await shop.wallet.grant_link()
    assert await refusal(redeem.show_code(tools, uuid4(), right.id)) == "entitlement.not_found"
    assert await refusal(redeem.show_code(tools, link.channel_id, link.id)) == "entitlement.no_code"


async def test_lists_filter_and_page(tools: Tools, shop: Shop) -> None:
    right = await shop.voucher(units=9)
    done = await shop.redeem(right)
    shop.forward(minutes=1)
    middle = tools.clock.now()
    made = await shop.prepare(right)

    def ids(found: list[Redemption]) -> list[object]:
        return [one.id for one in found]

    assert ids(await shop.list()) == [made.id, done.id]
    assert ids(await shop.list(before=made.id)) == [done.id]
    assert ids(await shop.list(state="redeemed")) == [done.id]
    assert ids(await shop.list(since=middle)) == [made.id]
    assert ids(await shop.list(till="till-1")) == [made.id, done.id]
    assert ids(await shop.list(till="till-9")) == []
