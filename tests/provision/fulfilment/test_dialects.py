"""What the dialects say and understand, without a network: golden vectors, the bytes that are sent, closed tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.conftest import START

from heyi.kernel.clock import millis
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Accepted, Call, Cure, Declined, Delivered, Failed, NotFound, Reply, Talk, Unknown
from heyi.provision.fulfilment.errand import Account
from heyi.provision.fulfilment.masking import masked
from heyi.provision.fulfilment.model import Request
from heyi.provision.fulfilment.suppliers import (
    DIALECTS,
    SHIPPED,
    Callback,
    Heard,
    Order,
    Refusal,
    engine,
    speech,
)

OUTER = "01k742sg00eq9aqqfvrzv91hqh-1"
kasushou, fulu = DIALECTS["kasushou"], DIALECTS["fulu"]
REQUEST = Request(title="视频会员", product_no="1001", accounts=(("phone", "13800138000"),), cost_minor=1500)
KASUSHOU = Account(
    new_id(1),
    "k",
    "kasushou",
    "http://s/k",
    {"user_id": "10001", "key": "k"},
    "http://us/cb",
    1000,
    0,
    0,
    kasushou,
)
FULU = Account(new_id(2), "f", "fulu", "http://s/f", {"app_key": "app", "secret": "k"}, "", 1000, 0, 0, fulu)
ORDER = Order(OUTER, "top_up", REQUEST, START)


def kasushou_sign(stamp: str, fields: dict[str, object], key: str, slash: str = "/") -> str:
    """Written out a second time, by the document; PHP escapes the slashes of callbacks."""
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).replace("/", slash)
    return hashlib.sha1(f"{stamp}{text}{key}".encode()).hexdigest()


def fulu_sign(text: str, secret: str) -> str:
    return hashlib.md5(("".join(sorted(text)) + secret).encode()).hexdigest()


def first_call(talk: Talk) -> Call:
    return next(talk)


def end(talk: Talk, reply: Reply) -> Any:
    next(talk)
    with pytest.raises(StopIteration) as stop:
        talk.send(reply)
    return stop.value.value


def test_golden_vectors() -> None:
    assert kasushou_sign("1758153600", {}, "k") == "b419c6db8ddf09052e9ee617bfb3dcff69047e46"
    assert speech.sorted_json({"b": {"z": 1, "a": "/中"}, "a": [{"y": 1, "x": 2}]}) == (
        '{"a":[{"x":2,"y":1}],"b":{"a":"/中","z":1}}'
    )
    # By hand: the characters of {"a":"cb"} are ""  ""  :  a b c { } in code order.
    assert "".join(sorted('{"a":"cb"}')) == '"""":abc{}'
    assert fulu_sign('{"a":"cb"}', "s") == hashlib.md5(b'"""":abc{}s').hexdigest()


def test_kasushou_signs_the_very_bytes_it_sends() -> None:
    call = first_call(kasushou.submit(KASUSHOU, ORDER))
    stamp = call.headers["Timestamp"]
    assert stamp == str(millis(START))
    assert len(stamp) == 13
    assert call.headers["Sign"] == hashlib.sha1(stamp.encode() + call.body + b"k").hexdigest()
    assert json.loads(call.body) == {
        "attach": {"recharge_account": "13800138000"}, "external_orderno": OUTER, "id": 1001, "quantity": 1,
        "safe_price": "15.00", "url": "http://us/cb",
    }  # fmt: skip


def test_fulu_signs_the_envelope() -> None:
    call = first_call(fulu.submit(FULU, ORDER))
    envelope = json.loads(call.body)
    sign = envelope.pop("sign")
    text = json.dumps(envelope, ensure_ascii=False, separators=(",", ":"))
    assert sign == hashlib.md5(("".join(sorted(text)) + "k").encode()).hexdigest()
    assert envelope["timestamp"] == "2026-11-22 12:00:00", "their clock hangs in Shanghai"
    assert json.loads(envelope["biz_content"]) == {
        "product_id": 1001, "customer_order_no": OUTER, "buy_num": 1, "charge_account": "13800138000",
    }  # fmt: skip


def test_fulu_refuses_what_cannot_be_signed() -> None:
    odd = replace(ORDER, request=Request(title="x", accounts=(("name", "小😀"),)))
    with pytest.raises(StopIteration) as stop:
        next(fulu.submit(FULU, odd))
    assert stop.value.value.cure is Cure.ASK_BUYER


def told(code: object, data: object = None, status: int = 200, msg: str = "说明") -> Reply:
    return Reply(status, {}, json.dumps({"code": code, "msg": msg, "data": data}).encode())


