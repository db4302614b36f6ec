"""When there is not enough: keys, money, patience. And what only a person can deliver."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest
from tests import alliance
from tests.stack import Stack, until

BUYERS, LAST = 200, 50


def test_sold_out_waits_and_is_filled_oldest_first(stack: Stack) -> None:
    """No key of this kind was ever there. Three orders wait, in their order; two keys arrive and go to the first two,
    then a third to the third; a fourth order finds nothing again. None is lost, none gets a fake key."""
    orders = [stack.order("rare", f"waiter-{number}") for number in range(3)]
    assert [order["items"][0]["state"] for order in orders] == ["waiting_for_stock"] * 3
    right = orders[0]["items"][0]["entitlement"]
    assert stack.channel.refused("POST", f"/entitlements/{right}/reveal").status == 409
    alliance.import_keys(stack, "rare", ["rare-1", "rare-2"])
    codes = [_code(stack, order) for order in orders[:2]]
    assert sorted(codes) == ["rare-1", "rare-2"]
    assert stack.item(orders[2], "rare")["state"] == "waiting_for_stock"
    alliance.import_keys(stack, "rare", ["rare-3"])
    assert _code(stack, orders[2]) == "rare-3"
    assert stack.order("rare", "late")["items"][0]["state"] == "waiting_for_stock"
    alliance.import_keys(stack, "rare", ["rare-4"])
    stack.audit()


def _code(stack: Stack, order: dict[str, Any]) -> str:
    item = stack.until_item(order, order["items"][0]["component"], "delivered")
    code: str = stack.channel.post(f"/entitlements/{item['entitlement']}/reveal")["code"]
    return code


def test_a_deposit_too_low_refuses_the_whole_order(stack: Stack) -> None:
    """A channel with 100.00 buys for 99.00 twice. The second is refused in clear words, nothing of it is done, and the
    same order number succeeds once money has come."""
    poor = stack.caller(alliance.key_of(stack, "channels", stack.channels["poor"]))
    poor.post("/orders", stack.order_body("link", number="poor-1"))
    before = _placed(stack)
    body = stack.order_body("five", number="poor-2", accounts={"phone": "13800138000"})
    problem = poor.refused("POST", "/orders", json=body, headers={"Accept-Language": "en"})
    assert (problem.status, problem.code) == (402, "ledger.deposit_too_low")
    assert "9900" in problem.body["detail"]
    assert _placed(stack) == before
    assert poor.get("/balance")["balance"]["amount_minor"] == 100
    quoted = poor.post("/orders/quote", body)
    assert (quoted["accepted"], quoted["refused"]["code"]) == (False, "ledger.deposit_too_low")
    topped = {"amount": {"amount_minor": 10_000, "currency": "CNY"}, "key": "slip-1"}
    for _ in range(2):  # the same slip counts once
        stack.operator.post(f"/channels/{stack.channels['poor']}/deposit", topped)
    assert poor.post("/orders", body)["status"]["payment"] == "paid"
    assert poor.get("/balance")["balance"]["amount_minor"] == 200
    stack.audit()


def _placed(stack: Stack) -> dict[str, int]:
    """What placing an order writes; the worker's own tables move by themselves."""
    wanted = ("checkout.", "entitlement.", "stock.keys", "fulfilment.tasks")
    return {name: rows for name, rows in stack.counts().items() if name.startswith(wanted)}


@pytest.mark.parametrize("bundle", ["gold", "silver"])
async def test_two_hundred_buyers_for_the_last_fifty_keys(stack: Stack, bundle: str) -> None:
    """Everybody at once, over two web processes. Exactly fifty get a key, each a different one; the others wait for
    stock (gold) or are refused (silver), as the bundle says."""
    alliance.import_keys(stack, bundle, [f"{bundle}-{number}" for number in range(LAST)])
    bodies = [stack.order_body(bundle, f"{bundle}-{number}") for number in range(BUYERS)]
    answers = await _at_once(stack, bodies)
    statuses = Counter(answer.status_code for answer in answers)
    sold = [answer.json() for answer in answers if answer.status_code == 201]
    delivered = [order for order in sold if order["items"][0]["state"] == "delivered"]
    assert len(delivered) == LAST
    if bundle == "gold":
        assert statuses == {201: BUYERS}
        assert Counter(order["items"][0]["state"] for order in sold) == {"delivered": 50, "waiting_for_stock": 150}
    else:
        assert statuses == {201: LAST, 409: BUYERS - LAST}
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"stock.sold_out"}
    codes = {stack.channel.post(f"/entitlements/{o['items'][0]['entitlement']}/reveal")["code"] for o in delivered}
    assert len(codes) == LAST
    twice = stack.rows("select item_id from stock.keys where item_id is not null group by item_id having count(*) > 1")
    assert not twice
    stack.audit()


