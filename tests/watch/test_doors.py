"""The doors of webhooks and events, as a channel and a partner see them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from litestar import Litestar, Router
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.testing import AsyncTestClient
from tests.watch.receiver import Receiver
from tests.watch.world import forward, paid, send_due, state

from heyi.doors.access import Doorman, caller_of
from heyi.doors.idempotency import Idempotency
from heyi.doors.open_api.v1 import events, webhooks
from heyi.doors.problems import on_crash, on_http, on_refused
from heyi.flows import tell
from heyi.infra.http import Http
from heyi.infra.tools import Tools
from heyi.kernel.errors import Refused
from heyi.kernel.facts import Fact
from heyi.offer import partner


@dataclass
class Caller:
    """A channel or a partner with its key."""

    id: UUID
    headers: dict[str, str]
    client: AsyncTestClient[Litestar]

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        answer = await self.client.request(method, f"/v1{path}", json=body, headers={**self.headers, **headers})
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
async def client(live: Tools) -> AsyncIterator[AsyncTestClient[Litestar]]:
    app = Litestar(
        [Router("/v1", route_handlers=[*webhooks.HANDLERS, *events.HANDLERS])],
        dependencies={
            "tools": Provide(lambda: live, sync_to_thread=False),
            "caller": Provide(caller_of, sync_to_thread=False),
        },
        middleware=[Idempotency()],
        exception_handlers={Refused: on_refused, HTTPException: on_http, Exception: on_crash},
        logging_config=None,
    )
    app.state.tools, app.state.doorman = live, Doorman(live)
    async with AsyncTestClient(app) as made:
        yield made


async def make_caller(tools: Tools, client: AsyncTestClient[Litestar], kind: str, code: str) -> Caller:
    now = tools.clock.now()
    async with tools.db.transaction() as tx:
        party = await partner.make_party(tx, kind, code=code, title=code, now=now)
        key = await partner.make_access_key(tx, kind, party.id, label="test", now=now)
    return Caller(party.id, {"authorization": f"Bearer {key.secret}"}, client)


async def test_a_channel_runs_its_webhooks(
    live: Tools, http: Http, receiver: Receiver, client: AsyncTestClient[Litestar]
) -> None:
    """Register, be told, look at the log, rotate, fail, ask for it again, change, delete."""
    channel = await make_caller(live, client, "channel", "runs-webhooks")
    status, made = await channel.call("POST", "/webhook_endpoints", {"url": receiver.url})
    assert status == 201
    assert made["secret"].startswith("whsec_")
    assert made["events"] == ["*"]
    here = f"/webhook_endpoints/{made['id']}"
    assert "secret" not in (await channel.call("GET", here))[1]
    assert [one["id"] for one in (await channel.call("GET", "/webhook_endpoints"))[1]["data"]] == [made["id"]]

    await tell.those_concerned(live, await state(live, [paid(channel.id)]))
    await send_due(live, http)
    assert receiver.got[0].verifies(made["secret"])
    status, log = await channel.call("GET", f"{here}/deliveries?state=delivered&limit=1")
    (delivery,) = log["data"]
    assert (delivery["event_id"], delivery["tries"][0]["status"]) == (receiver.got[0].id, 204)

    status, rotated = await channel.call("POST", f"{here}/rotate")
    assert status == 200
    status, again = await channel.call("POST", f"{here}/deliveries/{delivery['id']}/resend")
    assert (status, again["state"]) == (202, "waiting")
    await send_due(live, http)
    assert receiver.got[1].verifies(made["secret"])
    assert receiver.got[1].verifies(rotated["secret"])

    status, _ = await channel.call("POST", f"{here}/resend", {"since": live.clock.now().isoformat()})
    assert status == 202
    status, off = await channel.call("PATCH", here, {"state": "disabled", "events": ["order.paid"]})
    assert (status, off["state"], off["events"]) == (200, "disabled", ["order.paid"])
    status, problem = await channel.call("POST", f"{here}/resend", {"since": live.clock.now().isoformat()})
    assert (status, problem["code"]) == (409, "webhook.endpoint_disabled")
    assert (await channel.call("DELETE", here))[0] == 204
    assert (await channel.call("GET", here))[0] == 404


async def test_a_partner_polls_its_events(live: Tools, client: AsyncTestClient[Litestar]) -> None:
    mine = await make_caller(live, client, "partner", "polls-events")
    other = await make_caller(live, client, "partner", "polls-others")
    redeemed = [
        Fact("redemption.redeemed", {"redemption": f"rdm_{n}", "units": 1}, partner_id=mine.id, buyer="u-1")
        for n in range(5)
    ]
    await tell.those_concerned(live, await state(live, redeemed))
    status, page = await mine.call("GET", "/events?limit=3")
    assert (status, len(page["data"]), page["has_more"]) == (200, 3, True)
    status, rest = await mine.call("GET", f"/events?limit=3&cursor={page['next_cursor']}")
    assert [one["subject"] for one in page["data"] + rest["data"]] == [f"rdm_{n}" for n in range(5)]
    assert not rest["has_more"]
    assert "buyer" not in rest["data"][0]["data"]
    forward(live, minutes=5)
    since = live.clock.now().isoformat().replace("+00:00", "Z")
    failed = Fact("item.failed", {}, partner_id=mine.id)
    await tell.those_concerned(live, await state(live, [failed]))
    for query in (f"cursor={rest['next_cursor']}", f"since={since}", "type=item.failed"):
        status, page = await mine.call("GET", f"/events?{query}")
        assert [one["type"] for one in page["data"]] == ["item.failed"], query
    assert (await other.call("GET", "/events"))[1]["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"url": "ftp://x.example/"}, 422, "/url"),
        ({"url": 5}, 400, "/url"),
        ({}, 400, None),
        ({"url": "https://x.example/", "events": ["order.payed"]}, 422, "/events/0"),
        ({"url": "https://x.example/", "events": []}, 400, "/events"),
        ({"url": "https://x.example/", "more": 1}, 400, None),
        ({"url": "https://x.example/", "description": "a\u0000b"}, 400, "/description"),
    ],
)
async def test_bad_endpoints(
    live: Tools, client: AsyncTestClient[Litestar], body: object, status: int, pointer: str | None
) -> None:
    code = f"bad-{abs(hash(str(body)))}"
    channel = await make_caller(live, client, "channel", code)
    found, problem = await channel.call("POST", "/webhook_endpoints", body)
    assert found == status, problem
    assert problem["code"]
    if pointer:
        assert problem["errors"][0]["pointer"] == pointer


@pytest.mark.parametrize(
    "path",
    ["/events?cursor=evt_zz", "/events?cursor=x", "/events?since=yesterday", "/events?since=2026-01-01T00:00:00",
     "/events?limit=0", "/events?limit=9999",
     "/webhook_endpoints?cursor=whk_1"],
)  # fmt: skip
async def test_bad_questions(live: Tools, client: AsyncTestClient[Litestar], path: str) -> None:
    channel = await make_caller(live, client, "channel", f"asks-{abs(hash(path))}")
    status, problem = await channel.call("GET", path)
    assert status == 400, problem


async def test_strangers_and_unknown_ids_sound_the_same(
    live: Tools, receiver: Receiver, client: AsyncTestClient[Litestar]
) -> None:
    owner = await make_caller(live, client, "channel", "owns")
    stranger = await make_caller(live, client, "channel", "strange")
    _, made = await owner.call("POST", "/webhook_endpoints", {"url": receiver.url})
    for id in (made["id"], "whk_01hzzzzzzzzzzzzzzzzzzzzzzz", "nonsense", "ord_" + made["id"][4:]):
        for method, path, body in (
            ("GET", "", None), ("PATCH", "", {"description": "x"}), ("DELETE", "", None), ("POST", "/rotate", None),
            ("GET", "/deliveries", None), ("POST", "/resend", {"since": "2026-01-01T00:00:00Z"}),
            ("POST", "/deliveries/dlv_01hzzzzzzzzzzzzzzzzzzzzzzz/resend", None),
        ):  # fmt: skip
            status, _ = await stranger.call(method, f"/webhook_endpoints/{id}{path}", body)
            assert status == 404, (method, path, id)
