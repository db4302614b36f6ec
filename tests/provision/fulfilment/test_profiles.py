"""Profiles as operators keep them: drafted, checked whole, published, gone back from; and what happens to orders."""

from __future__ import annotations

import asyncio
import copy
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.provision.fulfilment.making import forward, part, planned, round_at, task_of
from tests.provision.fulfilment.operating import Operator, operating
from tests.provision.fulfilment.shops import open_shop

from heyi.flows import deliver
from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import from_text, to_text
from heyi.kernel.talk import Delivered, Unknown
from heyi.provision.fulfilment import accounts, connectors

SECRET = "very-secret-key-7Qx"
NEW = {"title": "卡速售", "dialect": "kasushou", "base_url": "http://127.0.0.1:1/k",
       "credentials": {"user_id": "10001", "key": SECRET}}  # fmt: skip


@pytest.fixture(autouse=True)
def _real_time(tools: Tools) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)


@pytest.fixture(scope="module")
async def operator(tools: Tools) -> AsyncIterator[Operator]:
    async with operating(tools) as made:
        yield made


async def shipped(operator: Operator, **changes: Any) -> dict[str, Any]:
    """The shipped profile of 卡速售, with other words in places."""
    document: dict[str, Any] = (await operator.ask("GET", "/profiles/kasushou?version=0"))["document"]
    return {**copy.deepcopy(document), **changes}


async def drafted(operator: Operator, document: dict[str, Any], note: str = "") -> int:
    path = f"/profiles/{document['code']}/draft"
    made = await operator.ask("POST", path, 201, json={"document": document, "note": note})
    return int(made["version"])


async def publish(operator: Operator, code: str, version: int, expect: int = 200, **more: Any) -> Any:
    body = {"version": version, "why": "because", **more}
    return await operator.ask("POST", f"/profiles/{code}/publish", expect, json=body)


async def back(operator: Operator, code: str, expect: int = 200, **more: Any) -> Any:
    return await operator.ask("POST", f"/profiles/{code}/back", expect, json={"why": "worse", **more})


