"""A connector rehearsed through the door: exact bytes, what was signed, what replies mean; no secret, no buying."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import patch

import pytest
from tests.provision.fulfilment.making import attempts_of, part, planned, round_at, task_of
from tests.provision.fulfilment.operating import Operator, operating
from tests.provision.fulfilment.shops import open_shop, secret_of

from heyi.infra.tools import Tools
from heyi.kernel.clock import FixedClock
from heyi.kernel.ids import to_text
from heyi.kernel.talk import Unknown
from heyi.offer.partner.model import SCOPES
from heyi.provision.fulfilment import connectors
from heyi.provision.fulfilment.suppliers import DIALECTS, SHIPPED, Dialect

SECRET = "Very-Secret/Key+7Qx="
SAMPLES = {"user_id": "10001", "key": SECRET}
ORDER = {"product_no": "1001", "accounts": {"phone": "13800138000"}, "cost_minor": 1500, "outer_number": "T-1"}
AT = "2026-11-22T12:00:00+08:00"


@pytest.fixture(autouse=True)
def _real_time(tools: Tools) -> None:
    assert isinstance(tools.clock, FixedClock)
    tools.clock.at = datetime.now(UTC)


@pytest.fixture(scope="module")
async def operator(tools: Tools) -> AsyncIterator[Operator]:
    async with operating(tools) as made:
        yield made


async def rehearse(operator: Operator, verb: str, expect: int = 200, code: str = "kasushou", **more: Any) -> Any:
    body = {"verb": verb, "credentials": SAMPLES, "order": ORDER, "at": AT, **more}
    told = await operator.ask("POST", f"/profiles/{code}/rehearse", expect, json=body)
    raw = json.dumps(told, ensure_ascii=False)
    for form in (SECRET, SECRET[::-1], base64.b64encode(SECRET.encode()).decode(), SECRET.encode().hex(),
                 hashlib.md5(SECRET.encode()).hexdigest()):  # fmt: skip
        assert form not in raw
    return told


async def test_a_purchase_is_shown_byte_by_byte_and_its_signature_can_be_checked(operator: Operator) -> None:
    told = await rehearse(operator, "submit")
    (call,) = told["calls"]
    assert (call["method"], call["url"]) == ("POST", "https://supplier.example/api/v1/order/buy")
    assert base64.b64decode(call["body_base64"]).decode() == call["body"]
    assert json.loads(call["body"])["attach"] == {"recharge_account": "13800138000"}
    assert call["signed"] == call["headers"]["Timestamp"] + call["body"] + "{cred.key}"
    signed = call["signed"].replace("{cred.key}", SECRET)
    assert call["signature"] == call["headers"]["Sign"] == hashlib.sha1(signed.encode()).hexdigest()
    assert call["headers"]["Timestamp"] == "1795320000000", "as if it were then"
    assert (told["verdict"], told["answers"]) == (None, [])


@pytest.mark.parametrize(
    ("verb", "status", "reply", "verdict", "said"),
    [
        ("submit", 200, {"code": 200, "data": {"external_orderno": "T-1", "status": "2"}}, "accepted", {}),
        ("submit", 200, {"code": 400, "msg": "库存不足"}, "declined",
         {"why": "sold_out 库存不足 (400)", "cure": "other_offer"}),
        ("submit", 200, {"code": 777, "msg": "?"}, "unknown", {"why": "unmapped code 777"}),
        ("submit", 502, "<html>", "unknown", {"why": "HTTP 502"}),
        ("query", 200, {"code": 400, "msg": "订单不存在"}, "not_found", {}),
        ("query", 200, {"code": 200, "data": {"external_orderno": "T-1", "status": "3", "total_price": "15.00"}},
         "delivered", {"cost_minor": 1500}),
        ("balance", 200, {"code": 200, "data": {"balance": "12.30"}}, "balance", {"balance_minor": 1230}),
        ("balance", 200, {"code": 400, "msg": f"签名错误 {SECRET}"}, "problem",
         {"why": "signature 签名错误 {cred.key} (400)"}),
    ],
)  # fmt: skip
async def test_a_pasted_reply_is_told_in_words(
    operator: Operator, verb: str, status: int, reply: object, verdict: str, said: dict[str, Any]
) -> None:
    body = reply if isinstance(reply, str) else json.dumps(reply, ensure_ascii=False)
    pasted = {"status": status, "headers": {"Content-Type": "application/json"}}
    told = await rehearse(operator, verb, replies=[{**pasted, "body": body}])
    again = await rehearse(
        operator, verb, replies=[{**pasted, "body_base64": base64.b64encode(body.encode()).decode()}]
    )
    assert (told["verdict"], told["told"]) == (again["verdict"], again["told"])
    assert told["verdict"] == verdict, told
    assert said.items() <= told["told"].items(), told


async def test_cards_in_a_pasted_reply_are_masked(operator: Operator) -> None:
    row = {
        "external_orderno": "T-1",
        "status": "3",
        "card_list": [{"card_no": "CARD-0123456789", "card_password": "PW-9"}],
    }
    reply = {"body": json.dumps({"code": 200, "data": row})}
    told = await rehearse(operator, "query", order={**ORDER, "kind": "card_key"}, replies=[reply])
    assert told["verdict"] == "delivered"
    assert told["sentence"] == "delivered, 1 cards"
    assert "CARD-01" not in json.dumps(told)
    assert "PW-9" not in json.dumps(told)


async def test_a_document_in_the_form_is_rehearsed_before_it_is_stored(operator: Operator) -> None:
    """With a place that would show the key: it is the place that is shown, in every writing of the key."""
    document = (await operator.ask("GET", "/profiles/kasushou"))["document"]
    document["sending"]["headers"] |= {"X-Key": "{cred.key:base64}", "X-Plain": "{cred.key}", "X-Sum": "{cred.key:md5}"}
    told = await rehearse(operator, "balance", document=document)
    headers = told["calls"][0]["headers"]
    assert {headers["X-Key"], headers["X-Plain"], headers["X-Sum"]} == {"{cred.key}"}
    document["told"]["success"] = "no list"
    problem = await rehearse(operator, "balance", 422, document=document)
    assert problem["errors"][0]["pointer"] == "/document/told/success"


async def test_a_callback_is_judged_and_its_acknowledgement_shown(operator: Operator) -> None:
    message = {"external_orderno": "T-1", "time": "1795320000", "status": "3"}
    text = json.dumps(dict(sorted(message.items())), separators=(",", ":"))
    sign = hashlib.sha1(f"1795320000{text}{SECRET}".encode()).hexdigest()
    told = await rehearse(operator, "callback", callback={"body": json.dumps({**message, "sign": sign})})
    assert (told["verdict"], told["told"]["outer_number"], told["told"]["ack"]["body"]) == ("trusted", "T-1", "ok")
    told = await rehearse(operator, "callback", callback={"body": json.dumps({**message, "sign": "0" * 40})})
    assert (told["verdict"], told["sentence"]) == ("unsigned", "refused: unsigned")
    assert (await rehearse(operator, "callback"))["verdict"] == "unreadable"


async def test_what_changes_nothing_may_really_be_asked(tools: Tools, operator: Operator, simulator_url: str) -> None:
    shop = await open_shop(tools, simulator_url)
    shop.settings(balance_fen=4321)
    sent = {"supplier": to_text("sup", shop.id), "send": True}
    told = await rehearse(operator, "balance", **sent)
    assert (told["verdict"], told["told"]) == ("balance", {"balance_minor": 4321, "currency": "CNY"})
    assert (told["answers"][0]["status"], len(told["calls"])) == (200, 1)
    assert secret_of(shop.name) not in json.dumps(told)
    assert (await rehearse(operator, "query", **sent))["verdict"] == "not_found"
    assert (await rehearse(operator, "products", **sent))["verdict"] == "products"
    # And what is never sent.
    for change, code, pointer in (
        ({"verb": "submit"}, "profile.not_to_be_sent", "/send"),
        ({"verb": "callback"}, "profile.not_to_be_sent", "/send"),
        ({"supplier": None}, "profile.not_to_be_sent", "/supplier"),
    ):
        body = {"verb": "balance", **sent, **change}
        problem = await operator.ask("POST", "/profiles/kasushou/rehearse", 422, json=body)
        assert (problem["code"], problem["errors"][0]["pointer"]) == (code, pointer)
    assert shop.delivered() == 0
    assert shop.orders() == []
    (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
    await round_at(tools, shop.id)
    (attempt,) = await attempts_of(tools, plan)
    real = await rehearse(operator, "query", 409, order={**ORDER, "outer_number": attempt.outer_number}, **sent)
    assert real["code"] == "profile.real_order", "what was delivered is not read here"


async def test_a_draft_cannot_show_a_real_accounts_key_by_calling_it_public(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    shop = await open_shop(tools, simulator_url)
    document = (await operator.ask("GET", "/profiles/kasushou"))["document"]
    document["credentials"] = [{"name": "user_id", "label": "u", "secret": False}]
    document["credentials"].append({"name": "key", "label": "k", "secret": False})
    document["sending"]["headers"]["X-Key"] = "{cred.key}"
    for send in (False, True):
        told = await rehearse(operator, "balance", document=document, supplier=to_text("sup", shop.id), send=send)
        assert told["calls"][0]["headers"]["X-Key"] == "{cred.key}"
        assert secret_of(shop.name) not in json.dumps(told)


async def test_a_real_accounts_key_is_not_even_there_when_nothing_is_sent(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """However a draft writes it (here sealed into base64 with its neighbours), what is shown was made without it; and
    the signature, of the shown text, buys nothing. What a reply means is judged with the real key all the same."""
    shop = await open_shop(tools, simulator_url, "fulu")
    secret, supplier = secret_of(shop.name), to_text("sup", shop.id)
    document = (await operator.ask("GET", "/profiles/fulu"))["document"]
    document["submit"][0]["fields"]["padded"] = "x{cred.secret}"
    document["sending"]["envelope"]["biz_content"] = "{fields:json:base64}"
    text = json.dumps({"balance": "12.30"})
    sign = hashlib.md5(("".join(sorted(text)) + secret).encode()).hexdigest()
    pasted = {"body": json.dumps({"code": 0, "message": "", "result": text, "sign": sign})}
    for more in ({}, {"document": document}):
        told = await rehearse(operator, "submit", code="fulu", supplier=supplier, **more)
        (call,) = told["calls"]
        envelope = json.loads(call["body"])
        inner = base64.b64decode(envelope["biz_content"]).decode() if more else envelope["biz_content"]
        assert secret not in inner
        assert call["signature"] == envelope["sign"] == hashlib.md5(call["signed"].encode()).hexdigest()
        told = await rehearse(operator, "balance", code="fulu", supplier=supplier, replies=[pasted], **more)
        assert told["told"] == {"balance_minor": 1230, "currency": "CNY"}
        assert secret not in json.dumps(told)


async def test_a_draft_cannot_buy_by_another_name(tools: Tools, operator: Operator, simulator_url: str) -> None:
    """The path of a purchase, written in whatever way, is not asked for a balance: neither the draft's own nor that of
    the version in use."""
    shop = await open_shop(tools, simulator_url)
    sent = {"supplier": to_text("sup", shop.id), "send": True, "order": {**ORDER, "outer_number": "T-9"}}
    for path in ("/api/v1/order/buy", "/api/v1/order//buy/", "/api/v1/order/%62uy", "/api/v1/Order/buy"):
        document = (await operator.ask("GET", "/profiles/kasushou"))["document"]
        buying = document["submit"][0]
        document["balance"] = {"path": path, "fields": buying["fields"], "amount": "data.balance"}
        for own in (buying["path"], "/api/v1/elsewhere"):
            buying["path"] = own
            told = await operator.client.post(
                "/v1/operator/profiles/kasushou/rehearse", json={"verb": "balance", "document": document, **sent}
            )
            assert told.status_code == 422, told.text
    assert (shop.orders(), shop.received()) == ([], 0)


async def test_who_may_not_connect_sends_nothing_by_a_draft(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    """A key for daily work rehearses whatever it likes, and asks the real supplier by the version in use."""
    scopes = sorted(SCOPES["operator"] - {"operator:connect"})
    made = await operator.ask("POST", "/access_keys", 201, json={"label": "clerk", "scopes": scopes})
    shop = await open_shop(tools, simulator_url)
    document = (await operator.ask("GET", "/profiles/kasushou"))["document"]
    stored = await operator.ask("POST", "/profiles/kasushou/draft", 201, json={"document": document})
    body = {"verb": "balance", "supplier": to_text("sup", shop.id)}

    async def status(**more: Any) -> int:
        reply = await operator.client.post(
            "/v1/operator/profiles/kasushou/rehearse", json={**body, **more},
            headers={"Authorization": f"Bearer {made['key']}"},
        )  # fmt: skip
        return reply.status_code

    for draft in ({"document": document}, {"version": stored["version"]}):
        assert await status(**draft) == 200
        assert await status(send=True, **draft) == 403
    assert shop.received() == 0
    assert await status(send=True) == 200
    assert shop.received() == 1


async def test_a_document_cannot_send_the_credentials_elsewhere(
    tools: Tools, operator: Operator, simulator_url: str
) -> None:
    shop = await open_shop(tools, simulator_url)
    document = (await operator.ask("GET", "/profiles/kasushou"))["document"]
    document["balance"]["path"] = "@127.0.0.1:1/steal"
    body = {"verb": "balance", "supplier": to_text("sup", shop.id), "send": True, "document": document}
    answer = await operator.client.post("/v1/operator/profiles/kasushou/rehearse", json=body)
    assert answer.status_code == 422, answer.text


async def test_a_connector_that_breaks_says_so(tools: Tools, operator: Operator, simulator_url: str) -> None:
    """A stranger's code may raise anything anywhere: rehearsal, check and callbacks say so, and nobody else hurts."""

    def breaks(*_: object) -> Any:
        raise KeyError("no such thing")

    there = connectors.built_in("kasushou")
    assert isinstance(there, Dialect)
    broken = replace(there, submit=breaks, balance=breaks, parse_callback=breaks)
    shop = await open_shop(tools, simulator_url)
    with patch.dict(DIALECTS, {"kasushou": broken}):
        told = await rehearse(operator, "submit")
        assert (told["verdict"], told["sentence"]) == ("problem", "the connector broke: KeyError: 'no such thing'")
        sent = await rehearse(operator, "balance", supplier=to_text("sup", shop.id), send=True)
        assert sent["sentence"] == "the connector broke: KeyError: 'no such thing'"
        assert (await rehearse(operator, "callback", callback={}))["verdict"] == "unreadable"
        account = await operator.ask("GET", f"/suppliers/{to_text('sup', shop.id)}")
        checked = await operator.ask("POST", f"/suppliers/{account['id']}/check")
        assert (checked["ok"], checked["problem"]) == (False, "its connector broke: KeyError")
        path = account["callback_url"].removeprefix(tools.settings.public_url)
        assert (await operator.client.post(path, json={})).status_code == 400
        (plan,) = await planned(tools, part(tools.clock.now(), supplier=shop.id))
        assert await round_at(tools, shop.id) == [Unknown("our own fault KeyError")]
    assert (await task_of(tools, plan)).state == "asking"
    assert shop.orders() == []


