"""The call log: what was said to suppliers is found by whatever people know of it, and made again by the rules."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import md5
from urllib.parse import quote_plus

import pytest
from tests.provision.fulfilment.making import attempts_of, forward, part, planned, round_at, task_of, until
from tests.provision.fulfilment.operating import Operator, operating
from tests.provision.fulfilment.shops import open_shop, secret_of

from heyi.flows import attention, housekeeping
from heyi.infra.http import Heard
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import new_id, to_text
from heyi.kernel.talk import Call, Reply
from heyi.provision.fulfilment import masking, store
from heyi.provision.fulfilment.errand import Account, TaskChange
from heyi.provision.fulfilment.suppliers import DIALECTS

PHONE = "13800138000"


@pytest.fixture(autouse=True)
def _real_time(tools: Tools) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)


@pytest.fixture(scope="module")
async def operator(tools: Tools) -> AsyncIterator[Operator]:
    async with operating(tools) as operator:
        yield operator


async def ids(operator: Operator, **query: object) -> list[str]:
    return [one["id"] for one in (await operator.ask("GET", "/calls", params=query))["data"]]


async def test_a_call_is_found_by_whatever_is_known_of_it(tools: Tools, operator: Operator, simulator_url: str) -> None:
    """A buyer names his order, a supplier its own number, a colleague a time and an error: they find the same calls."""
    shop, other = [await open_shop(tools, simulator_url) for _ in range(2)]
    mine, theirs = await planned(
        tools, part(tools.clock.now(), supplier=shop.id), part(tools.clock.now(), supplier=other.id)
    )
    await round_at(tools, other.id)
    forward(tools, minutes=1)
    shop.faults({"fault": "error_500_after_accept", "times": 1})

    async def delivered() -> bool:
        await round_at(tools, shop.id)
        forward(tools, seconds=30)
        return (await task_of(tools, mine)).state == "delivered"

    await until(delivered)
    (attempt,) = await attempts_of(tools, mine)
    about = await ids(operator, order=to_text("ord", mine.order_id))
    assert len(about) >= 2
    assert await ids(operator, number=attempt.outer_number) == about
    assert await ids(operator, number=attempt.supplier_number) == about
    assert await ids(operator, supplier=to_text("sup", shop.id)) == about
    assert await ids(operator, number=attempt.outer_number, order=to_text("ord", theirs.order_id)) == []
    assert await ids(operator, number="nobody's") == []
    (broken,) = await ids(operator, supplier=to_text("sup", shop.id), result="http_error")
    assert (
        await ids(operator, status=500)
        == [broken]
        == await ids(operator, order=to_text("ord", mine.order_id), troubled=1)
    )
    assert await ids(operator, order=to_text("ord", mine.order_id), verb="submit") == [broken]
    (done,) = await ids(operator, supplier=to_text("sup", shop.id), verdict="delivered")
    minute_ago = (attempt.started_at - timedelta(seconds=1)).isoformat()
    assert set(await ids(operator, since=minute_ago)) == set(about)
    assert set(await ids(operator, until=minute_ago)).isdisjoint(about)
    everything, cursor = [], None
    while True:
        page = await operator.ask("GET", "/calls", params={"limit": 1, **({"cursor": cursor} if cursor else {})})
        everything += [one["id"] for one in page["data"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert everything == await ids(operator)
    assert len(everything) == len(set(everything)) > len(about)

    found = await operator.ask("GET", f"/calls/{broken}")
    assert (found["order"], found["number"], found["outer_number"]) == (
        to_text("ord", mine.order_id), 1, attempt.outer_number
    )  # fmt: skip
    assert found["profile"] == "kasushou v0"
    assert found["curl"].startswith(f"curl -X POST {simulator_url}/{shop.name}/")
    assert attempt.outer_number in found["signed"]
    assert {one["pointer"] for one in await operator.ask("GET", f"/calls/{done}/diff", params={"former": broken})} > {
        "/status", "/verb"
    }  # fmt: skip
    await operator.ask("GET", f"/calls/{done}/diff", 404, params={"former": to_text("cll", new_id(1))})
    await operator.ask("GET", f"/calls/{to_text('cll', new_id(1))}", 404)
    for one in everything:
        text = json.dumps(await operator.ask("GET", f"/calls/{one}"))
        assert "secret-key" not in text
        assert PHONE not in text


async def test_what_is_about_no_purchase_is_kept_too(tools: Tools, operator: Operator, simulator_url: str) -> None:
    """Balances, product lists and rehearsals tell as much about a supplier's trouble; they can't be made again."""
    shop = await open_shop(tools, simulator_url)
    path = f"/suppliers/{to_text('sup', shop.id)}"
    await operator.ask("POST", f"{path}/check")
    forward(tools, seconds=1)
    rehearsal = {"verb": "products", "supplier": to_text("sup", shop.id), "send": True}
    await operator.ask("POST", "/profiles/kasushou/rehearse", json=rehearsal)
    found = (await operator.ask("GET", "/calls", params={"supplier": to_text("sup", shop.id)}))["data"]
    assert [one["verb"] for one in found] == ["rehearse_products", "balance"]
    assert all(one["by"].startswith("operator:") and one["task"] is None for one in found)
    whole = await operator.ask("GET", f"/calls/{found[0]['id']}")
    assert "secret-key" not in json.dumps(whole)
    assert whole["signed"]
    refused = await operator.client.post(f"/v1/operator/calls/{found[0]['id']}/replay", json={"as": "query"})
    assert (refused.status_code, refused.json()["code"]) == (409, "call.about_nothing")


async def test_replay_follows_the_rules_for_people(tools: Tools, operator: Operator, simulator_url: str) -> None:
    """As a query it asks at once; as an attempt it buys only what a person has proof for. Who did it stays written."""
    shop = await open_shop(tools, simulator_url, typical_ms=60_000)
    shop.settings(work_ms=3_600_000)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (call,) = await ids(operator, order=to_text("ord", plan.order_id))
    assert (await task_of(tools, plan)).due_at > tools.clock.now()
    told = await operator.ask("POST", f"/calls/{call}/replay", json={"as": "query", "note": "impatient"})
    assert told["id"] == to_text("tsk", plan.id)
    assert (await task_of(tools, plan)).due_at == tools.clock.now()
    refused = await operator.client.post(f"/v1/operator/calls/{call}/replay", json={"as": "attempt"})
    assert (refused.status_code, refused.json()["code"]) == (409, "task.still_unknown")
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.tasks set state = 'waiting_for_person' where id = %(id)s", id=plan.id)
    refused = await operator.client.post(f"/v1/operator/calls/{call}/replay", json={"as": "attempt"})
    assert (refused.status_code, refused.json()["code"]) == (409, "task.still_unknown"), "it may have been bought"
    page = await operator.ask("GET", f"/tasks/{to_text('tsk', plan.id)}")
    assert page["choices"] == [
        {"what": "query", "proof": False}, {"what": "delivered", "proof": True},
        {"what": "try_again", "proof": True}, {"what": "failed", "proof": True},
    ]  # fmt: skip
    forward(tools, seconds=1)
    proof = {"as": "attempt", "proof": "their support: nothing was charged"}
    told = await operator.ask("POST", f"/calls/{call}/replay", json=proof)
    assert (told["state"], told["tried"][0]["state"]) == ("scheduled", "failed")
    assert [one["what"] for one in told["history"]][-2:] == ["task.resolved", "task.resolved"]
    replays = (await operator.ask("GET", f"/calls/{call}"))["replays"]
    assert [(one["how"], one["note"]) for one in replays] == [("query", "impatient"), ("attempt", "")]
    assert all(one["by"].startswith("operator:") for one in replays)

    forward(tools, seconds=1)
    await round_at(tools, shop.id)
    before = await task_of(tools, plan)
    assert before.attempts == 2
    refused = await operator.client.post(f"/v1/operator/calls/{call}/replay", json=proof)
    assert (refused.status_code, refused.json()["code"]) == (409, "task.number_overtaken"), "the first was not charged"
    assert await task_of(tools, plan) == before


async def test_callbacks_are_shown_without_what_is_secret(tools: Tools, operator: Operator, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    async with tools.db.reading() as tx:
        token = (await tx.rows("select callback_token from fulfilment.suppliers where id = %(id)s", id=shop.id))[0][0]
    body = {
        "external_orderno": "x",
        "card_list": [{"card_no": "CARD-1", "card_password": "PASS-1"}],
        "key": secret_of(shop.name),
    }
    reply = await operator.client.post(f"/callbacks/{token}?sign=abc", json=body)
    assert reply.status_code == 400
    (one,) = (await operator.ask("GET", "/callbacks", params={"supplier": to_text("sup", shop.id)}))["data"]
    assert one["verdict"] == "unsigned"
    assert [one] == (await operator.ask("GET", "/callbacks", params={"verdict": "unsigned"}))["data"]
    assert (await operator.ask("GET", "/callbacks", params={"number": "x"}))["data"] == []
    whole = await operator.ask("GET", f"/callbacks/{one['id']}")
    assert "external_orderno" in whole["body"]
    assert not [word for word in ("CARD-1", "PASS-1", "secret-key") if word in json.dumps(whole)]
    await operator.ask("GET", f"/callbacks/{to_text('cbk', new_id(1))}", 404)
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set dialect = 'gone' where id = %(id)s", id=shop.id)
    whole = await operator.ask("GET", f"/callbacks/{one['id']}")
    assert (whole["query"], whole["body"]) == ("****", "****"), "nobody knows what is secret in it"
    assert set(whole["headers"].values()) == {"****"}
    assert whole["bytes"] > 50


async def test_cards_in_a_form_are_not_shown_either(tools: Tools, operator: Operator, simulator_url: str) -> None:
    """蜜蜂 calls with a form, in which the cards are a list."""
    shop = await open_shop(tools, simulator_url, "mifeng")
    async with tools.db.reading() as tx:
        token = (await tx.rows("select callback_token from fulfilment.suppliers where id = %(id)s", id=shop.id))[0][0]
    cards = json.dumps([{"card_no": "CARD-7788", "card_pwd": "PASS 王[1]"}])
    told = {"third_id": "x", "sign": "abc", "status": "3"}
    for form in ({"ys_cards": cards}, {"ys_cards[0][card_no]": "CARD-7788", "ys_cards[0][card_pwd]": "PASS-1]["}):
        await operator.client.post(f"/callbacks/{token}", data={**form, **told})
        forward(tools, seconds=1)
    for one in (await operator.ask("GET", "/callbacks", params={"supplier": to_text("sup", shop.id)}))["data"]:
        shown = (await operator.ask("GET", f"/callbacks/{one['id']}"))["body"]
        assert "third_id=x" in shown
        assert "status=3" in shown
        assert not [word for word in ("CARD", "PASS", "778") if word in shown], shown


async def test_the_log_is_dropped_when_its_time_is_over(tools: Tools, operator: Operator, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    await operator.ask("POST", f"/suppliers/{to_text('sup', shop.id)}/check")
    mine = {"supplier": to_text("sup", shop.id)}
    forward(tools, days=2)
    short = replace(tools, settings=replace(tools.settings, calls_kept_days=3))
    await housekeeping.run(short)
    assert len(await ids(operator, **mine)) == 2
    forward(tools, days=2)
    await housekeeping.run(short)
    assert await ids(operator, **mine) == []
    assert (await attempts_of(tools, plan))[0].outer_number, "what was bought is known for ever"


def test_nothing_secret_is_kept_in_any_form() -> None:
    """Keys as they are, in capitals, hashed, in forms; buyers' names in GBK; the wrong charset breaks nothing."""
    key, name = "k3y/with+odd=Chars", "王小明一"
    dialect = DIALECTS["kasushou"]
    credentials = dict(zip([one.name for one in dialect.credentials], ("10001", key), strict=True))
    one = Account(new_id(1), "s", "kasushou", "http://x", credentials, "", 1000, 0, 0, dialect)
    texts = [key, key.upper(), quote_plus(key), md5(key.encode()).hexdigest().upper(), quote_plus(name, encoding="gbk"),
             json.dumps(name), name]  # fmt: skip
    said = "&".join(texts)
    for charset in ("utf-8", "gbk", "undefined", "idna", "unicode_escape", "utf-7", "no-such", "hex", "\x00"):
        headers = {
            "content-type": f"text/plain; charset={charset}",
            "Authorization": f"Bearer {'t' * 30}",
            "X-Sign": key,
        }
        call = Call("GET", f"http://x/?{said}", headers, said.encode(), (key, name), said)
        reply = Reply(200, {"content-type": headers["content-type"]}, said.encode() + b"\xff\\ud800\x00")
        (kept,) = masking.exchanges(one, [Heard(call, reply, "", 1)], datetime.now(UTC))
        whole = "".join([kept.url, kept.request, kept.signed, kept.headers, kept.response or ""])
        assert not [text for text in texts if text in whole], (charset, whole)
        assert "t" * 10 not in kept.headers
        whole.encode()
        assert "\x00" not in whole