def ours(status: object, **more: object) -> dict[str, object]:
    return {"external_orderno": OUTER, "ordersn": "S1", "status": status, "total_price": "15.00", **more}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (told(200, ours(2)), Accepted("S1", 1500)),
        (told("200", ours("2")), Accepted("S1", 1500)),
        (told(1, ours(3)), Delivered("S1", (), 1500)),
        (told(200, ours(4, recharge_hints="失败")), Failed("recharge 失败", Cure.OTHER_OFFER, "S1")),
        (told(200, ours(97)), Unknown("unmapped status 97")),
        (told(200, ours(-1)), Accepted("S1", 1500)),
        (told(200, ours(1)), Accepted("S1", 1500)),
        (told(200, ours(5)), Failed("recharge", Cure.OTHER_OFFER, "S1")),
        (told(9797, ours(3)), Unknown("unmapped code 9797")),
        (told(True, ours(3)), Unknown("unmapped code true")),
        (told(200, {**ours(3), "external_orderno": "x-1"}), Unknown("the answer is about another order")),
        (told(200, None), Unknown("the answer is about another order")),
        (told(200, {"external_orderno": OUTER, "ordersn": "S1", "total_price": 15}), Accepted("S1", 1500)),
        (told(400, msg="库存不足"), Declined("sold_out 库存不足 (400)", Cure.OTHER_OFFER)),
        (told(400, msg="充值账号有误"), Declined("account 充值账号有误 (400)", Cure.ASK_BUYER)),
        (told(400, msg="签名错误"), Declined("signature 签名错误 (400)", Cure.PERSON)),
        (told(400), Declined("refused 说明 (400)", Cure.PERSON)),
        (told(400, msg="外部订单号已存在"), Unknown("they know this number already")),
        (told(500), Unknown("unmapped code 500")),
        (told(200, ours(3), 500), Unknown("HTTP 500")),
        (Reply(200, {}, b"<html>"), Unknown("unreadable answer")),
        (Reply(200, {}, b"[]"), Unknown("unreadable answer")),
        (Reply(200, {}, b"[" * 100_000), Unknown("unreadable answer")),
    ],
)
def test_kasushou_understands(reply: Reply, kind: object) -> None:
    assert end(kasushou.submit(KASUSHOU, ORDER), reply) == kind


def test_of_several_purchases_under_one_number_the_delivered_one_binds() -> None:
    assert end(kasushou.query(KASUSHOU, ORDER), told(200, [ours(4), ours(2), ours(3)])) == Delivered("S1", (), 1500)
    assert end(kasushou.query(KASUSHOU, ORDER), told(200, [ours(4), ours(2)])) == Accepted("S1", 1500)
    assert isinstance(end(kasushou.query(KASUSHOU, ORDER), told(200, [ours(4)])), Failed)
    assert end(kasushou.query(KASUSHOU, ORDER), told(200, [])) == NotFound()
    assert end(kasushou.query(KASUSHOU, ORDER), told(400, msg="订单不存在")) == NotFound()
    assert end(kasushou.query(KASUSHOU, ORDER), told(400)) == Unknown("unmapped code 400 说明")
    assert end(kasushou.query(KASUSHOU, ORDER), told(200, [ours(None)])) == Unknown("unmapped status missing")


@pytest.mark.parametrize("cards", [[], [{"card_no": "a", "card_password": "b"}] * 2, "x", [{}]])
def test_a_card_order_needs_its_one_card(cards: object) -> None:
    order = replace(ORDER, kind="card_key")
    answer = end(kasushou.query(KASUSHOU, order), told(200, [ours(3, card_list=cards)]))
    assert isinstance(answer, Unknown)


def fulu_told(code: object, result: object, secret: str = "k") -> Reply:
    text = json.dumps(result, ensure_ascii=False) if result is not None else ""
    body = {"code": code, "message": "说明", "result": text, "sign": fulu_sign(text, secret)}
    return Reply(200, {}, json.dumps(body).encode())


def fulu_order(status: str, **more: object) -> dict[str, object]:
    return {"order_id": "F1", "customer_order_no": OUTER, "order_state": status, "order_price": 15.2, **more}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (fulu_told(0, fulu_order("untreated")), Accepted("F1", 1520)),
        (fulu_told(0, fulu_order("processing")), Accepted("F1", 1520)),
        (fulu_told(0, fulu_order("success")), Delivered("F1", (), 1520)),
        (fulu_told(0, fulu_order("failed")), Failed("recharge", Cure.OTHER_OFFER, "F1")),
        (fulu_told(0, fulu_order("suspended")), Unknown("unmapped status suspended")),
        (fulu_told(9797, fulu_order("success")), Unknown("unmapped code 9797")),
        (fulu_told(0, fulu_order("success"), "forged"), Unknown("the answer's signature does not hold")),
        (fulu_told(4001, None), Unknown("unmapped code 4001")),
        (fulu_told(0, {**fulu_order("untreated"), "order_status": "success"}), Accepted("F1", 1520)),
        (Reply(200, {}, b'{"code":0}'), Unknown("unreadable answer")),
    ],
)
def test_fulu_understands(reply: Reply, kind: object) -> None:
    assert end(fulu.query(FULU, ORDER), reply) == kind