async def test_an_unknown_status_is_settled_by_an_edit_without_a_restart(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """The supplier answers with a status that nobody knew; an operator gives it its meaning, and the order ends."""
    shop = await open_shop(tools, simulator_url)
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    shop.faults({"fault": "wrong_status", "what": "status", "on": "any"})
    await round_at(tools, shop.id)  # it is taken: their answer to a purchase shows no status
    for _ in range(3):
        forward(tools, seconds=10)
        (answer,) = await round_at(tools, shop.id)
        assert isinstance(answer, Unknown), answer
        assert "97" in answer.why, "the value is named"
        forward(tools, seconds=10)
    assert (await task_of(tools, plan)).state == "asking"
    document = await shipped(operator)
    document["shown"]["states"]["97"] = "done"
    version = await drafted(operator, document, "97 is done")
    assert (await round_at(tools, shop.id))[0] == answer, "a draft moves nothing"
    forward(tools, seconds=20)
    followed = await publish(operator, "kasushou", version)
    assert (followed["before"], followed["after"], followed["unusable"]) == (0, version, [])
    (answer,) = await round_at(tools, shop.id)
    assert isinstance(answer, Delivered), answer
    assert (await task_of(tools, plan)).state == "delivered"
    assert shop.delivered() == 1
    assert (await back(operator, "kasushou"))["after"] == 0


async def test_a_profiles_life(tools: Tools, operator: Operator) -> None:
    """Drafts are numbered, one is followed, and who changed that is remembered; an account made later follows too."""
    document = await shipped(operator, code="life", title="一生")
    first = await drafted(operator, document, "as shipped")
    second = await drafted(operator, {**document, "grace_ms": 120_000}, "more patience")
    assert (first, second) == (1, 2)
    (head,) = (await operator.ask("GET", "/profiles?search=一生"))["data"]
    assert (head["origin"], head["version"], head["newest"], head["beta"]) == ("stored", 0, 2, True)
    assert (await operator.ask("GET", "/dialects?search=life"))["data"] == [], "nobody can choose a draft"
    await operator.ask("POST", "/suppliers", 422, json={**NEW, "code": "life-0", "dialect": "life"})
    await operator.ask("GET", "/profiles/life", 404)
    await publish(operator, "life", 1)
    made = await operator.ask("POST", "/suppliers", 201, json={**NEW, "code": "life-1", "dialect": "life"})
    assert (made["grace_ms"], made["unusable"]) == (0, None)
    forward(tools, seconds=1)
    assert (await publish(operator, "life", 2))["accounts"] == 1
    forward(tools, seconds=1)
    assert (await publish(operator, "life", 2, 409))["code"] == "profile.wrong_state"
    assert (await operator.ask("GET", "/profiles/life"))["document"]["grace_ms"] == 120_000
    assert (await back(operator, "life"))["after"] == 1
    assert (await back(operator, "life", 404, version=0))["code"] == "profile.not_found", "nothing was shipped"
    third = await drafted(operator, document)
    assert (await back(operator, "life", 409, version=third))["code"] == "profile.never_used"
    assert (await publish(operator, "life", 9, 404))["code"] == "profile.not_found"
    moves = (await operator.ask("GET", "/profiles/life/history"))["data"]
    assert [(m["before"], m["after"], m["why"]) for m in moves] == [
        (2, 1, "worse"), (1, 2, "because"), (0, 1, "because")
    ]  # fmt: skip
    assert all(m["moved_by"].startswith("operator:") for m in moves)
    versions = await operator.ask("GET", "/profiles/life/versions?limit=2")
    rest = await operator.ask("GET", f"/profiles/life/versions?cursor={versions['next_cursor']}")
    assert [(v["version"], v["state"], v["note"]) for v in versions["data"] + rest["data"]] == [
        (3, "draft", ""), (2, "withdrawn", "more patience"), (1, "published", "as shipped")
    ]  # fmt: skip
    diff = await operator.ask("GET", "/profiles/life/diff?former=1&after=2")
    assert diff == [{"pointer": "/grace_ms", "before": None, "after": 120_000}]


async def test_the_longer_patience_counts(tools: Tools, operator: Operator) -> None:
    """Of the dialect's and the account's own: what a published version says reaches accounts that are there already,
    and nobody's account takes "not found" for true before its dialect does."""
    document = await shipped(operator, code="patient")
    for grace_ms in (90_000, 120_000):
        await drafted(operator, {**document, "grace_ms": grace_ms})
    await publish(operator, "patient", 1)
    made = await operator.ask("POST", "/suppliers", 201, json={**NEW, "code": "patient", "dialect": "patient"})
    id = from_text("sup", made["id"])
    assert id is not None

    async def patience() -> int:
        async with tools.db.reading() as tx:
            return (await accounts.opened(tx, tools.sealing, id, public_url="")).grace_ms

    assert (made["grace_ms"], await patience()) == (0, 90_000)
    await publish(operator, "patient", 2)
    assert await patience() == 120_000
    for own, longer in ((1, 120_000), (180_000, 180_000), (0, 120_000)):
        changed = await operator.ask("PATCH", f"/suppliers/{made['id']}", json={"grace_ms": own})
        assert (changed["grace_ms"], await patience()) == (own, longer)


async def test_drafts_at_the_same_moment_are_versions_of_their_own(operator: Operator) -> None:
    document = await shipped(operator, code="busy")
    made = await asyncio.gather(*[drafted(operator, document) for _ in range(5)])
    assert sorted(made) == [1, 2, 3, 4, 5]
    done = await asyncio.gather(*[
        operator.client.post("/v1/operator/profiles/busy/publish", json={"version": version, "why": "race"})
        for version in made
    ])  # fmt: skip
    assert {answer.status_code for answer in done} == {200}
    versions = (await operator.ask("GET", "/profiles/busy/versions"))["data"]
    assert [one["state"] for one in versions].count("published") == 1
    moves = (await operator.ask("GET", "/profiles/busy/history"))["data"]
    assert {move["after"] for move in moves} == {1, 2, 3, 4, 5}


async def test_codes_come_in_pages(operator: Operator) -> None:
    for code in ("page-a", "page-b", "page-c"):
        await drafted(operator, await shipped(operator, code=code, title=f"翻页 {code}"))
    first = await operator.ask("GET", "/profiles?search=翻页&limit=2")
    rest = await operator.ask("GET", f"/profiles?search=翻页&limit=2&cursor={first['next_cursor']}")
    assert [one["code"] for one in first["data"] + rest["data"]] == ["page-a", "page-b", "page-c"]
    assert rest["next_cursor"] is None


async def test_every_fault_of_a_draft_is_named_at_once_and_nothing_is_stored(operator: Operator) -> None:
    document = await shipped(operator, code="faulty", nonsense=1, grace_ms="soon")
    problem = await operator.ask("POST", "/profiles/faulty/draft", 422, json={"document": document})
    assert {fault["pointer"] for fault in problem["errors"]} == {"/document/nonsense", "/document/grace_ms"}
    document = await shipped(operator, code="faulty")
    document["submit"][0]["fields"]["id"] = "{no_such_place}"
    document["query"]["fields"]["external_orderno"] = "{outer_number"
    problem = await operator.ask("POST", "/profiles/faulty/draft", 422, json={"document": document})
    assert {fault["pointer"] for fault in problem["errors"]} >= {
        "/document/submit/0/fields/id", "/document/query/fields/external_orderno"
    }  # fmt: skip
    other = await operator.ask("POST", "/profiles/faulty/draft", 422, json={"document": await shipped(operator)})
    assert (other["code"], other["errors"][0]["pointer"]) == ("profile.other_code", "/document/code")
    nul = await operator.ask(
        "POST", "/profiles/faulty/draft", 422, json={"document": await shipped(operator, code="faulty", title="\x00")}
    )
    assert nul["errors"][0]["pointer"].startswith("/document")
    assert (await operator.ask("GET", "/profiles?search=faulty"))["data"] == []
    await operator.ask("GET", "/profiles/faulty/history", 404)
    await operator.ask("GET", "/profiles/No%20Code", 404)


async def test_a_version_that_wants_more_credentials_does_not_break_accounts_unasked(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """Refused with their names; done all the same, they wait, say why, and others go on; with the credential, again."""
    document = await shipped(operator, code="thirsty")
    await publish(operator, "thirsty", await drafted(operator, document))
    made = await operator.ask("POST", "/suppliers", 201, json={**NEW, "code": "thirsty-1", "dialect": "thirsty"})
    document["credentials"].append({"name": "shop", "label": "门店"})
    version = await drafted(operator, document)
    refused = await publish(operator, "thirsty", version, 409)
    assert refused["code"] == "profile.would_break"
    assert "thirsty-1 (credentials are missing: shop)" in refused["detail"]
    followed = await publish(operator, "thirsty", version, even_so=True)
    assert followed["unusable"] == [{"supplier": "thirsty-1", "why": "credentials are missing: shop"}]
    path = f"/suppliers/{made['id']}"
    assert (await operator.ask("GET", path))["unusable"] == "credentials are missing: shop"
    await operator.ask("POST", f"{path}/check", 409)
    named = await operator.ask("PATCH", path, 422, json={"credentials": {"user_id": "1", "x": "y"}})
    assert "missing: key, shop; not asked for: x" in named["detail"]
    whole = {"user_id": "10001", "key": SECRET, "shop": "7"}
    assert (await operator.ask("PATCH", path, json={"credentials": whole}))["unusable"] is None


async def test_a_broken_profile_stops_its_own_account_only(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """A document that a newer heyi cannot read: that account's tasks stay, and say why; the others are delivered."""
    good, bad = [await open_shop(tools, simulator_url) for _ in range(2)]
    mine, theirs = await planned(
        tools, part(tools.clock.now(), supplier=good.id), part(tools.clock.now(), supplier=bad.id)
    )
    async with tools.db.transaction() as tx:
        row = await tx.row(
            "insert into fulfilment.profiles (id, code, version, state, document, note, made_by, created_at)"
            " values (gen_random_uuid(), 'bent', 1, 'draft', '{\"code\": \"bent\"}', '', '', now()) returning id"
        )
        assert row is not None
        await tx.run("update fulfilment.suppliers set profile_id = %(to)s where id = %(id)s", to=row.id, id=bad.id)
    assert await round_at(tools, bad.id) == []
    for _ in range(50):
        await round_at(tools, good.id)
        forward(tools, seconds=5)
        if (await task_of(tools, mine)).state == "delivered":
            break
    assert ((await task_of(tools, mine)).state, (await task_of(tools, theirs)).state) == ("delivered", "scheduled")
    shown = await operator.ask("GET", f"/suppliers/{to_text('sup', bad.id)}")
    assert shown["unusable"].startswith("profile bent version 1 cannot be read: ")
    assert (await publish(operator, "bent", 1, 422))["code"] == "request.faults", "nor can it be published"
    async with tools.db.transaction() as tx:
        await tx.run("update fulfilment.suppliers set profile_id = null where id = %(id)s", id=bad.id)
    errands, _ = await deliver.claim(tools, bad.id, most=1)
    assert len(errands) == 1, "and it goes on as soon as it can"


async def test_an_account_is_found_its_connector_without_reading_the_document_again(
    tools: Tools, operator: Operator
) -> None:
    """The claim path: one row of the account, and the compiled connector out of memory."""
    document = await shipped(operator, code="often")
    await publish(operator, "often", await drafted(operator, document))
    await operator.ask("POST", "/suppliers", 201, json={**NEW, "code": "often-1", "dialect": "often"})
    async with tools.db.rehearsal() as tx:
        row = await tx.row("select * from fulfilment.suppliers where code = 'often-1'")
        first = await connectors.account_of(tx, row, tools.sealing, "")
        await tx.run("update fulfilment.suppliers set profile_id = null where code = 'often-1'")
        await tx.run("delete from fulfilment.profiles where code = 'often'")
        again = await connectors.account_of(tx, row, tools.sealing, "")
    assert again.connector is first.connector


async def test_a_callback_is_acknowledged_as_the_profile_says(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """Status, content type and body; one that no HTTP answer can carry is refused when it is drafted."""
    document = await shipped(operator, code="acks")
    document["callback"]["ack"] = {"status": 202, "content_type": "application/json", "body": '{"code":"收到"}'}
    document["callback"]["signature"] = {"text": "{cred.key}", "hash": "md5", "put": "query", "name": "sign"}
    del document["callback"]["fresh"]
    for ack, pointer in (
        ({"content_type": "a\r\nX-Evil: 1"}, "content_type"), ({"status": 99}, "status"), ({"status": 1000}, "status"),
        ({"status": 500}, "status"), ({"content_type": ""}, "content_type"),
    ):  # fmt: skip
        odd = copy.deepcopy(document)
        odd["callback"]["ack"] |= ack
        problem = await operator.ask("POST", "/profiles/acks/draft", 422, json={"document": odd})
        assert f"/document/callback/ack/{pointer}" in {fault["pointer"] for fault in problem["errors"]}, (ack, problem)
    await publish(operator, "acks", await drafted(operator, document))
    made = await operator.ask("POST", "/suppliers", 201, json={**NEW, "code": "acks-1", "dialect": "acks"})
    path = made["callback_url"].removeprefix(tools.settings.public_url)
    sign = hashlib.md5(SECRET.encode()).hexdigest()
    answer = await operator.client.post(f"{path}?sign={sign}", json={"external_orderno": "x-1"})
    assert (answer.status_code, answer.text) == (202, '{"code":"收到"}')
    assert answer.headers["content-type"].startswith("application/json")
    assert (await operator.client.post(f"{path}?sign=0", json={"external_orderno": "x-1"})).status_code == 400
