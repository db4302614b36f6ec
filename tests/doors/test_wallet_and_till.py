"""The wallet's and the till's doors, in process: a buyer's channel shows a code, a partner's till redeems it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from tests.flows.world import World, make_world

from heyi.app.web import make_litestar
from heyi.flows import buy
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.offer import partner

Client = AsyncTestClient[Litestar]


@pytest.fixture(scope="module")
async def world(tools: Tools) -> World:
    return await make_world(tools, name="door")


@pytest.fixture(scope="module")
async def client(tools: Tools) -> AsyncIterator[Client]:
    async with AsyncTestClient(make_litestar(tools)) as client:
        yield client


async def key_for(tools: Tools, kind: str, id: UUID) -> dict[str, str]:
    async with tools.db.transaction() as tx:
        made = await partner.make_access_key(tx, kind, id, label="test", now=tools.clock.now())
    return {"Authorization": f"Bearer {made.secret}", "Accept-Language": "en"}


@pytest.fixture(scope="module")
async def channel(tools: Tools, world: World) -> dict[str, str]:
    return await key_for(tools, "channel", world.channel)


@pytest.fixture(scope="module")
async def till(tools: Tools, world: World) -> dict[str, str]:
    return await key_for(tools, "partner", world.partner)


async def bought(tools: Tools, world: World, client: Client, channel: dict[str, str], buyer: str) -> dict[str, dict]:  # type: ignore[type-arg]
    """The buyer's wallet by component, as the channel reads it."""
    answer = (await buy.buy(tools, [world.asks(f"T-{buyer}", buyer, accounts={})]))[0]
    assert not isinstance(answer, Refused), answer
    found = await client.get("/v1/entitlements", params={"buyer": buyer}, headers=channel)
    assert found.status_code == 200, found.text
    return {one["component"]: one for one in found.json()["data"]}


async def test_a_wallet_says_what_is_next(tools: Tools, world: World, client: Client, channel: dict[str, str]) -> None:
    wallet = await bought(tools, world, client, channel, "next")
    steps = {component: right["next_step"]["step"] for component, right in wallet.items()}
    assert steps == {
        "coffee": "reveal",
        "tea": "reveal",
        "lounge": "show_code",
        "course": "reveal",
        "video": "activate",
    }
    assert wallet["video"]["next_step"]["accounts"] == [{"name": "phone", "label": "手机号", "pattern": r"1\d{10}"}]
    assert wallet["video"]["provider"] == {"state": None, "heard_at": None, "fresh": "not_expected"}
    one = (await client.get(f"/v1/entitlements/{wallet['lounge']['id']}", headers=channel)).json()
    assert one == wallet["lounge"]
    active = await client.get("/v1/entitlements", params={"buyer": "next", "state": "active"}, headers=channel)
    assert [right["component"] for right in active.json()["data"]] == ["lounge"]
    page = (await client.get("/v1/entitlements", params={"buyer": "next", "limit": 3}, headers=channel)).json()
    rest = await client.get(
        "/v1/entitlements", params={"buyer": "next", "cursor": page["next_cursor"]}, headers=channel
    )
    assert len({right["id"] for right in page["data"] + rest.json()["data"]}) == 5


async def test_keys_links_and_accounts(tools: Tools, world: World, client: Client, channel: dict[str, str]) -> None:
    wallet = await bought(tools, world, client, channel, "keys")
    shown = await client.post(f"/v1/entitlements/{wallet['coffee']['id']}/reveal", headers=channel)
    assert shown.status_code == 200
    assert shown.json()["code"].startswith("door-coffee-")
    link = await client.post(f"/v1/entitlements/{wallet['course']['id']}/reveal", headers=channel)
    assert link.json()["link"] == "https://learn.example/r"
    path = f"/v1/entitlements/{wallet['video']['id']}/activate"
    bad = await client.post(path, json={"accounts": {"phone": "12"}}, headers=channel)
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/accounts/phone")
    good = await client.post(path, json={"accounts": {"phone": "13800138000"}}, headers=channel)
    assert (good.status_code, good.json()["accounts"]) == (200, {"phone": "****00"})
    other = await client.post(path, json={"accounts": {"phone": "13800138001"}}, headers=channel)
    assert (other.status_code, other.json()["code"]) == (409, "entitlement.already_activating")


async def test_a_voucher_from_code_to_reversal(
    tools: Tools, world: World, client: Client, channel: dict[str, str], till: dict[str, str]
) -> None:
    wallet = await bought(tools, world, client, channel, "till")
    tools.clock.forward(timedelta(seconds=30))  # type: ignore[attr-defined]
    code = (await client.post(f"/v1/entitlements/{wallet['lounge']['id']}/code", headers=channel)).json()
    assert (code["step_seconds"], code["qr_text"]) == (30, code["code"])
    asked = {"code": code["qr_text"], "units": 2, "till": "store-3/till-1", "request_no": "R1"}
    made = await client.post("/v1/redemptions/prepare", json=asked, headers=till)
    assert (made.status_code, made.json()["state"], made.json()["holding"]["units_left"]) == (201, "prepared", 0)
    again = await client.post("/v1/redemptions/prepare", json=asked, headers=till)
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    used = await client.post("/v1/redemptions/prepare", json={**asked, "request_no": "R2"}, headers=till)
    assert (used.status_code, used.json()["code"]) == (409, "redemption.code_used")
    path = f"/v1/redemptions/{made.json()['id']}"
    done = (await client.post(f"{path}/confirm", headers=till)).json()
    assert (done["state"], done["holding"]["state"], done["cost"]["amount_minor"]) == ("redeemed", "ended", 1000)
    assert (await client.post(f"{path}/release", headers=till)).json()["code"] == "redemption.not_prepared"
    assert (await client.post(f"{path}/reverse", headers=till)).json()["holding"]["state"] == "active"
    assert (await client.get(path, headers=till)).json()["state"] == "reversed"
    listed = (await client.get("/v1/redemptions", params={"state": "reversed"}, headers=till)).json()["data"]
    assert [(one["id"], "holding" in one) for one in listed] == [(made.json()["id"], False)]


BAD = [
    {}, {"code": 1}, {"units": 0}, {"units": 10**9}, {"till": ""}, {"till": "x" * 201},
    {"request_no": "a\x00b"}, {"request_no": "x" * 65}, {"more": 1}, {"code": "x" * 201},
]  # fmt: skip


@pytest.mark.parametrize("change", BAD)
async def test_bad_bodies_are_problems(client: Client, till: dict[str, str], change: dict[str, object]) -> None:
    body = {"code": "hello", "till": "t", "request_no": "R", **change}
    answer = await client.post("/v1/redemptions/prepare", json=body, headers=till)
    assert answer.status_code == (400 if change else 422)
    assert answer.json()["errors"][0]["pointer"] == "/" + next(iter(change), "code")


async def test_wrong_ids_and_wrong_callers(client: Client, channel: dict[str, str], till: dict[str, str]) -> None:
    for id in ("x", "ent_01", "rdm_00000000000000000000000000", "ent_00000000000000000000000000"):
        assert (await client.get(f"/v1/entitlements/{id}", headers=channel)).status_code == 404
        assert (await client.get(f"/v1/redemptions/{id}", headers=till)).status_code == 404
        assert (await client.post(f"/v1/redemptions/{id}/confirm", headers=till)).status_code == 404
    assert (await client.get("/v1/redemptions", headers=channel)).status_code == 403
    assert (await client.get("/v1/entitlements", params={"buyer": "u"}, headers=till)).status_code == 403
    assert (await client.get("/v1/entitlements", headers=channel)).status_code == 400