@pytest.mark.parametrize("code", ["3001", "3002", "3003", "3004", "3005", "3008"])
def test_fulu_codes_after_which_clients_go_elsewhere(code: str) -> None:
    answer = end(fulu.submit(FULU, ORDER), fulu_told(int(code), None))
    assert isinstance(answer, Declined)
    assert answer.cure is Cure.OTHER_OFFER


@given(st.binary(max_size=300))
def test_no_answer_breaks_a_talk(body: bytes) -> None:
    for talk in (kasushou.query(KASUSHOU, ORDER), fulu.query(FULU, ORDER)):
        assert isinstance(end(talk, Reply(200, {}, body)), Unknown)


FIELDS = st.sampled_from(["code", "data", "status", "result", "external_orderno", "card_list", "time", "sign"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner),
)


@given(JSON)
def test_no_strange_json_breaks_a_talk_or_is_trusted(value: object) -> None:
    body = json.dumps(value).encode()
    for account, dialect in ((KASUSHOU, kasushou), (FULU, fulu)):
        assert isinstance(end(dialect.query(account, ORDER), Reply(200, {}, body)), Unknown | NotFound)
        assert isinstance(dialect.parse_callback(account, Callback({}, "", body), START), Refusal)


def kasushou_callback(**more: object) -> dict[str, object]:
    message = {
        **ours(3),
        "card_list": [{"card_no": "C"}],
        "express_list": [],
        "time": str(millis(START)),
        **more,
    }
    signed = {k: v for k, v in message.items() if k not in ("card_list", "express_list", "sign")}
    return {"sign": kasushou_sign(str(message["time"]), signed, "k", slash="\\/"), **message}


def fulu_callback(**more: object) -> dict[str, object]:
    message = {"order_id": "F1", "customer_order_no": OUTER, "order_status": "success", "price": "15.2000",
               "charge_finish_time": "2026-11-22 12:00:00", **more}  # fmt: skip
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return {**message, "sign": fulu_sign(text, "k")}


@pytest.mark.parametrize(
    ("name", "make", "account"), [("kasushou", kasushou_callback, KASUSHOU), ("fulu", fulu_callback, FULU)]
)
def test_callbacks_are_checked(name: str, make: Callable[..., dict[str, object]], account: Account) -> None:
    def heard(message: object, after: timedelta = timedelta()) -> object:
        return DIALECTS[name].parse_callback(account, Callback({}, "", json.dumps(message).encode()), START + after)

    good = make()
    assert heard(good) == Heard(OUTER)
    assert heard({**good, "sign": str(good["sign"]).upper()}) == Heard(OUTER)
    assert heard({**good, "order_status": "failed", "total_price": "0.01"}) == Refusal("unsigned")
    assert heard({key: value for key, value in good.items() if key != "sign"}) == Refusal("unsigned")
    assert heard(make(recharge_hints="见 https://a/b")) == Heard(OUTER), "their way of writing slashes is signed"
    assert heard(good, timedelta(days=2)) == Refusal("stale")
    assert heard(["no object"]) == Refusal("unreadable")
    assert heard({"sign": "x"}) == Refusal("unreadable")


def test_every_dialect_is_whole() -> None:
    for dialect in map(engine.compile, SHIPPED.values()):
        assert dialect.ack.body
        assert dialect.credentials
        assert dialect.grace_ms >= 60_000, "a minute is the least that any supplier's document asks for"


@pytest.mark.parametrize(
    ("yuan", "fen"),
    [
        ("15.00", 1500),
        (15, 1500),
        ("0.005", 1),
        ("abc", None),
        (None, None),
        (True, None),
        ("NaN", None),
        ("1e3", 100000),
    ],
)
def test_amounts(yuan: object, fen: int | None) -> None:
    assert speech.fen_of(yuan) == fen


def test_masking() -> None:
    inner = json.dumps({"cards": [{"card_number": "CARD-1", "card_pwd": 'PW-"1'}], "charge_account": "13800138000"})
    text = json.dumps({"code": 0, "result": inner, "sign": "abcdef0123456789"})
    shown = masked(text, ("13800138000", "abcdef0123456789"), DIALECTS["fulu"].hidden)
    for secret in ("CARD-1", "PW-", "13800138000", "abcdef0123456789"):
        assert secret not in shown
    assert '"code": 0' in shown