async def test_odd_questions_are_refused(operator: Operator) -> None:
    assert (await rehearse(operator, "submit", 404, code="nobody"))["code"] == "profile.not_found"
    assert (await rehearse(operator, "submit", 404, version=7))["code"] == "profile.not_found"
    assert (await rehearse(operator, "submit", 400, supplier="x" * 41))["errors"][0]["pointer"] == "/supplier"
    assert (await rehearse(operator, "submit", 404, supplier="sup_x"))["code"] == "request.not_found"
    bad = await rehearse(operator, "query", 422, replies=[{"body_base64": "abcde"}])
    assert (bad["code"], bad["errors"][0]["pointer"]) == ("profile.bad_bytes", "/replies/0/body_base64")
    fulu = await rehearse(operator, "product", code="fulu", credentials={})
    assert fulu["calls"] or fulu["verdict"] == "impossible"


async def test_dialects_say_what_they_need(operator: Operator) -> None:
    found = {one["code"]: one for one in (await operator.ask("GET", "/dialects"))["data"]}
    assert [(c["name"], c["secret"]) for c in found["kasushou"]["credentials"]] == [("user_id", False), ("key", True)]
    assert found["kasushou"]["credentials"][1]["label"]
    assert (found["fulu"]["origin"], found["fulu"]["version"], found["fulu"]["unusable"]) == ("shipped", 0, None)
    schema = await operator.ask("GET", "/profile_schema")
    assert "Profile" in schema["$defs"]


@pytest.mark.parametrize("code", sorted(SHIPPED))
async def test_every_shipped_profile_can_be_rehearsed(operator: Operator, code: str) -> None:
    """Every verb of it, with a purchase of Chinese goods: calls that show no secret, in bytes of its charset."""
    samples = {one.name: SECRET if one.secret else "10001" for one in SHIPPED[code].credentials}
    for verb in ("submit", "query", "balance", "products", "product"):
        order = {**ORDER, "kind": SHIPPED[code].submit[0].kinds[0], "supplier_number": "S-1"}
        told = await rehearse(operator, verb, code=code, credentials=samples, order=order)
        if told["verdict"] is None:
            (call,) = told["calls"]
            raw = base64.b64decode(call["body_base64"])
            assert raw.decode("gbk" if "gbk" in str(call["headers"]).lower() else "utf-8") == call["body"]
            assert bool(call["signed"]) == bool(call["signature"])
        else:
            assert told["verdict"] in ("impossible", "problem", "unknown"), told
            assert "broke" not in told["sentence"], told
