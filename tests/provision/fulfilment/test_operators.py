"""What operators do with supplier accounts and tasks, through the doors."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
from tests.provision.fulfilment.making import attempts_of, forward, part, planned, round_at, task_of
from tests.provision.fulfilment.shops import open_shop

from heyi.app.web import make_litestar
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import new_id, to_text
from heyi.offer import partner

Client = httpx2.AsyncClient
NEW = {
    "code": "fulu-one", "title": "福禄一号", "dialect": "fulu", "base_url": "http://127.0.0.1:1/fulu/",
    "credentials": {"app_key": "ak", "secret": "very-secret"},
}  # fmt: skip


@pytest.fixture(autouse=True)
def _real_time(tools: Tools) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)


@pytest.fixture(scope="module")
async def client(tools: Tools) -> AsyncIterator[Client]:
    async with tools.db.transaction() as tx:
        made = await partner.make_access_key(tx, "operator", new_id(1), label="test", now=tools.clock.now())
    # In this event loop, so that the app may call suppliers through the tools of the tests.
    transport = httpx2.ASGITransport(app=make_litestar(tools))  # type: ignore[arg-type]
    async with httpx2.AsyncClient(transport=transport, base_url="http://heyi") as client:
        client.headers.update({"Authorization": f"Bearer {made.secret}", "Accept-Language": "en"})
        yield client


async def ask(client: Client, method: str, path: str, expect: int = 200, **more: Any) -> Any:
    reply = await client.request(method, f"/v1/operator{path}", **more)
    assert reply.status_code == expect, reply.text
    assert "very-secret" not in reply.text
    return reply.json()


async def test_an_accounts_life(tools: Tools, client: Client) -> None:
    made = await ask(client, "POST", "/suppliers", 201, json=NEW)
    assert (made["base_url"], made["grace_ms"], made["state"]) == ("http://127.0.0.1:1/fulu", 0, "active")
    assert made["callback_url"].startswith(f"{tools.settings.public_url}/callbacks/")
    assert await ask(client, "GET", f"/suppliers/{made['id']}") == made
    for change, code, pointer in (
        ({}, "supplier.code_taken", "/code"),
        ({"code": "x", "dialect": "smoke"}, "supplier.dialect_unknown", "/dialect"),
        ({"code": "x", "credentials": {"app_key": "a"}}, "supplier.credentials_wrong", "/credentials"),
        ({"code": "x", "credentials": {"app_key": "a", "secret": "b", "more": "c"}}, "supplier.credentials_wrong",
         "/credentials"),
    ):  # fmt: skip
        refused = await client.post("/v1/operator/suppliers", json={**NEW, **change})
        assert refused.status_code in (409, 422), refused.text
        problem = refused.json()
        assert (problem["code"], problem["errors"][0]["pointer"]) == (code, pointer)
    path = f"/suppliers/{made['id']}"
    assert (await ask(client, "PATCH", path, json={"slots": 3, "title": "福禄"}))["slots"] == 3
    assert (await ask(client, "POST", f"{path}/pause"))["state"] == "paused"
    await ask(client, "POST", f"{path}/pause", 409)
    assert [one["code"] for one in (await ask(client, "GET", "/suppliers?search=福禄&state=paused"))["data"]] == [
        "fulu-one"
    ]
    assert (await ask(client, "POST", f"{path}/resume"))["state"] == "active"
    checked = await ask(client, "POST", f"{path}/check")
    assert (checked["ok"], checked["balance"]) == (False, None)
    await ask(client, "GET", f"/suppliers/{to_text('sup', new_id(1))}", 404)


async def test_accounts_come_in_pages(tools: Tools, client: Client) -> None:
    for number in range(3):
        await ask(client, "POST", "/suppliers", 201, json={**NEW, "code": f"page-{number}"})
        forward(tools, seconds=1)
    first = await ask(client, "GET", "/suppliers?search=page-&limit=2")
    rest = await ask(client, "GET", f"/suppliers?search=page-&limit=2&cursor={first['next_cursor']}")
    assert [one["code"] for one in first["data"] + rest["data"]] == ["page-2", "page-1", "page-0"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("dialect", ["kasushou", "fulu"])
async def test_the_check_reads_our_balance(tools: Tools, client: Client, simulator_url: str, dialect: str) -> None:
    shop = await open_shop(tools, simulator_url, dialect)
    shop.settings(balance_fen=123_456)
    checked = await ask(client, "POST", f"/suppliers/{to_text('sup', shop.id)}/check")
    assert (checked["ok"], checked["balance"]) == (True, {"amount_minor": 123_456, "currency": "CNY"})
    wrong = {"user_id": "10001", "key": "bad"} if dialect == "kasushou" else {"app_key": "10001", "secret": "bad"}
    await ask(client, "PATCH", f"/suppliers/{to_text('sup', shop.id)}", json={"credentials": wrong})
    checked = await ask(client, "POST", f"/suppliers/{to_text('sup', shop.id)}/check")
    assert checked["ok"] is False
    assert "signature" in checked["problem"]


async def test_tasks_are_listed_shown_and_decided(tools: Tools, client: Client, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    order = new_id(1, 7)
    goods, bought = await planned(
        tools, part(tools.clock.now(), kind="physical"), part(tools.clock.now(), supplier=shop.id), order=order
    )
    await round_at(tools, shop.id)
    goods_id, bought_id = to_text("tsk", goods.id), to_text("tsk", bought.id)

    async def listed(query: str) -> set[str]:
        return {one["id"] for one in (await ask(client, "GET", f"/tasks?{query}"))["data"]}

    (attempt,) = await attempts_of(tools, bought)
    since = (tools.clock.now() + timedelta(seconds=1)).isoformat().replace("+", "%2B")
    assert await listed(f"order={to_text('ord', order)}") == {goods_id, bought_id}
    assert await listed(f"order={to_text('ord', order)}&state=waiting_for_person") == {goods_id}
    assert await listed(f"supplier={to_text('sup', shop.id)}") == {bought_id}
    assert await listed(f"supplier={to_text('sup', shop.id)}&stuck_since={since}") == {bought_id}
    assert await listed("stuck_since=2020-01-01T00:00:00Z") == set()
    assert await listed(f"search={attempt.outer_number}") == {bought_id}
    assert await listed(f"search={to_text('itm', goods.item_id)}") == {goods_id}
    assert await listed("search=nothing") == set()
    shown = await ask(client, "GET", f"/tasks/{bought_id}")
    assert (shown["accounts"], shown["state"]) == ({"phone": "****00"}, "asking")
    ((tried,), calls) = (shown["tried"], shown["tried"][0]["calls"])
    assert (tried["outer_number"], tried["state"], calls[0]["verb"]) == (attempt.outer_number, "accepted", "submit")
    assert "13800138000" not in str(shown)
    assert (await ask(client, "GET", f"/tasks/{goods_id}"))["ship_to"]["name"] == "王"
    # A query now: due at once. Then a person's word about the goods.
    assert (await task_of(tools, bought)).due_at > tools.clock.now()
    await ask(client, "POST", f"/tasks/{bought_id}/query")
    assert (await task_of(tools, bought)).due_at == tools.clock.now()
    await ask(client, "POST", f"/tasks/{bought_id}/retry", 409)
    await ask(client, "POST", f"/tasks/{goods_id}/query", 409)
    await ask(client, "POST", f"/tasks/{goods_id}/resolve", 422, json={"outcome": "delivered"})
    await ask(client, "POST", f"/tasks/{goods_id}/resolve", 400, json={"outcome": "lost"})
    ended = await ask(client, "POST", f"/tasks/{goods_id}/resolve", json={"outcome": "delivered", "proof": "SF123"})
    assert (ended["state"], ended["resolution"]["proof"]) == ("delivered", "SF123")
    assert ended["resolution"]["by"].startswith("operator:")
    await ask(client, "GET", f"/tasks/{to_text('tsk', new_id(1))}", 404)


async def test_a_retry_skips_the_gap(tools: Tools, client: Client, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    shop.faults({"fault": "sold_out", "times": 1})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    assert (await task_of(tools, plan)).due_at > tools.clock.now()
    await ask(client, "POST", f"/tasks/{to_text('tsk', plan.id)}/retry")
    assert (await task_of(tools, plan)).due_at == tools.clock.now()
    await round_at(tools, shop.id)
    assert [one.state for one in await attempts_of(tools, plan)] == ["declined", "accepted"]
