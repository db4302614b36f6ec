"""The buyer activates: his accounts release a delivery that waited for them, or a delivered right begins."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from tests.flows.world import World, make_world
from tests.provision.entitlement.making import Validity, Wallet, part

from heyi.flows import activate, buy
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.order import checkout
from heyi.provision.entitlement import Right

PHONE = {"phone": "13800138000"}


async def waiting(tools: Tools, world: World, number: str = "T1") -> tuple[checkout.Order, UUID]:
    """An order without accounts: its top-up waits for the buyer."""
    answer = (await buy.buy(tools, [world.asks(number, accounts={})]))[0]
    assert not isinstance(answer, Refused), answer
    item = next(item for item in answer[0].items if item.component == "video")
    assert item.state == "waiting_for_buyer"
    assert item.entitlement_id is not None
    return answer[0], item.entitlement_id


async def item_state(tools: Tools, order: checkout.Order) -> str:
    async with tools.db.reading() as tx:
        now = await checkout.find(tx, order.id, channel_id=order.channel_id)
    return next(item.state for item in now.items if item.component == "video")


async def task(tools: Tools, right: Right) -> tuple[str, dict[str, object]]:
    async with tools.db.reading() as tx:
        row = await tx.row("select state, request from fulfilment.tasks where item_id = %(id)s", id=right.item_id)
    assert row is not None
    return row.state, dict(row.request.get("accounts", ()))


async def test_accounts_release_the_delivery(tools: Tools) -> None:
    world = await make_world(tools, name="go")
    order, id = await waiting(tools, world)
    right = await activate.activate(tools, world.channel, id, PHONE)
    assert (right.state, right.next_step.step, right.properties.given) == (
        "pending_delivery", "none", {"phone": "****00"},
    )  # fmt: skip
    assert await item_state(tools, order) == "delivering"
    assert await task(tools, right) == ("scheduled", PHONE)


async def test_the_same_accounts_again_answer_the_state_and_others_are_refused(tools: Tools) -> None:
    world = await make_world(tools, name="twice")
    _, id = await waiting(tools, world)
    answers = await asyncio.gather(*[activate.activate(tools, world.channel, id, PHONE) for _ in range(5)])
    assert {right.state for right in answers} == {"pending_delivery"}
    with pytest.raises(Refused, match=r"entitlement\.already_activating"):
        await activate.activate(tools, world.channel, id, {"phone": "13800138001"})
    assert await task(tools, answers[0]) == ("scheduled", PHONE)  # the refusal changed nothing


@pytest.mark.parametrize(("accounts", "code", "pointer"), [
    ({}, "entitlement.account_missing", "/accounts/phone"),
    ({"phone": "12"}, "entitlement.account_malformed", "/accounts/phone"),
])  # fmt: skip
async def test_bad_accounts_leave_everything_waiting(
    tools: Tools, accounts: dict[str, str], code: str, pointer: str
) -> None:
    world = await make_world(tools, name=f"bad-{len(accounts)}")
    order, id = await waiting(tools, world)
    with pytest.raises(Refused) as caught:
        await activate.activate(tools, world.channel, id, accounts)
    assert (caught.value.code, caught.value.pointer) == (code, pointer)
    assert await item_state(tools, order) == "waiting_for_buyer"


async def test_a_strangers_right_is_not_found(tools: Tools) -> None:
    world = await make_world(tools, name="far")
    order, id = await waiting(tools, world)
    with pytest.raises(Refused, match=r"entitlement\.not_found"):
        await activate.activate(tools, uuid4(), id, PHONE)
    assert await item_state(tools, order) == "waiting_for_buyer"


async def test_a_delivered_voucher_begins_when_the_buyer_says_so(tools: Tools) -> None:
    wallet = Wallet(tools)
    waiting = await wallet.grant(part(validity=Validity(days=7, start="activation")))
    assert (waiting.state, waiting.valid_to) == ("pending_activation", None)
    for _ in range(2):
        right = await activate.activate(tools, wallet.channel_id, waiting.id, {})
        assert (right.state, right.valid_from, right.next_step.step) == ("active", tools.clock.now(), "show_code")
