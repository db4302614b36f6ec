"""The worker's round at a supplier, against the simulator as a process of its own, with its faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from tests.learned import learned
from tests.provision.fulfilment.making import attempts_of, forward, part, planned, round_at, task_of, until
from tests.provision.fulfilment.shops import Shop, open_shop

from heyi.flows import deliver, resolve
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.talk import Accepted, Cure, Declined, Delivered, NotFound, Unknown
from heyi.provision import stock
from heyi.provision.fulfilment import accounts, desk
from heyi.provision.fulfilment.suppliers import DIALECTS, engine, profile
from heyi.settle import ledger
from heyi.settle.ledger.model import prepaid_at

BOTH = ("kasushou", "fulu")


@pytest.fixture(autouse=True)
def _learned() -> Iterator[None]:
    """Their document does not say how 福禄 refuses; somebody has published what was seen."""
    known = engine.compile(profile.read(learned("fulu")))
    with patch.dict(DIALECTS, {"fulu": replace(known, grace_ms=0)}):
        yield


@pytest.fixture(autouse=True)
def _real_time(tools: Tools) -> None:
    """Signatures carry real time, so the standing clock stands now; it is only ever moved by minutes."""
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)


async def settled(tools: Tools, shop: Shop, plan: Any, *, minutes: int = 30, step_s: int = 10) -> str:
    """Rounds, with the clock moving in between, until the task neither sends nor asks."""
    for _ in range(minutes):
        await round_at(tools, shop.id)
        state = (await task_of(tools, plan)).state
        if state not in ("scheduled", "sending", "asking"):
            return str(state)
        await asyncio.sleep(0.03)  # the supplier works in real time
        forward(tools, seconds=step_s)
    return str((await task_of(tools, plan)).state)


@pytest.mark.parametrize("dialect", BOTH)
async def test_accepted_then_delivered(tools: Tools, simulator_url: str, dialect: str) -> None:
    shop = await open_shop(tools, simulator_url, dialect)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    (first,) = await round_at(tools, shop.id)
    assert isinstance(first, Accepted)
    task, (attempt,) = await task_of(tools, plan), await attempts_of(tools, plan)
    assert (task.state, task.lease, attempt.state, attempt.supplier_number) == (
        "asking", None, "accepted", first.supplier_number,
    )  # fmt: skip
    assert len(attempt.outer_number) <= 50
    assert await settled(tools, shop, plan) == "delivered"
    (attempt,) = await attempts_of(tools, plan)
    assert (attempt.state, attempt.cost_minor, shop.delivered()) == ("delivered", 1500, 1)
    async with tools.db.reading() as tx:
        calls = await tx.rows("select * from fulfilment.calls where attempt_id = %(id)s order by at", id=attempt.id)
        said = " ".join(f"{call.request} {call.response}" for call in calls)
    assert next(call.verb for call in calls) == "submit"
    assert "13800138000" not in said
    assert "secret-key" not in said


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"fault": "timeout_after_accept", "hold_ms": 3000}, "timeout"),
        ({"fault": "error_500_after_accept"}, "HTTP 500"),
        ({"fault": "unreadable_body"}, "unreadable"),
        ({"fault": "wrong_status", "what": "code"}, "unmapped code 9797"),
        ({"fault": "wrong_status", "what": "status"}, None),  # only 福禄's answer to a purchase shows one
        ({"fault": "garbled_charset"}, None),
    ],
    ids=lambda value: value["fault"] + value.get("what", "") if isinstance(value, dict) else "",
)
async def test_silence_is_not_no(
    tools: Tools, simulator_url: str, dialect: str, fault: dict[str, Any], told: str | None
) -> None:
    shop = await open_shop(tools, simulator_url, dialect, timeout_ms=200)
    shop.faults({**fault, "times": 1})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    (first,) = await round_at(tools, shop.id)
    if told:
        assert isinstance(first, Unknown)
        assert told in first.why
        assert (await task_of(tools, plan)).state == "asking"
    assert await settled(tools, shop, plan) == "delivered"
    assert (shop.delivered(), len(await attempts_of(tools, plan))) == (1, 1)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("fault", ["timeout_before_accept", "error_500_before_accept"])
async def test_never_arrived_goes_again_under_its_number(
    tools: Tools, simulator_url: str, dialect: str, fault: str
) -> None:
    shop = await open_shop(tools, simulator_url, dialect, timeout_ms=200, grace_ms=60_000)
    shop.faults({"fault": fault, "times": 1, "hold_ms": 3000})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    assert isinstance((await round_at(tools, shop.id))[0], Unknown)
    forward(tools, seconds=30)
    assert await round_at(tools, shop.id) == [NotFound()]
    assert (await task_of(tools, plan)).state == "asking", "within the grace it may still turn up"
    assert await settled(tools, shop, plan) == "delivered"
    (attempt,) = await attempts_of(tools, plan)
    assert (attempt.submits, attempt.number, shop.delivered()) == (2, 1, 1)
    assert {order["outer"] for order in shop.orders()} == {attempt.outer_number}


@pytest.mark.parametrize("dialect", BOTH)
async def test_hidden_for_a_while_is_not_bought_twice(tools: Tools, simulator_url: str, dialect: str) -> None:
    shop = await open_shop(tools, simulator_url, dialect, grace_ms=60_000)
    hidden = {"fault": "query_not_found_for_ms", "delay_ms": 300, "times": 1}
    shop.faults({"fault": "error_500_after_accept", "times": 1}, hidden)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    forward(tools, seconds=5)
    assert await round_at(tools, shop.id) == [NotFound()]
    await asyncio.sleep(0.35)
    assert await settled(tools, shop, plan) == "delivered"
    assert (shop.delivered(), len(shop.orders())) == (1, 1)


@pytest.mark.parametrize("dialect", BOTH)
@pytest.mark.parametrize("fault", ["sold_out", "balance_empty"])
async def test_a_passing_no_is_tried_again(tools: Tools, simulator_url: str, dialect: str, fault: str) -> None:
    shop = await open_shop(tools, simulator_url, dialect)
    shop.faults({"fault": fault, "times": 2})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    assert isinstance((await round_at(tools, shop.id))[0], Declined)
    task = await task_of(tools, plan)
    assert task.state == "scheduled"
    assert 9 <= (task.due_at - tools.clock.now()).total_seconds() <= 11
    assert await settled(tools, shop, plan) == "delivered"
    assert [one.state for one in await attempts_of(tools, plan)] == ["declined", "declined", "delivered"]
    assert shop.delivered() == 1


async def test_a_wrong_account_goes_back_to_the_buyer(tools: Tools, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id, accounts={"phone": "bad0000"}))
    await round_at(tools, shop.id)
    task = await task_of(tools, plan)
    assert (task.state, task.problem.split()[0]) == ("waiting_for_buyer", "account")


async def test_a_price_above_our_cost_needs_a_person(tools: Tools, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    shop.faults({"fault": "price_rise", "percent": 20})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    task = await task_of(tools, plan)
    assert (task.state, task.problem.split()[0], shop.delivered()) == ("waiting_for_person", "price", 0)


@pytest.mark.parametrize("dialect", BOTH)
async def test_failed_for_good_needs_a_person(tools: Tools, simulator_url: str, dialect: str) -> None:
    shop = await open_shop(tools, simulator_url, dialect)
    shop.faults({"fault": "fail_after_accept"})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    assert await settled(tools, shop, plan) == "waiting_for_person"
    assert (await task_of(tools, plan)).problem.startswith("recharge ")
    assert [one.state for one in await attempts_of(tools, plan)] == ["failed"]


async def test_ten_workers_keep_one_limit(tools: Tools, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url, slots=5)
    await planned(tools, *[part(tools.clock.now(), supplier=shop.id) for _ in range(30)])
    claims = await asyncio.gather(*[deliver.claim(tools, shop.id, most=100) for _ in range(10)])
    assert sum(len(errands) for errands, _ in claims) == 5
    again, more = await deliver.claim(tools, shop.id, most=100)
    assert (again, more) == ([], True)


async def test_what_is_claimed_ahead_waits_for_a_talk_of_its_own_worker(tools: Tools, simulator_url: str) -> None:
    """Two slots, and two errands more for the moment when they are free: nobody else may use a slot meanwhile, and what
    is held already is not taken again."""
    shop = await open_shop(tools, simulator_url, slots=2)
    await planned(tools, *[part(tools.clock.now(), supplier=shop.id) for _ in range(6)])
    errands, _ = await deliver.claim(tools, shop.id, most=100, ahead=2)
    assert [one.ahead for one in errands] == [False, False, True, True]
    assert await deliver.claim(tools, shop.id, most=100) == ([], True)
    assert await deliver.claim(tools, shop.id, most=100, held=2, ahead=2) == ([], True)
    # One talk has ended and another one has begun in its place: there is no slot, and room for one more ahead.
    ended = {errands[0].task_id: errands[0].lease}
    more, _ = await deliver.claim(tools, shop.id, most=100, ended=ended, held=1, ahead=2)
    assert [one.ahead for one in more] == [True]
    # Both are over, and nothing was waiting here: their slots are free.
    ended |= {one.task_id: one.lease for one in errands}
    last, _ = await deliver.claim(tools, shop.id, most=100, ended=ended, held=1)
    assert [one.ahead for one in last] == [False]


async def test_a_dead_workers_task_is_asked_about(tools: Tools, simulator_url: str) -> None:
    """The process died after the supplier accepted, before anything was recorded."""
    shop = await open_shop(tools, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    await deliver.talk(tools, errand)  # … and the result is lost
    await deliver.rescue(tools)
    assert (await task_of(tools, plan)).state == "sending", "its lease still holds"
    forward(tools, seconds=10)
    await deliver.rescue(tools)
    assert (await task_of(tools, plan)).state == "asking"
    assert await settled(tools, shop, plan) == "delivered"
    assert (shop.delivered(), len(shop.orders())) == (1, 1)


async def test_a_result_after_the_lease_moves_nothing_unless_delivered(tools: Tools, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    shop.settings(work_ms=0)
    slow, done = await planned(tools, *[part(tools.clock.now(), supplier=shop.id) for _ in range(2)])
    errands, _ = await deliver.claim(tools, shop.id, most=2)
    by_task = {errand.task_id: errand for errand in errands}
    talked = await deliver.talk(tools, by_task[done.id])
    finished = replace(talked, answer=Delivered("S-1", (), 1500))  # such as a dialect that fills at once answers
    forward(tools, seconds=10)
    await deliver.rescue(tools)
    late = [deliver.Result(by_task[slow.id], Declined("sold_out", Cure.OTHER_OFFER)), finished]
    await deliver.record(tools, late)
    assert (await task_of(tools, slow)).state == "asking"
    assert (await task_of(tools, done)).state == "delivered"


async def test_no_call_starts_with_too_little_lease(tools: Tools, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    forward(tools, seconds=5.5)
    result = await deliver.talk(tools, errand)
    assert isinstance(result.answer, Unknown)
    assert (result.exchanges, shop.orders()) == ((), [])
    await deliver.record(tools, [result])
    assert await settled(tools, shop, plan) == "delivered"


async def test_a_fault_of_ours_is_unknown_too(
    tools: Tools, simulator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our reading of the answer breaks after they accepted: asked about, not bought again."""
    shop = await open_shop(tools, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    with monkeypatch.context() as broken:
        broken.setattr("heyi.provision.fulfilment.suppliers.reading.code_text", None)
        (answer,) = await round_at(tools, shop.id)
    assert answer == Unknown("our own fault TypeError")
    assert await settled(tools, shop, plan) == "delivered"
    assert (shop.delivered(), len(shop.orders())) == (1, 1)


async def test_a_paused_account_buys_nothing_and_still_asks(tools: Tools, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    (bought,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (waits,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    async with tools.db.transaction() as tx:
        await accounts.switch(tx, tools.sealing, shop.id, "pause", public_url="")
    assert await settled(tools, shop, bought) == "delivered"
    assert (await task_of(tools, waits)).state == "scheduled"
    async with tools.db.transaction() as tx:
        await accounts.switch(tx, tools.sealing, shop.id, "resume", public_url="")
    assert await settled(tools, shop, waits) == "delivered"


@pytest.mark.parametrize("dialect", BOTH)
async def test_cards_of_a_supplier_reach_the_vault(tools: Tools, simulator_url: str, dialect: str) -> None:
    shop = await open_shop(tools, simulator_url, dialect)
    (plan,) = await planned(
        tools, part(tools.clock.now(), kind="card_key", supplier=shop.id, source="supplier", product_no="1101")
    )
    assert await settled(tools, shop, plan) == "delivered"
    async with tools.db.transaction() as tx:
        shown = await stock.reveal(tx, tools.sealing, [plan.item_id], by="test", now=tools.clock.now())
        calls = await tx.rows("select response from fulfilment.calls")
    card = shown[plan.item_id]
    assert card.secret is not None
    assert card.secret.startswith("PW-")
    assert not [
        call for call in calls if call.response and (card.secret in call.response or card.code in call.response)
    ]


@pytest.mark.parametrize(("fault", "problem"), [("partial_cards", "unknown"), ("duplicate_card", "repeated_card")])
async def test_cards_that_are_no_good_wait_for_a_person(
    tools: Tools, simulator_url: str, fault: str, problem: str
) -> None:
    shop = await open_shop(tools, simulator_url)
    benefit = UUID(int=77)
    for_card = {"kind": "card_key", "supplier": shop.id, "source": "supplier", "product_no": "1101", "benefit": benefit}
    (first,) = await planned(tools, part(tools.clock.now(), **for_card))
    assert await settled(tools, shop, first) == "delivered"
    shop.faults({"fault": fault})
    (plan,) = await planned(tools, part(tools.clock.now(), **for_card))
    step_s = 10 if problem == "repeated_card" else 300  # what is unknown is asked about for four hours
    assert await settled(tools, shop, plan, minutes=3000, step_s=step_s) == "waiting_for_person"
    assert (await task_of(tools, plan)).problem.split()[0] == problem
    assert len(shop.orders()) == 2
    # What nobody can use was paid for all the same: once, however often it was looked at.
    lost = await _lost(tools, shop)
    assert lost == ([480] if problem == "repeated_card" else [])


async def _lost(tools: Tools, shop: Shop) -> list[int]:
    """What differences cost at this supplier."""
    async with tools.db.reading() as tx:
        lines = await ledger.lines(tx, prepaid_at(shop.id), before=None, limit=100)
    return [-line.amount_minor for line in lines if line.kind == "difference.accrued"]


async def test_a_late_confession_delivers_or_is_listed(tools: Tools, simulator_url: str) -> None:
    """The supplier said failed, and delivered all the same: the item has it, unless it ended otherwise."""
    shop = await open_shop(tools, simulator_url)
    shop.faults({"fault": "lie_failed_then_success", "delay_ms": 100})
    waits, ended = await planned(tools, *[part(tools.clock.now(), supplier=shop.id) for _ in range(2)])
    for plan in (waits, ended):
        assert await settled(tools, shop, plan) == "waiting_for_person"
    await resolve.resolve(tools, ended.id, "failed", proof="", note="refunded by hand", by="operator:test")
    await until(lambda: _told(shop, 2))
    for plan in (waits, ended):
        await resolve.query(tools, plan.id, by="operator:test")
    assert [type(one) for one in await round_at(tools, shop.id)] == [Delivered, Delivered]
    assert (await task_of(tools, waits)).state == "delivered"
    assert (await task_of(tools, ended)).state == "failed"
    async with tools.db.reading() as tx:
        listed = await desk.differences(tx, before=None, limit=10)
    assert ended.item_id in [one.item_id for one in listed]
    assert waits.item_id not in [one.item_id for one in listed]
    assert await _lost(tools, shop) == [1500]


async def _told(shop: Shop, count: int) -> bool:
    return shop.delivered() == count


@pytest.mark.parametrize("kind", ["top_up", "card_key"])
async def test_where_only_their_number_is_asked_for_a_lost_answer_is_asked_for_by_sending_again(
    tools: Tools, simulator_url: str, kind: str
) -> None:
    """dujiao-next takes a number once: the repetition tells the first order's number, and the next query uses it."""
    shop = await open_shop(tools, simulator_url, "dujiao_next")
    shop.faults({"fault": "error_500_after_accept", "times": 1})
    number = "1001" if kind == "top_up" else "1101"
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id, kind=kind, product_no=number))
    (first,) = await round_at(tools, shop.id)
    assert isinstance(first, Unknown)
    assert await settled(tools, shop, plan) == "delivered"
    (attempt,) = await attempts_of(tools, plan)
    assert attempt.supplier_number
    assert (shop.delivered(), len(shop.orders())) == (1, 1)