async def _at_once(stack: Stack, bodies: list[dict[str, Any]], **headers: str) -> list[httpx2.Response]:
    """Send them all, half to each web process."""
    headers = {"Authorization": f"Bearer {stack.channel.key}", **headers}
    limits = httpx2.Limits(max_connections=len(bodies))
    async with httpx2.AsyncClient(headers=headers, limits=limits, timeout=60, trust_env=False) as http:
        return await asyncio.gather(
            *[http.post(f"{stack.urls[n % len(stack.urls)]}/v1/orders", json=body) for n, body in enumerate(bodies)]
        )


async def test_twenty_connections_with_one_order_number(stack: Stack) -> None:
    """A nervous channel sends the same order over twenty connections to two processes: one order, one charge."""
    before = stack.channel.get("/balance")["balance"]["amount_minor"]
    body = stack.order_body("link", "nervous", number="nervous-1")
    answers = await _at_once(stack, [body] * 20)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert all(a.headers["Idempotent-Replayed"] == "true" for a in answers if a.status_code == 200)
    assert before - stack.channel.get("/balance")["balance"]["amount_minor"] == 9900
    other = stack.channel.refused("POST", "/orders", json={**body, "quantity": 2})
    assert (other.status, other.code) == (409, "order.number_reused")
    # Where the buyer sat is not part of what was asked.
    moved = {**body, "buyer": {**body["buyer"], "ip": "10.0.0.1", "device_id": "d"}}
    assert stack.channel.raw("POST", "/orders", json=moved).status_code == 200


async def test_idempotency_keys(stack: Stack) -> None:
    """Any POST may be sent again under its key: the same answer comes back; the key with another body is refused; and
    of twenty at once, one runs."""
    path = f"/channels/{stack.channel_id}/deposit"
    body = {"amount": {"amount_minor": 1, "currency": "CNY"}, "key": "idem"}
    first = stack.operator.raw("POST", path, json=body, headers={"Idempotency-Key": "k-1"})
    again = stack.operator.raw("POST", path, json=body, headers={"Idempotency-Key": "k-1"})
    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    reused = stack.operator.refused("POST", path, json={**body, "memo": "x"}, headers={"Idempotency-Key": "k-1"})
    assert (reused.status, reused.code) == (422, "idempotency.key_reused")

    made = {"code": "idem", "title": "idem"}
    headers = {"Authorization": f"Bearer {stack.operator_key}", "Idempotency-Key": "k-2"}
    async with httpx2.AsyncClient(headers=headers, timeout=60, trust_env=False) as http:
        answers = await asyncio.gather(
            *[http.post(f"{stack.urls[n % 2]}/v1/operator/partners", json=made) for n in range(20)]
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    # A refusal is an answer as well; another caller's key is another key.
    refused = [stack.operator.raw("POST", "/partners", json=made, headers={"Idempotency-Key": "k-3"}) for _ in range(2)]
    assert [answer.status_code for answer in refused] == [409, 409]
    assert refused[1].headers["content-type"].startswith("application/problem+json")


def test_goods_and_services_are_finished_by_people(stack: Stack) -> None:
    """A mug is to be sent and a driver to be called: both wait for a person, who resolves their tasks with a proof."""
    missing = stack.channel.refused("POST", "/orders", json=stack.order_body("hands"))
    assert (missing.status, missing.body["errors"][0]["pointer"]) == (422, "/ship_to")
    where = {"name": "王小明", "phone": "13800138000", "address": "上海市静安区 1 号"}
    order = stack.order("hands", "collector", ship_to=where)
    assert {item["state"] for item in order["items"]} == {"delivering"}
    mine = {item["id"] for item in order["items"]}
    tasks = until(lambda: _tasks(stack, mine))
    for task in tasks:
        resolved = {"outcome": "delivered", "proof": "顺丰 SF1234567890"}
        stack.operator.post(f"/tasks/{task['id']}/resolve", resolved)
    for part in ("mug", "driver"):
        stack.until_item(order, part, "delivered")
    assert stack.now(order)["status"]["fulfilment"] == "done"
    stack.audit()


def _tasks(stack: Stack, items: set[str]) -> list[Any] | None:
    found = [task for task in stack.operator.every("/tasks", state="waiting_for_person") if task["item"] in items]
    return found if len(found) == len(items) else None
