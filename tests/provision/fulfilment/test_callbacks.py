"""Suppliers call back, through the door: kept, checked, acknowledged, and never more than a reason to ask."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient
from tests.provision.fulfilment.making import attempts_of, forward, part, planned, round_at, task_of, until
from tests.provision.fulfilment.shops import Shop, open_shop, secret_of

from heyi.app.web import make_litestar
from heyi.flows import attention, deliver, hear
from heyi.infra.db import Row
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock, millis
from heyi.kernel.ids import to_text
from heyi.provision.fulfilment import accounts
from heyi.provision.fulfilment.hearing import DOUBTFUL_MAX, Arrived
from heyi.provision.fulfilment.suppliers import DIALECTS, Callback, Heard, Refusal
from heyi.watch import warning
from simulator import signing

Client = AsyncTestClient[Litestar]
_n = itertools.count()
SPEAKERS = ("kasushou", "fulu")


@pytest.fixture(autouse=True)
def _real_time(tools: Tools) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)


@pytest.fixture(scope="module")
async def client(tools: Tools) -> AsyncIterator[Client]:
    async with AsyncTestClient(make_litestar(tools)) as client:
        yield client


async def path_of(tools: Tools, shop: Shop) -> str:
    async with tools.db.reading() as tx:
        found = await accounts.find(tx, tools.sealing, shop.id, public_url="")
    return found.callback_url


def message(tools: Tools, shop: Shop, outer: str) -> dict[str, Any]:
    secret = secret_of(shop.name)
    if shop.dialect == "kasushou":
        at = str(millis(tools.clock.wall()))
        told: dict[str, Any] = {"external_orderno": outer, "status": "3", "time": at}
        return {
            **told,
            "sign": signing.kasushou(at, told, secret),
            "card_list": [{"card_no": "C-9"}],
        }
    finished = tools.clock.wall().astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")
    told = {"customer_order_no": outer, "order_status": "success", "charge_finish_time": finished}
    return {**told, "sign": signing.fulu(told, secret)}


async def kept(tools: Tools, shop: Shop) -> list[Row]:
    async with tools.db.reading() as tx:
        return await tx.rows(
            "select * from fulfilment.callbacks where supplier_id = %(id)s order by received_at, ctid", id=shop.id
        )


@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_a_callback_makes_the_query_due_and_moves_nothing(
    tools: Tools, client: Client, simulator_url: str, dialect: str
) -> None:
    shop = await open_shop(tools, simulator_url, dialect, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    assert (await task_of(tools, plan)).due_at > tools.clock.now()
    for _ in range(2):  # a repeat is acknowledged like the first
        answer = await client.post(path, json=message(tools, shop, attempt.outer_number))
        assert (answer.status_code, answer.text) == (200, {"kasushou": "ok", "fulu": "SUCCESS"}[dialect])
    task = await task_of(tools, plan)
    assert (task.state, task.due_at) == ("asking", tools.clock.now())
    rows = await kept(tools, shop)
    assert [(row.verdict, row.outer_number) for row in rows] == [
        ("trusted", attempt.outer_number), ("repeat", attempt.outer_number)
    ]  # fmt: skip
    assert b"C-9" not in bytes(rows[0].body)
    opened = tools.sealing.open_secret(bytes(rows[0].body), f"callback:{rows[0].id}")
    assert json.loads(opened.encode("latin-1"))


async def test_a_callback_before_the_answer_asks_right_after_it(
    tools: Tools, client: Client, simulator_url: str
) -> None:
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    await client.post(await path_of(tools, shop), json=message(tools, shop, errand.outer_number))
    assert (await task_of(tools, plan)).state == "sending"
    await deliver.record(tools, [await deliver.talk(tools, errand)])
    task = await task_of(tools, plan)
    assert (task.state, task.due_at, task.heard) == ("asking", tools.clock.now(), False)


@pytest.mark.parametrize("dialect", SPEAKERS)
async def test_what_is_not_trusted_is_kept_and_does_nothing(
    tools: Tools, client: Client, simulator_url: str, dialect: str
) -> None:
    shop = await open_shop(tools, simulator_url, dialect, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    good = message(tools, shop, attempt.outer_number)
    for body, verdict in (
        (json.dumps({**good, "sign": "0" * 40}).encode(), "unsigned"),
        (json.dumps({name: value for name, value in good.items() if name != "sign"}).encode(), "unsigned"),
        (b"\xff\x00 no json", "unreadable"),
        (b"[" * 60_000, "unreadable"),
        (b"", "unreadable"),
    ):
        answer = await client.post(path, content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.text) == (400, "not trusted"), body[:20]
        assert (await kept(tools, shop))[-1].verdict == verdict
    stranger = await client.post(path, json=message(tools, shop, "01k742sg00eq9aqqfvrzv91hqh-1"))
    assert stranger.status_code == 200, "it is signed: calling again would not help"
    assert (await kept(tools, shop))[-1].verdict == "stranger"
    forward(tools, days=2)
    (attempt,) = await attempts_of(tools, plan)
    assert (await client.post(path, json=good)).status_code == 400
    assert (await kept(tools, shop))[-1].verdict == "stale"
    assert (await task_of(tools, plan)).heard is False


async def test_nobodys_address_and_too_much(tools: Tools, client: Client, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    for path in ("/callbacks/nobody", "/callbacks/" + "x" * 5000, "/callbacks/%00", "/callbacks/%ff"):
        assert (await client.post(path, json={})).status_code in (400, 404), path
    path = await path_of(tools, shop)
    assert (await client.post(path, content=b"x" * 70_000)).status_code == 413
    assert await kept(tools, shop) == []
    assert (await client.get(path)).status_code == 405


async def test_another_accounts_number_is_a_strangers(tools: Tools, client: Client, simulator_url: str) -> None:
    mine, theirs = [await open_shop(tools, simulator_url, typical_ms=60_000) for _ in range(2)]
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=theirs.id))
    await round_at(tools, theirs.id)
    (attempt,) = await attempts_of(tools, plan)
    await client.post(await path_of(tools, mine), json=message(tools, mine, attempt.outer_number))
    assert (await kept(tools, mine))[-1].verdict == "stranger"
    assert (await task_of(tools, plan)).due_at > tools.clock.now()


async def test_a_callback_about_a_failed_number_looks_once_more(
    tools: Tools, client: Client, simulator_url: str
) -> None:
    """They said no for good, then deliver and call: the item has it after all."""
    shop = await open_shop(tools, simulator_url)
    shop.settings(work_ms=0)
    shop.faults({"fault": "lie_failed_then_success", "delay_ms": 0})
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    for _ in range(50):
        await round_at(tools, shop.id)
        if (task := await task_of(tools, plan)).state in ("waiting_for_person", "delivered"):
            break
        forward(tools, seconds=10)
    if task.state == "waiting_for_person":
        (attempt,) = await attempts_of(tools, plan)
        assert (
            await client.post(await path_of(tools, shop), json=message(tools, shop, attempt.outer_number))
        ).is_success
        await round_at(tools, shop.id)
    assert (await task_of(tools, plan)).state == "delivered"


@pytest.mark.parametrize("dialect", SPEAKERS)
@pytest.mark.parametrize("fault", ["callback_twice", "callback_out_of_order", "callback_unsigned", "callback_tampered"])
async def test_what_the_other_side_really_sends(tools: Tools, simulator_url: str, dialect: str, fault: str) -> None:
    """Signed by the simulator's own code, caught in its receiver, judged by ours."""
    trusted = fault in ("callback_twice", "callback_out_of_order")
    shop = await open_shop(tools, simulator_url, dialect)
    caught = f"{simulator_url}/receiver/{shop.name}"
    shop.settings(callback_url=caught)
    shop.faults({"fault": fault})
    await planned(tools, part(tools.clock.now(), supplier=shop.id))
    ((errand,), _) = await deliver.claim(tools, shop.id, most=1)
    errand = replace(errand, account=replace(errand.account, callback_url=caught))
    await deliver.record(tools, [await deliver.talk(tools, errand)])
    bodies = await until(lambda: _caught(simulator_url, shop.name))
    verdicts = [
        DIALECTS[dialect].parse_callback(errand.account, Callback({}, "", body.encode()), tools.clock.wall())
        for body in bodies
    ]
    assert verdicts[0] == (Heard(errand.outer_number) if trusted else Refusal("unsigned"))
    assert trusted or not [one for one in verdicts if isinstance(one, Heard)]


