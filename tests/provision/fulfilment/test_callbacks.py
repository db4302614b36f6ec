"""Suppliers call back, through the door: kept, checked, acknowledged, and never more than a reason to ask."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import msgspec
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
from heyi.provision.fulfilment import accounts, heard, hearing
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.hearing import Arrived
from heyi.provision.fulfilment.judging import (
    DOUBTFUL_BYTES_MAX,
    DOUBTFUL_HEADERS_MAX,
    DOUBTFUL_MAX,
    DOUBTFUL_QUERY_MAX,
    HURRIED_MAX,
    TRUSTED_MAX,
)
from heyi.provision.fulfilment.suppliers import DIALECTS, SHIPPED, Callback, Heard, Refusal, callbacks
from heyi.provision.fulfilment.suppliers.document import Calling
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


async def test_a_callback_is_kept_before_anybody_judges_it(tools: Tools, client: Client, simulator_url: str) -> None:
    """Its task is locked for long: the supplier is told to call again, and what it said is judged all the same."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    told = message(tools, shop, attempt.outer_number)
    async with tools.db.transaction() as tx:
        await tx.rows("select from fulfilment.tasks where id = %(id)s for update", id=plan.id)
        answer = await client.post(path, json=told)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert answer.json()["code"] == "callback.not_judged"
        beside = await client.post(path, json=message(tools, shop, "01k742sg00eq9aqqfvrzv91hqh-1"))
        assert beside.status_code == 200, "others are judged meanwhile"
    assert sorted(row.verdict for row in await kept(tools, shop)) == ["kept", "stranger"]
    assert (await task_of(tools, plan)).due_at > tools.clock.now()
    assert await hear.sweep(tools) == 0, "whoever kept it may still come to judge it"
    forward(tools, seconds=31)
    assert await hear.sweep(tools) == 1
    assert sorted(row.verdict for row in await kept(tools, shop)) == ["stranger", "trusted"]
    assert (await task_of(tools, plan)).due_at == tools.clock.now()
    assert (await client.post(path, json=told)).text == "ok"
    assert (await kept(tools, shop))[-1].verdict == "repeat", "they call again, as they were told"