async def test_what_is_left_lying_is_warned_of_until_somebody_deals_with_it(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """A late delivery is listed until a person writes down what became of it; so is a task that nobody looks at."""
    shop = await open_shop(tools, simulator_url)
    late, waits = await planned(tools, *(part(tools.clock.now(), supplier=shop.id) for _ in range(2)))
    await round_at(tools, shop.id)
    (attempt,) = await attempts_of(tools, late)
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.attempts set difference = true where id = %(id)s", id=attempt.id)
        change = TaskChange(waits.lane, waits.id, (await task_of(tools, waits)).state, "waiting_for_person")
        await store.save_tasks(tx, [change], now=tools.clock.now())
    await attention.run(tools)
    assert await warnings(operator) == {"differences_open"}
    forward(tools, minutes=61)
    await attention.run(tools)
    assert await warnings(operator) == {"differences_open", "tasks_waiting"}

    id = to_text("att", attempt.id)
    for query in ({}, {"number": attempt.outer_number}, {"supplier": to_text("sup", shop.id)},
                  {"order": to_text("ord", late.order_id)}, {"state": "all"}):  # fmt: skip
        assert [one["id"] for one in (await operator.ask("GET", "/task_differences", params=query))["data"]] == [id]
    for query in ({"number": "x"}, {"state": "settled"}, {"order": to_text("ord", waits.order_id)}):
        assert (await operator.ask("GET", "/task_differences", params=query))["data"] == []
    await operator.ask("POST", f"/task_differences/{id}/settle", 400, json={"note": ""})
    settled = await operator.ask("POST", f"/task_differences/{id}/settle", json={"note": "they credited 15.00"})
    assert (settled["settled_note"], settled["settled_by"][:9]) == ("they credited 15.00", "operator:")
    refused = await operator.client.post(f"/v1/operator/task_differences/{id}/settle", json={"note": "again"})
    assert (refused.status_code, refused.json()["code"]) == (409, "task.difference_settled")
    await operator.ask("POST", f"/task_differences/{to_text('att', new_id(1))}/settle", 404, json={"note": "x"})
    assert (await operator.ask("GET", "/task_differences"))["data"] == []
    assert [one["id"] for one in (await operator.ask("GET", "/task_differences?state=settled"))["data"]] == [id]
    page = await operator.ask("GET", f"/tasks/{to_text('tsk', late.id)}")
    assert [one["what"] for one in page["history"]][-1] == "task.difference_settled"

    task = to_text("tsk", waits.id)
    await operator.ask("POST", f"/tasks/{task}/resolve", json={"outcome": "failed", "proof": "x", "note": "gone"})
    await attention.run(tools)
    assert await warnings(operator) == set()


async def warnings(operator: Operator) -> set[str]:
    return {one["kind"] for one in (await operator.ask("GET", "/warnings"))["data"]}