async def test_the_same_bytes_again_ask_no_second_time(tools: Tools, client: Client, simulator_url: str) -> None:
    """Somebody who caught a signed callback sends it again and again: acknowledged, and nothing comes of it."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    caught = message(tools, shop, attempt.outer_number)
    await client.post(path, json=caught)
    await round_at(tools, shop.id)
    before = await task_of(tools, plan)
    forward(tools, seconds=1)
    answer = await client.post(path, json=caught)
    assert (answer.status_code, answer.text) == (200, "ok")
    assert await task_of(tools, plan) == before
    assert [row.verdict for row in await kept(tools, shop)] == ["trusted", "repeat"]
    await client.post(path, json={**message(tools, shop, attempt.outer_number), "card_list": []})
    assert (await kept(tools, shop))[-1].verdict == "trusted", "signed anew, it is news"


async def test_only_those_on_the_list_may_call(tools: Tools, simulator_url: str) -> None:
    """Refused ones are kept, not acknowledged, counted and warned of; a header is believed of our own proxy only."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    async with tools.db.transaction() as tx:
        await accounts.change(tx, tools.sealing, shop.id, public_url="", callback_ips=["203.0.113.0/24", "2001:db8::1"])

    ours = replace(tools, settings=replace(tools.settings, trusted_proxies=("10.0.0.0/8",)))
    apps = {"": make_litestar(tools), "10.0.0.0/8": make_litestar(ours)}

    async def call(peer: str, proxies: str = "", **headers: str) -> int:
        transport = httpx2.ASGITransport(app=apps[proxies], client=(peer, 1))  # type: ignore[arg-type]
        async with httpx2.AsyncClient(transport=transport, base_url="http://heyi") as heyi:
            forward(tools, seconds=1)
            told = message(tools, shop, attempt.outer_number)
            return (await heyi.post(path, json={**told, "card_list": [next(_n)]}, headers=headers)).status_code

    assert await call("198.51.100.7") == 400
    assert await call("198.51.100.7", **{"X-Forwarded-For": "203.0.113.9"}) == 400, "anybody can write a header"
    assert [(row.verdict, row.address) for row in await kept(tools, shop)] == [("address", "198.51.100.7")] * 2
    assert (await task_of(tools, plan)).heard is False
    await attention.run(tools)
    async with tools.db.reading() as tx:
        (warned,) = await warning.search(
            tx, state="open", kind="callbacks_refused", level=None, about=to_text("sup", shop.id), text=None,
            now=tools.clock.now(), before=None, limit=9,
        )  # fmt: skip
    assert (warned.numbers["why"], warned.numbers["count"]) == ("address", 2)
    for peer, proxies, headers, address in (
        ("203.0.113.9", "", {}, "203.0.113.9"),
        ("::ffff:203.0.113.9", "", {}, "203.0.113.9"),
        ("2001:db8::1", "", {}, "2001:db8::1"),
        ("10.0.0.1", "10.0.0.0/8", {"X-Forwarded-For": "198.51.100.7, 203.0.113.9, 10.0.0.2"}, "203.0.113.9"),
    ):
        assert await call(peer, proxies, **headers) == 200, peer
        assert (await kept(tools, shop))[-1].address == address
    assert await call("10.0.0.1", "10.0.0.0/8", **{"X-Forwarded-For": "203.0.113.9, 198.51.100.7"}) == 400, (
        "what stands left of the last stranger was written by him"
    )
    assert await call("10.0.0.1", "10.0.0.0/8", **{"X-Forwarded-For": "garbage"}) == 400