async def test_who_calls_all_the_time_is_asked_now_and_then(tools: Tools, client: Client, simulator_url: str) -> None:
    """Every callback is signed anew: a few a minute hurry the query, and only so many are kept about one number."""
    shop = await open_shop(tools, simulator_url, typical_ms=3_600_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    hurried = 0
    for _ in range(20):
        forward(tools, seconds=2)
        async with tools.db.transaction() as tx:
            await tx.run("update fulfilment.tasks set due_at = %(at)s, heard = false where id = %(id)s",
                         at=tools.clock.now() + timedelta(hours=1), id=plan.id)  # fmt: skip
        assert (await client.post(path, json=message(tools, shop, attempt.outer_number))).text == "ok"
        wait = (await task_of(tools, plan)).due_at - tools.clock.now()
        assert wait <= timedelta(minutes=1)
        hurried += not wait
    assert hurried == HURRIED_MAX
    token = path.rpartition("/")[2]
    arrived = []
    for _ in range(TRUSTED_MAX):
        forward(tools, seconds=2)
        body = json.dumps(message(tools, shop, attempt.outer_number)).encode()
        arrived.append(Arrived(token, Callback({}, "", body)))
    for start in range(0, TRUSTED_MAX, 64):
        acks = await hear.hear(tools, arrived[start : start + 64])
        assert {ack and ack.verdict for ack in acks} == {"trusted"}
    assert [row.verdict for row in await kept(tools, shop)] == ["trusted"] * TRUSTED_MAX
    async with tools.db.reading() as tx:
        counted = await tx.rows("select * from fulfilment.callback_counts where supplier_id = %(id)s", id=shop.id)
    assert {(row.verdict, row.count) for row in counted} == {("trusted", 20)}


async def test_what_is_written_beside_what_is_signed_is_no_news(
    tools: Tools, client: Client, simulator_url: str
) -> None:
    """Somebody who caught one signed callback cannot make more of it."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    caught = message(tools, shop, attempt.outer_number)
    for n, query in enumerate(("", "?a=1", "?a=2")):
        await client.post(f"{path}{query}", json={**caught, "card_list": [{"card_no": str(n)}]})
        forward(tools, seconds=1)
    assert [row.verdict for row in await kept(tools, shop)] == ["trusted", "repeat", "repeat"]


async def test_of_what_is_doubtful_only_the_beginning_stays(tools: Tools, client: Client, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    path = await path_of(tools, shop)
    rubbish = b"rubbish " * 5000
    await client.post(f"{path}?{'q' * 9000}", content=rubbish, headers={f"x-{n}": "y" * 3000 for n in range(20)})
    (row,) = await kept(tools, shop)
    assert (row.verdict, row.bytes) == ("unreadable", len(rubbish))
    assert len(row.head) < DOUBTFUL_HEADERS_MAX * 2100 + DOUBTFUL_QUERY_MAX
    async with tools.db.reading() as tx:
        opened = hearing.opened(tools.sealing, row)
        shown = await heard.find(tx, tools.sealing, row.id)
    assert opened is not None
    assert opened.body == rubbish[:DOUBTFUL_BYTES_MAX]
    assert (len(opened.query), len(opened.headers)) == (DOUBTFUL_QUERY_MAX, DOUBTFUL_HEADERS_MAX)
    assert shown.body is not None
    assert shown.body.endswith(f"…[kept {DOUBTFUL_BYTES_MAX} of {len(rubbish)} bytes]")
    assert shown.bytes == len(rubbish)


async def test_whom_a_callback_names_is_found_by_it(tools: Tools, client: Client, simulator_url: str) -> None:
    """A supplier says that it called about a number: that is looked up, believed or not, ours or not."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,), path = await attempts_of(tools, plan), await path_of(tools, shop)
    good = message(tools, shop, attempt.outer_number)
    await client.post(path, json=message(tools, shop, "theirs-77"))
    forward(tools, days=2)
    await client.post(path, json=good)
    found = {}
    for number in (attempt.outer_number, "theirs-77", "x"):
        async with tools.db.transaction() as tx:
            rows = await heard.search(tx, heard.Wanted(number=number), before=None, limit=9)
        found[number] = [(row.verdict, row.outer_number) for row in rows]
    assert found == {
        attempt.outer_number: [("stale", attempt.outer_number)], "theirs-77": [("stranger", "theirs-77")], "x": []
    }  # fmt: skip


async def test_an_account_is_called_where_the_settings_say(
    tools: Tools, simulator_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """heyi may stand below a path of its public address; some suppliers sign that too."""
    shop = await open_shop(tools, simulator_url)
    seen: list[str] = []

    def parse(account: Account, callback: Callback, at: datetime) -> Refusal:
        seen.append(account.callback_url)
        return Refusal("unsigned")

    monkeypatch.setitem(DIALECTS, "kasushou", replace(DIALECTS["kasushou"], parse_callback=parse))
    below = replace(tools, settings=replace(tools.settings, public_url="https://shop.example/heyi"))
    token = (await path_of(tools, shop)).rpartition("/")[2]
    await hear.hear(below, [Arrived(token, Callback({}, "", b"x"))])
    assert seen == [f"https://shop.example/heyi/callbacks/{token}"]


async def test_some_call_with_get(tools: Tools, client: Client, simulator_url: str) -> None:
    """Where everything stands in the address, the method is part of what may be signed; nobody else is read so."""
    shop = await open_shop(tools, simulator_url)
    path = await path_of(tools, shop)
    assert (await client.get(f"{path}?external_orderno=x")).status_code == 400
    (row,) = await kept(tools, shop)
    opened = hearing.opened(tools.sealing, row)
    assert opened is not None
    assert (row.verdict, opened.method, opened.query) == ("unreadable", "GET", "external_orderno=x")
    calling = {"format": "query", "outer": "no", "ack": {"body": "ok"},
               "signature": {"text": "{method}{field.no}{cred.secret}", "hash": "md5", "name": "sign"}}  # fmt: skip
    read = callbacks.parser(msgspec.structs.replace(SHIPPED["mifeng"], callback=msgspec.convert(calling, Calling)))
    async with tools.db.reading() as tx:
        account = await accounts.opened(tx, tools.sealing, shop.id, public_url="")
    account = replace(account, credentials={"secret": "s"})
    sign = md5(b"GET77s").hexdigest()
    assert read(account, Callback({}, f"no=77&sign={sign}", b"", "GET"), tools.clock.wall()) == Heard("77")
    assert read(account, Callback({}, f"no=77&sign={sign}", b""), tools.clock.wall()) == Refusal("unsigned")


async def test_nobodys_address_and_too_much(tools: Tools, client: Client, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    for path in ("/callbacks/nobody", "/callbacks/" + "x" * 5000, "/callbacks/%00", "/callbacks/%ff"):
        assert (await client.post(path, json={})).status_code in (400, 404), path
    path = await path_of(tools, shop)
    assert (await client.post(path, content=b"x" * 70_000)).status_code == 413
    (row,) = await kept(tools, shop)
    assert (row.verdict, row.bytes) == ("too_large", 70_000), "known of, and not read"
    assert (await client.put(path)).status_code == 405


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