async def test_a_flood_is_counted_and_not_kept(tools: Tools, client: Client, simulator_url: str) -> None:
    """Whoever knows the address can send rubbish without end; what is truly signed still gets through."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    token = path.rpartition("/")[2]
    rubbish = [Arrived(token, Callback({}, "", b"rubbish %d" % n)) for n in range(DOUBTFUL_MAX + 50)]
    for start in range(0, len(rubbish), 64):
        assert all(ack and not ack.trusted for ack in await hear.hear(tools, rubbish[start : start + 64]))
    assert len(await kept(tools, shop)) == DOUBTFUL_MAX
    async with tools.db.reading() as tx:
        counted = await tx.rows("select * from fulfilment.callback_counts where supplier_id = %(id)s", id=shop.id)
    assert [(row.verdict, row.count) for row in counted] == [("unreadable", 50)]
    answer = await client.post(path, json=message(tools, shop, attempt.outer_number))
    assert answer.status_code == 200
    assert (await task_of(tools, plan)).due_at == tools.clock.now()
    forward(tools, minutes=2)
    await hear.hear(tools, rubbish[:1])
    assert len(await kept(tools, shop)) == DOUBTFUL_MAX + 2, "the next minute is a new one"
    await attention.run(tools)
    async with tools.db.reading() as tx:
        (warned,) = await warning.search(
            tx, state="open", kind="callbacks_refused", level=None, about=to_text("sup", shop.id), text=None,
            now=tools.clock.now(), before=None, limit=9,
        )  # fmt: skip
    assert warned.numbers["count"] == DOUBTFUL_MAX + 51


async def _caught(url: str, name: str) -> list[str]:
    return [one["body"] for one in httpx2.get(f"{url}/control/receivers/{name}").json()["deliveries"]]
