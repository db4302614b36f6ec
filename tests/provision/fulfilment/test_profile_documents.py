"""Profiles without a network: golden vectors and the ten families of strings, what is signed is what is sent, faulty
profiles refused with the place, round trips, sealed cards, strangers' answers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import msgspec
import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher as Box
from cryptography.hazmat.primitives.ciphers import algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import START
from tests.provision.fulfilment.playing import Played, play

from heyi.kernel.clock import millis
from heyi.kernel.errors import ManyRefused
from heyi.kernel.ids import new_id
from heyi.kernel.talk import Accepted, Call, Cure, Declined, Delivered, NotFound, Reply, Unknown
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
    canonical,
    cards,
    engine,
    profile,
    speech,
)
from heyi.provision.fulfilment.suppliers.pieces import Cipher, Pairs, Signature

OUTER = "01k742sg00eq9aqqfvrzv91hqh-1"
SECONDS, MS = str(millis(START) // 1000), str(millis(START))


def account(code: str, **more: Any) -> Account:
    dialect = DIALECTS[code]
    credentials = {one.name: f"{code}-{one.name}-0123456789" for one in dialect.credentials}
    ours = "https://us.example/callbacks/tok"
    return Account(
        new_id(1), code, code, "https://s.example", credentials, ours, 1000, 0, 0, dialect, **more,
    )  # fmt: skip


def order(kind: str = "top_up", *, phone: str = "13800138000", **more: Any) -> Order:
    accounts = (("phone", phone),) if kind == "top_up" else ()
    return Order(OUTER, kind, Request(title="x", product_no="1001", accounts=accounts, cost_minor=1500), START, **more)


def kind_of(code: str) -> str:
    return DIALECTS[code].kinds[0]


def call_of(code: str, verb: str = "submit", one: Order | None = None) -> Call:
    speak = getattr(DIALECTS[code], verb)
    found: Call = next(speak(account(code), one or order(kind_of(code), supplier_number="77")))
    return found


def signed(spec: Signature, message: canonical.Message, **credentials: str) -> tuple[str, str]:
    return canonical.signer(spec, "utf-8")(message, credentials)


# -- golden vectors and families ------------------------------------------------------------------------------------


def test_golden_vector_of_yiqida() -> None:
    body = '{"external_orderno":"test001","orderNo":""}'
    spec = Signature(text="{time}{body}{cred.key}", hash="md5", put="query", name="sign")
    message = canonical.Message(json.loads(body), body, time="1756972222538")
    assert signed(spec, message, key="1234567890")[1] == "75b83efcf9f67a921f20bad6f461d938"
    assert speech.compact({"external_orderno": "test001", "orderNo": ""}) == body


def test_golden_vectors_of_the_upper_family() -> None:
    """Two vendors' published examples (showdoc.com.cn/mx/9887804118107052 and api.docs.9dg.com), both recomputed."""
    spec = Signature(text="{pairs}&key={cred.key}", hash="md5", upper=True, name="sign")
    first = {
        "pay_memberid": "221274714", "pay_orderid": "E20230306235021795557", "pay_amount": 5,
        "pay_applydate": "2023-03-06 23:50:24", "pay_bankcode": "956", "sign": "not signed",
        "pay_notifyurl": "http://www.baidu.com/server.php", "pay_callbackurl": "http://www.baidu.com/page.php",
    }  # fmt: skip
    told = signed(spec, canonical.Message(first), key="paebiyya4co5x0231zcm1novl8trustw")
    assert told[1] == "7C33FC16AC912B47092B3EC20BD9468B"
    second = {
        "mchId": "IPq15ZFXBFLIqRuY", "mchTransNo": "123456789", "coinName": "INR", "amount": 100,
        "notifyUrl": "https://test.com", "paymentNotifyUrl": "https://test.com",
    }  # fmt: skip
    assert signed(spec, canonical.Message(second), key="IPq15ZFXBFLIqRuY")[1] == "F694ED4D44A60DB500045184BD13AF84"


def test_golden_vector_of_an_empty_body() -> None:
    spec = Signature(text="{time}{sorted}{cred.key}", hash="sha1", put="header", name="Sign")
    told = signed(spec, canonical.Message({}, time="1758153600"), key="k")
    assert told == ("1758153600{}k", "b419c6db8ddf09052e9ee617bfb3dcff69047e46")


FIELDS = {"b": "2", "a": "1", "empty": "", "list": [1, {"x": "y"}], "sign": "?"}
KEPT = Pairs(equals="", between="", skip_empty=True)
FAMILIES: list[tuple[str, Signature, str]] = [
    ("福禄", Signature(text="{json:chars}{cred.k}", hash="md5", name="sign", exclude=["list", "empty"]),
     '"""""""",12::ab{}K'),
    ("卡速售", Signature(text="{time}{sorted}{cred.k}", hash="sha1", name="sign", exclude=["list"]),
     '9{"a":"1","b":"2","empty":""}K'),
    ("商腾", Signature(text="{time}{sorted}{cred.k}", hash="sha1", put="header", name="Sign",
                     exclude=["list", "empty", "sign"]), '9{"a":"1","b":"2"}K'),
    ("卡易信", Signature(text="{cred.k}{cred.k}3.0{time}{body}", hash="md5", put="header", name="X"), "KK3.09<body>"),
    ("亿奇达", Signature(text="{time}{body}{cred.k}", hash="md5", put="query", name="sign"), "9<body>K"),
    ("Agiso", Signature(text="{cred.k}{pairs}{cred.k}", hash="md5", name="sign", pairs=Pairs(equals="", between=""),
                        exclude=["list"]), "Ka1b2emptyK"),
    ("橙券, 蓝色兄弟", Signature(text="{pairs}&key={cred.k}", hash="md5", upper=True, name="sign", exclude=["list"],
                             pairs=Pairs(skip_empty=True)), "a=1&b=2&key=K"),
    ("蜂助手", Signature(text="{pairs}&signKey={cred.k}", hash="sha1", upper=True, name="sign", exclude=["list"],
                      pairs=Pairs(skip_empty=True)), "a=1&b=2&signKey=K"),
    ("咔咔云", Signature(text="{pairs}{cred.k}", hash="md5", put="query", name="sign",
                      pairs=Pairs(source="query")), "userid=7&version=1K"),
    ("梵尘", Signature(text="{pairs}&key={cred.k}", hash="md5", upper=True, name="sign", charset="gbk",
                     pairs=Pairs(order=["b", "absent", "a"])), "b=2&absent=&a=1&key=K"),
    ("京兆云", Signature(text="{cred.k}{pairs}", hash="md5", name="sign", exclude=["list"], pairs=KEPT), "Ka1b2"),
    ("聚合", Signature(text="{cred.k}{field.b}{field.a}{field.nothing}", hash="md5", name="sign"), "K21"),
    ("蜜蜂汇云", Signature(text="{pairs}{cred.k}", hash="md5", name="sign",
                       pairs=Pairs(equals="", between="", lists="literal")), "a1b2emptylistArrayK"),
    ("dujiao", Signature(text="{method}\n{path}\n{time}\n{body:md5}", hash="hmac_sha256", key="{cred.k}",
                         put="header", name="S"), f"POST\n/p\n9\n{hashlib.md5(b'<body>').hexdigest()}"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "spec", "text"), FAMILIES, ids=[name for name, *_ in FAMILIES])
def test_every_family_of_strings_is_one_text(name: str, spec: Signature, text: str) -> None:
    message = canonical.Message(
        FIELDS, "<body>", {"userid": "7", "version": "1", "sign": "?"} if spec.put == "query" else {},
        canonical.Headers(), "POST", "/p", "9",
    )  # fmt: skip
    if spec.pairs and spec.pairs.source == "query":
        spec = msgspec.structs.replace(spec, exclude=["sign"])
    told, signature = signed(spec, message, k="K")
    assert told == text
    plain = spec.hash.removeprefix("hmac_")
    raw = told.encode("gbk" if spec.charset else "utf-8")
    mine = hmac.new(b"K", raw, plain).hexdigest() if spec.key else hashlib.new(plain, raw).hexdigest()
    assert signature == (mine.upper() if spec.upper else mine)
    place = {"field": "fields", "query": "query", "header": "headers"}[spec.put]
    given = canonical.Headers({spec.name.lower(): signature}) if spec.put == "header" else {spec.name: signature}
    carrying = replace(message, **{place: type(given)({**getattr(message, place), **given})})
    sign = canonical.signer(spec, "utf-8")
    assert canonical.holds(spec, sign, carrying, {"k": "K"})
    assert not canonical.holds(spec, sign, carrying, {"k": "other"})
    assert not canonical.holds(spec, sign, message, {"k": "K"})


# -- what is signed is what is sent ---------------------------------------------------------------------------------


def test_requests_as_their_documents_show_them() -> None:
    kayixin = call_of("kayixin")
    key = "kayixin-key-0123456789"
    stamped = f"kayixin-app_id-0123456789{key}3.0{SECONDS}".encode() + kayixin.body
    assert kayixin.headers["X-Signature"] == hashlib.md5(stamped).hexdigest()
    assert json.loads(kayixin.body)["attach"] == [{"name": "充值账号", "value": "13800138000"}]
    assert b'"safePrice":15.00' in kayixin.body

    yiqida = call_of("yiqida")
    query = dict(parse_qsl(urlsplit(yiqida.url).query))
    assert query["sign"] == hashlib.md5(MS.encode() + yiqida.body + b"yiqida-key-0123456789").hexdigest()
    assert (query["timestamp"], len(query["timestamp"])) == (MS, 13)

    fanchen = call_of("fanchen", one=order(phone="王五"))
    assert fanchen.headers["Content-Type"] == "application/x-www-form-urlencoded; charset=GBK"
    fields = dict(part.split("=") for part in fanchen.body.decode().split("&"))
    assert fields["account"] == "%CD%F5%CE%E5", "percent-encoded GBK"
    assert unquote_plus(fields["account"], encoding="gbk") == "王五"
    assert fields["sign"] == hashlib.md5(fanchen.signed.encode("gbk")).hexdigest().upper()
    assert fanchen.signed.startswith(
        "userid=fanchen-userid-0123456789&productid=1001&num=1&areaid=&serverid=&account=王五"
    )

    dujiao = call_of("dujiao_next")
    text = f"POST\n/api/v1/upstream/orders\n{SECONDS}\n{hashlib.md5(dujiao.body).hexdigest()}"
    mac = hmac.new(b"dujiao_next-secret-0123456789", text.encode(), hashlib.sha256).hexdigest()
    assert dujiao.headers["Dujiao-Next-Signature"] == mac
    asked = call_of("dujiao_next", "query")
    assert (asked.method, asked.url, asked.body) == ("GET", "https://s.example/api/v1/upstream/orders/77", b"")
    assert asked.signed.endswith("d41d8cd98f00b204e9800998ecf8427e")

    mifeng = json.loads(call_of("mifeng", "query", order(sent_at=START.replace(hour=1))).body)
    assert int(mifeng["time"]) < int(mifeng["timestamp"]), "the moment of the order, not of the question"
    assert "datas" not in call_of("mifeng").signed


@pytest.mark.parametrize("code", sorted(SHIPPED))
@settings(max_examples=25)
@given(phone=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20))
def test_whatever_the_buyer_types_is_sent_as_it_was_signed(code: str, phone: str) -> None:
    """Or refused before anything is sent; and it never stands in the record in clear."""
    one = order(kind_of(code), phone=phone)
    found = play(DIALECTS[code], account(code), one, "submit")
    if found.call is None:
        assert isinstance(found.answer, Declined)
        assert found.answer.cure is Cure.ASK_BUYER
        return
    call, again = found.call, next(DIALECTS[code].submit(account(code), one))
    assert (again.body, again.url, dict(again.headers)) == (call.body, call.url, dict(call.headers))
    spec = SHIPPED[code].submit[0].signature or SHIPPED[code].sending.signature
    assert spec is not None
    charset = SHIPPED[code].sending.charset
    if "{body" in spec.text:
        text = call.body.decode(charset)
        body = hashlib.md5(call.body).hexdigest() if ":md5" in spec.text else text
        assert body in call.signed
    elif "{sorted}" in spec.text:
        assert call.body.decode() in call.signed
    elif SHIPPED[code].sending.format == "json":
        sent = json.loads(call.body)
        assert sent.pop(spec.name, None) or spec.put == "header"
        values = {"".join(sorted(v)) if "chars" in spec.text else v for v in sent.values() if isinstance(v, str) and v}
        assert all(value in call.signed for value in values if "chars" not in spec.text)
    else:
        sent = dict(parse_qsl(call.body.decode(charset), keep_blank_values=True, encoding=charset))
        assert spec.name in sent


def submitted(document: dict[str, Any], one: Order, code: str = "kasushou") -> Played:
    dialect = engine.compile(profile.read(document))
    return play(dialect, replace(account(code), connector=dialect), one, "submit")


def test_filters_write_bytes_in_the_charset_of_the_request() -> None:
    document = changed("/sending/common/check", "{account:md5}", "fanchen")
    document["sending"]["common"] |= {"packed": "{account:base64}", "quoted": "{account:url}"}
    call = submitted(document, order(phone="王五"), "fanchen").call
    assert call is not None
    fields = dict(parse_qsl(call.body.decode()))
    raw = "王五".encode("gbk")
    assert fields["check"] == hashlib.md5(raw).hexdigest()
    assert (fields["packed"], fields["quoted"]) == (base64.b64encode(raw).decode(), "%CD%F5%CE%E5")


@pytest.mark.parametrize(
    ("path", "text", "phone", "sent"),
    [
        ("/sending/headers/X", "{account}", "138", True),
        ("/sending/headers/X", "{account}", "138\r\nHost: elsewhere", False),
        ("/submit/0/path", "/buy/{account:url}", "138", True),
        ("/submit/0/path", "/buy/{account:url}", "..", False),
        ("/submit/0/path", "/buy/{account:url}/{outer_number}", "../refund?x#", True),
        ("/submit/0/fields/more", "{account:base64:base64:base64}", "1" * 30_000, False),
        ("/submit/0/fields/more", "{account}{account}", "1" * 40_000, False),
    ],
)
def test_what_cannot_be_written_as_it_is_meant_is_refused_unsent(path: str, text: str, phone: str, sent: bool) -> None:
    """Nobody's account becomes another header, another path, or a request without end."""
    found = submitted(changed(path, text), order(phone=phone))
    assert (found.call is not None) == sent, found
    if found.call is not None:
        assert "/refund" not in found.call.url
        assert found.call.url.startswith("https://s.example/")
    else:
        assert found.answer == Declined("request 请求内容无法按对方格式写出", Cure.PERSON)


def test_a_number_with_a_zero_before_it_is_a_text() -> None:
    assert [speech.number_of(one) for one in ("1001", "0", "007", "x")] == [1001, 0, "007", "x"]


def test_what_holds_cards_is_hidden_by_its_name_wherever_they_stand() -> None:
    """A place in a list is no name: the one before it is."""
    document = changed("/shown/cards", {"path": "goods.0.cards.0", "form": "text"})
    assert engine.hidden_names(profile.read(document)) == ["cards", "recharge_account"]
    document = changed("/shown/cards", {"path": "", "number": "no", "password": "pwd.1"})
    assert engine.hidden_names(profile.read(document)) == ["data", "no", "pwd", "recharge_account"]


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_secrets_are_told_to_the_mask(code: str) -> None:
    call = call_of(code)
    kept = masked(call.body.decode(SHIPPED[code].sending.charset), call.secrets, DIALECTS[code].hidden)
    string = masked(call.signed, call.secrets, DIALECTS[code].hidden)
    for one in DIALECTS[code].credentials:
        if one.secret:
            value = account(code).credentials[one.name]
            assert value not in kept
            assert value not in string
    if kind_of(code) == "top_up":
        assert "13800138000" not in kept


# -- reading ---------------------------------------------------------------------------------------------------------


def faults_of(raw: bytes | dict[str, Any]) -> list[tuple[str | None, str]]:
    with pytest.raises(ManyRefused) as refused:
        profile.read(raw)
    assert refused.value.faults
    for one in refused.value.faults:
        assert one.sentence("zh")
        assert one.sentence("en")
    return [(one.pointer, one.code) for one in refused.value.faults]


def changed(path: str, value: Any, code: str = "kasushou") -> dict[str, Any]:
    document = msgspec.to_builtins(SHIPPED[code])
    *way, last = path.strip("/").split("/")
    inner: Any = document
    for name in way:
        inner = inner[int(name)] if isinstance(inner, list) else inner.setdefault(name, {})
    if value is ...:
        del inner[last]
    elif isinstance(inner, list):
        inner[int(last)] = value
    else:
        inner[last] = value
    return document  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("path", "value", "pointer", "code"),
    [
        ("/surprise", 1, "/surprise", "profile.shape"),
        ("/submit", ..., "/submit", "profile.shape"),
        ("/code", 7, "/code", "profile.shape"),
        ("/code", "Größe", "/code", "profile.clash"),
        ("/title", " ", "/title", "profile.gap"),
        ("/base_url", "ftp://x", "/base_url", "profile.clash"),
        ("/grace_ms", 1000, "/grace_ms", "profile.clash"),
        ("/credentials/1/name", "user_id", "/credentials/1/name", "profile.clash"),
        ("/credentials/1/name", "other", "/sending/signature/text", "profile.place"),
        ("/sending/charset", "latin-1", "/sending/charset", "profile.shape"),
        ("/sending/headers/Host", "x", "/sending/headers", "profile.clash"),
        ("/sending/headers/X", "{nothing}", "/sending/headers/X", "profile.place"),
        ("/sending/headers/X", "{time:shout}", "/sending/headers/X", "profile.place"),
        ("/sending/headers/X", "{time", "/sending/headers/X", "profile.place"),
        ("/sending/headers/X", "{cred.nothing}", "/sending/headers/X", "profile.place"),
        ("/sending/envelope", {"a": "b"}, "/sending/envelope", "profile.gap"),
        ("/sending/signature/key", "{cred.key}", "/sending/signature/key", "profile.clash"),
        ("/sending/signature/hash", "crc32", "/sending/signature/hash", "profile.shape"),
        ("/sending/signature/text", "{time}{sorted}", "/sending/signature/text", "profile.gap"),
        ("/sending/signature/text", "{outer_number}{cred.key}", "/sending/signature/text", "profile.place"),
        ("/told/success", [], "/told/success", "profile.gap"),
        ("/told/success", ["400"], "/told/success", "profile.clash"),
        ("/told/refusals/9", "because", "/told/refusals", "profile.shape"),
        ("/told/statuses", [200, 502], "/told/statuses", "profile.clash"),
        ("/told/says", {}, "/told/says", "profile.gap"),
        ("/told/code", [], "/told/code", "profile.gap"),
        ("/told/code", ["a..b"], "/told", "profile.clash"),
        ("/shown/states", {}, "/shown/states", "profile.gap"),
        ("/shown/states/9", "perhaps", "/shown/states", "profile.shape"),
        ("/shown/cards", ..., "/shown/cards", "profile.gap"),
        ("/shown/cards/cipher", {"name": "aes-cbc", "key": "{cred.key}"}, "/shown/cards/cipher/iv", "profile.gap"),
        ("/shown/cards/cipher", {"name": "rot13", "key": "x"}, "/shown/cards/cipher/name", "profile.shape"),
        ("/submit/0/path", "order", "/submit/0/path", "profile.clash"),
        ("/submit/0/fields/external_orderno", "x", "/submit/0/fields", "profile.gap"),
        ("/submit/0/fields/id", "1", "/submit/0/fields", "profile.gap"),
        ("/submit/0/fields/attach/...", "{account}", "/submit/0/fields/attach/...", "profile.clash"),
        ("/submit/0/fields/a~b", "{x}", "/submit/0/fields/a~0b", "profile.place"),
        ("/submit/0/kinds", ["top_up", "top_up"], "/submit/0/kinds", "profile.clash"),
        ("/submit/0/kinds", [], "/submit", "profile.gap"),
        ("/submit/0/shown", {"unsaid": "failed"}, "/submit/0/shown/unsaid", "profile.clash"),
        ("/query/fields", {}, "/query", "profile.gap"),
        ("/product/fields", {}, "/product", "profile.gap"),
        ("/products/fields", {}, "/products", "profile.gap"),
        ("/callback/signature", ..., "/callback/signature", "profile.gap"),
        ("/callback/outer", "", "/callback/outer", "profile.gap"),
        ("/callback/ack/status", 500, "/callback/ack/status", "profile.clash"),
        ("/callback/fresh/text", "{time}", "/callback/fresh/text", "profile.place"),
        # Times: a day at most, in a zone that there is, as clocks write and read them.
        ("/grace_ms", 86_400_001, "/grace_ms", "profile.clash"),
        ("/first_query_ms", 10**18, "/first_query_ms", "profile.clash"),
        ("/query_gap_ms", 0, "/query_gap_ms", "profile.clash"),
        ("/callback/fresh/window_s", 86_401, "/callback/fresh/window_s", "profile.clash"),
        ("/callback/fresh", {"text": "{field.time}", "zone_hours": 99}, "/callback/fresh/zone_hours", "profile.clash"),
        ("/clock/zone_hours", -13, "/clock/zone_hours", "profile.clash"),
        ("/callback/fresh", {"text": "{field.time}", "unit": "text", "format": "%Y%Y"}, "/callback/fresh/format",
         "profile.clash"),
        ("/clock", {"unit": "text", "format": "%H\n"}, "/clock/format", "profile.clash"),
        # What would be sent, or signed, without end; and credentials that nothing could mask.
        ("/sending/headers/X", "{time:base64:base64:base64:base64}", "/sending/headers/X", "profile.place"),
        ("/sending/headers/X", "{cred.key:base64:base64}", "/sending/headers/X", "profile.place"),
        ("/sending/signature/text", "{cred.key:chars:url}{time}", "/sending/signature/text", "profile.place"),
        # What leads to another call than the one that was meant.
        ("/sending/headers/X", "a\nHost: b", "/sending/headers/X", "profile.clash"),
        ("/product/path", "/goods/{product_no}", "/product/path", "profile.place"),
        ("/query/path", "/api/v1/order/buy", "/query/path", "profile.clash"),
        ("/balance/path", "/api/v1/order/buy", "/balance/path", "profile.clash"),
        # What could never be told.
        ("/hidden", [""], "/hidden", "profile.gap"),
        ("/shown/cards/cipher", {"name": "aes-ecb", "key": "x" * 31}, "/shown/cards/cipher/key", "profile.clash"),
        ("/shown/cards/cipher", {"name": "aes-cbc", "key": "x" * 32, "iv": "x"}, "/shown/cards/cipher/key",
         "profile.clash"),
        ("/shown/cards/cipher", {"name": "aes-ecb", "key": "x" * 32, "covers": "whole"}, "/shown/cards/form",
         "profile.clash"),
        ("/query/shown", {"rows": "data", "status": "status", "states": {"3": "done"}}, "/query/shown/cards",
         "profile.gap"),
        ("/products/goods/stock_words", {"many": 10**10}, "/products/goods/stock_words", "profile.clash"),
    ],
)  # fmt: skip
def test_a_faulty_profile_is_refused_with_the_place(path: str, value: Any, pointer: str, code: str) -> None:
    assert (pointer, code) in faults_of(changed(path, value))


def test_some_state_must_mean_that_it_is_done() -> None:
    document = changed("/shown/states", {"processing": "working", "failed": "failed"}, "fulu")
    assert faults_of(document) == [("/shown/states", "profile.gap")] * 2, "of both purchases"


def test_their_number_must_be_told_where_it_is_asked_by() -> None:
    document = changed("/query/by", "supplier_number")
    document["query"]["fields"]["no"] = "{supplier_number}"
    del document["submit"][0]["shown"]["number"]
    assert faults_of(document) == [("/submit/0/shown/number", "profile.gap")]


def test_a_document_is_as_small_when_it_is_written_as_when_it_comes() -> None:
    """Bytes of the form and of the object that stands in it are held to the same: size, depth, a fault with a code."""
    deep: Any = {}
    for _ in range(40):
        deep = {"a": deep}
    wide = {f"n{number}": {"x": ""} for number in range(5_000)}
    for value in (deep, wide, {"a": "x" * 70_000}):
        document = changed("/submit/0/fields/more", value)
        for told in (document, json.dumps(document).encode()):
            assert faults_of(told) == [("", "profile.shape")]


def test_all_faults_are_told_at_once() -> None:
    document = changed("/title", "")
    document["grace_ms"], document["submit"][0]["path"], document["query"]["fields"] = 0, "{x}", {}
    pointers = {pointer for pointer, _ in faults_of(document)}
    assert {"/title", "/grace_ms", "/submit/0/path", "/query"} <= pointers


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'"x"', b"\xff", b"[" * 70_000, b"{}" + b" " * 70_000, b"{}",
                                 b'{"code":' + b"[" * 30_000 + b"]" * 30_000 + b"}"])  # fmt: skip
def test_what_is_no_profile_is_refused(raw: bytes) -> None:
    assert faults_of(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data(), value=JSON)
def test_a_profile_with_anything_anywhere_is_refused_or_compiles(data: st.DataObject, value: Any) -> None:
    """An operator may type whatever he likes: there is a refusal or a dialect, never a crash."""
    document: Any = msgspec.to_builtins(SHIPPED[data.draw(st.sampled_from(sorted(SHIPPED)))])
    inner = document
    while True:
        key = data.draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        if not isinstance(inner[key], dict | list) or not inner[key] or data.draw(st.booleans()):
            inner[key] = value
            break
        inner = inner[key]
    try:
        dialect = engine.compile(profile.read(document))
    except ManyRefused as refused:
        places = [one.pointer for one in refused.faults]
        if None in places:
            raise
        return
    assert profile.read(profile.written(profile.read(document))) == profile.read(document)
    for kind in dialect.kinds:
        call = play(dialect, replace(account("kasushou"), connector=dialect, credentials={
            one.name: "c0123456789abcdef" for one in dialect.credentials
        }), order(kind), "submit").call  # fmt: skip
        assert call is None or call.method in ("GET", "POST")


@pytest.mark.parametrize("code", sorted(SHIPPED))
def test_a_profile_is_what_it_was_after_writing_and_reading(code: str) -> None:
    one = SHIPPED[code]
    assert one.code == code
    assert profile.read(profile.written(one)) == one
    assert one.beta
    assert len(one.source) > 40, "say what it was built to"


# -- answers and callbacks of strangers -----------------------------------------------------------------------------

WORDS = sorted({
    name
    for one in SHIPPED.values()
    for path in (*one.told.code, one.told.message, one.told.unwrap, one.shown.rows, one.shown.outer, one.shown.status)
    for name in path.split(".") if name
})  # fmt: skip
STRANGE = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 5000) | st.floats() | st.text(max_size=8)
    | st.sampled_from(["0", "200", "7000", "1000", "SUCCESS", "done"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=12,
)  # fmt: skip


@pytest.mark.parametrize("code", sorted(SHIPPED))
@settings(max_examples=25)
@given(value=STRANGE)
def test_no_strange_answer_is_taken_for_a_delivery(code: str, value: Any) -> None:
    """Answers made of their own field names and codes, yet about no order of ours."""
    if code in ("acg_faka", "agiso", "dujiao_next"):
        return  # they do not name our order: the connection does; see the next test for what is left to believe
    for told in (json.dumps(value).encode(), repr(value).encode(), f"<a>{value}</a>".encode("utf-8", "replace")):
        for verb in ("submit", "query"):
            found = play(DIALECTS[code], account(code), order(kind_of(code)), verb, Reply(200, {}, told))
            assert isinstance(found.answer, Unknown | NotFound | Declined | Accepted), found.answer
            assert not isinstance(found.answer, Declined) or verb == "submit"


@pytest.mark.parametrize("code", sorted(SHIPPED))
@settings(max_examples=25)
@given(body=st.binary(max_size=200), status=st.sampled_from([200, 204, 302, 400, 404, 500, 502]))
def test_no_bytes_break_an_answer(code: str, body: bytes, status: int) -> None:
    for verb in ("submit", "query"):
        one = order(kind_of(code), supplier_number="77")
        found = play(DIALECTS[code], account(code), one, verb, Reply(status, {}, body)).answer
        assert isinstance(found, Unknown), found


@pytest.mark.parametrize("code", sorted(SHIPPED))
@settings(max_examples=25)
@given(value=STRANGE, query=st.text(max_size=30))
def test_no_strange_callback_is_trusted(code: str, value: Any, query: str) -> None:
    for body in (json.dumps(value).encode(), str(value).encode("utf-8", "replace"), query.encode("utf-8", "replace")):
        heard = DIALECTS[code].parse_callback(account(code), Callback({}, query, body), START)
        assert isinstance(heard, Refusal)


def test_an_xml_bomb_is_not_read() -> None:
    bomb = b'<!DOCTYPE a [<!ENTITY b "bb">]><order><resultno>1</resultno><remark1>&b;</remark1></order>'
    found = play(DIALECTS["fanchen_xml"], account("fanchen_xml"), order(), "query", Reply(200, {}, bomb))
    assert found.answer == Unknown("unreadable answer")


def test_xml_in_gbk_with_one_card_or_two() -> None:
    def told(*numbers: str) -> Reply:
        shown = "".join(f"<card><cardno>{n}</cardno><cardpsw>密{n}</cardpsw></card>" for n in numbers)
        text = (
            f'<?xml version="1.0" encoding="GB2312"?><order><resultno>1</resultno><sporderid>{OUTER}</sporderid>'
            f"<ordercash>4.80</ordercash><cards>{shown}</cards></order>"
        )
        return Reply(200, {}, text.encode("gbk"))

    def end(*numbers: str) -> object:
        return play(DIALECTS["fanchen_xml"], account("fanchen_xml"), order("card_key"), "query", told(*numbers)).answer

    assert end("A1") == Delivered(None, (("A1", "密A1"),), 480)
    assert end("A1", "A2") == Unknown("2 cards instead of 1")
    assert end() == Unknown("0 cards instead of 1")


def test_words_tell_refusals_apart_where_one_code_says_everything() -> None:
    def end(verb: str, code: int, said: str) -> object:
        reply = Reply(200, {}, json.dumps({"code": code, "msg": said}).encode())
        return play(DIALECTS["acg_faka"], account("acg_faka"), order("card_key", supplier_number="7"), verb,
                               reply).answer  # fmt: skip

    assert end("submit", 0, "抱歉，库存不足！") == Declined("sold_out 抱歉，库存不足！ (0)", Cure.OTHER_OFFER)
    assert end("submit", 0, "The request ID already exists") == Unknown("they know this number already")
    assert end("submit", 0, "系统繁忙").why.startswith("unmapped code 0 系统繁忙")  # type: ignore[attr-defined]
    assert isinstance(end("query", 0, "库存不足"), Unknown)


@pytest.mark.parametrize(
    "secret",
    [
        "正在发货中，请耐心等待，如有疑问，请联系客服。",
        "很抱歉，有人在你付款之前抢走了商品，请联系客服。",
        "卖家稍后发货",
        "",
        None,
    ],
)
def test_a_sentence_in_the_place_of_a_card_is_no_card(secret: str | None) -> None:
    told = {"code": 200, "data": {"tradeNo": "T1", "amount": 4.8, "secret": secret}}
    found = play(
        DIALECTS["acg_faka"],
        account("acg_faka"),
        order("card_key"),
        "submit",
        Reply(200, {}, json.dumps(told).encode()),
    )
    assert found.answer == Accepted("T1", 480)


def test_an_order_that_has_ended_is_never_sent_again_to_ask_about_it() -> None:
    """Asking by sending again is for those who still want it: a second look at an ended attempt must not buy."""
    dialect = DIALECTS["dujiao_next"]
    live = play(dialect, account("dujiao_next"), order(may_repeat=True), "query")
    assert live.call is not None
    assert live.call.method == "POST"
    ended = play(dialect, account("dujiao_next"), order(may_repeat=False), "query")
    assert (ended.call, type(ended.answer)) == (None, Unknown)
    for code in ("acg_faka", "agiso"):
        silent = play(DIALECTS[code], account(code), order("card_key", may_repeat=True), "query")
        assert (silent.call, type(silent.answer)) == (None, Unknown), (
            "their documents do not say that numbers count once"
        )


def test_the_answer_must_be_about_the_order_that_was_asked_for() -> None:
    other = json.dumps({"ok": True, "order_id": 78, "status": "completed", "amount": "1.00"}).encode()
    found = play(
        DIALECTS["dujiao_next"], account("dujiao_next"), order(supplier_number="77"), "query", Reply(200, {}, other)
    )
    assert found.answer == Unknown("the answer is about another order")


def test_a_dujiao_site_signs_its_callbacks_over_one_path() -> None:
    """Whatever the address is that it was given: ours ends in a token, and its own signature holds there."""
    body = json.dumps({"order_id": 77, "downstream_order_no": OUTER, "status": "delivered"}).encode()

    def heard(path: str) -> Heard | Refusal:
        text = f"POST\n{path}\n{SECONDS}\n{hashlib.md5(body).hexdigest()}"
        mac = hmac.new(b"dujiao_next-secret-0123456789", text.encode(), hashlib.sha256).hexdigest()
        headers = {"Dujiao-Next-Timestamp": SECONDS, "Dujiao-Next-Signature": mac}
        return DIALECTS["dujiao_next"].parse_callback(account("dujiao_next"), Callback(headers, "", body), START)

    told = heard("/api/v1/upstream/callback")
    assert isinstance(told, Heard)
    assert told.outer_number == OUTER
    assert heard("/callbacks/tok") == Refusal("unsigned")


# -- cards under a key ----------------------------------------------------------------------------------------------


def closed(name: str, key: bytes, iv: bytes, text: str) -> bytes:
    block = 64 if name.startswith("3des") else 128
    padding = PKCS7(block).padder()
    cipher = TripleDES(key) if block == 64 else algorithms.AES(key)
    box = Box(cipher, modes.ECB() if name.endswith("ecb") else modes.CBC(iv)).encryptor()
    return box.update(padding.update(text.encode()) + padding.finalize()) + box.finalize()


@pytest.mark.parametrize(
    ("name", "length", "iv"),
    [("aes-ecb", 16, b""), ("aes-ecb", 32, b""), ("aes-cbc", 16, b"i" * 16), ("aes-cbc", 32, b"i" * 16),
     ("3des-ecb", 24, b""), ("3des-cbc", 24, b"i" * 8)],
)  # fmt: skip
@pytest.mark.parametrize("coding", ["base64", "hex"])
def test_sealed_cards_are_opened(name: Any, length: int, iv: bytes, coding: Any) -> None:
    key = os.urandom(length // 2).hex()
    spec = Cipher(name=name, key="{cred.secret}", iv=iv.decode(), coding=coding)
    box = closed(name, key.encode(), iv, "PW-密码-1")
    told = base64.b64encode(box).decode() if coding == "base64" else box.hex()
    holder = replace(account("agiso"), credentials={"secret": key})
    assert cards.opener(spec)(holder, told) == "PW-密码-1"
    stranger = replace(account("agiso"), credentials={"secret": key[::-1]})
    for wrong in ("", "zz", told[:-4], told + "00"):
        with pytest.raises(ValueError):  # noqa: PT011
            cards.opener(spec)(holder, wrong)
    with contextlib.suppress(ValueError):
        assert cards.opener(spec)(stranger, told) != "PW-密码-1"


def test_golden_vectors_of_fulu() -> None:
    """The test data of their document: the AppSecret that opens number and password of a card; and an order as it is
    queried, with the envelope signed over its sorted characters (written out a second time)."""
    sealed = ("12nCp6X/nALmrvr1erxK+D4L8n/kqz/RItKWUfvZrCU=", "9HeOgdv+NpLihh2+5Gm0Mj4L8n/kqz/RItKWUfvZrCU=")
    card = ("CD1000250201906121742434441", "CP1000250201906121742434441")
    holder = replace(account("fulu"), credentials={"app_key": "i4esv1l", "secret": "0a091b3aa4324435aab703142518a8f7"})
    query = next(DIALECTS["fulu"].query(holder, order("card_key")))
    fields = json.loads(query.body)
    sign = fields.pop("sign")
    text = "".join(sorted(json.dumps(fields, ensure_ascii=False, separators=(",", ":"))))
    assert sign == hashlib.md5((text + "0a091b3aa4324435aab703142518a8f7").encode()).hexdigest()

    def end(number: str, password: str) -> object:
        shown = {
            "order_id": "F1",
            "customer_order_no": OUTER,
            "order_state": "success",
            "order_price": 4.8,
            "cards": [{"card_number": number, "card_pwd": password, "card_deadline": "2026-12-31 00:00:00"}],
        }
        result = json.dumps(shown)
        sign = hashlib.md5(("".join(sorted(result)) + "0a091b3aa4324435aab703142518a8f7").encode()).hexdigest()
        reply = Reply(200, {}, json.dumps({"code": 0, "message": "", "result": result, "sign": sign}).encode())
        return play(DIALECTS["fulu"], holder, order("card_key"), "query", reply).answer

    assert end(*sealed) == Delivered("F1", (card,), 480)
    assert end("", sealed[1]) == Delivered("F1", (("", card[1]),), 480)
    assert end(*card) == Unknown("unreadable cards"), "what is not sealed is not what they send"


@pytest.mark.parametrize("covers", ["whole", "password", "both"])
def test_a_supplier_that_seals_its_cards(covers: str) -> None:
    """The same order in clear, sealed whole, and field by field: one card, and nothing of it stays in the record."""
    key = "0123456789abcdef0123456789abcdef"

    def seal(text: str) -> str:
        return base64.b64encode(closed("aes-ecb", key.encode(), b"", text)).decode()

    document = changed("/shown/cards/cipher", {"name": "aes-ecb", "key": "{cred.key}", "covers": covers})
    if covers == "whole":
        document["shown"]["cards"]["form"] = "json_text"
        listed: Any = seal(json.dumps([{"card_no": "N1", "card_password": "P1"}]))
    else:
        listed = [{"card_no": seal("N1") if covers == "both" else "N1", "card_password": seal("P1")}]
    dialect = engine.compile(profile.read(document))
    holder = replace(account("kasushou"), connector=dialect, credentials={"user_id": "1", "key": key})

    def end(card_list: Any) -> object:
        row = {"external_orderno": OUTER, "ordersn": "S1", "status": 3, "total_price": "4.80", "card_list": card_list}
        reply = Reply(200, {}, json.dumps({"code": 200, "data": row}).encode())
        return play(dialect, holder, order("card_key"), "query", reply).answer

    assert end(listed) == Delivered("S1", (("N1", "P1"),), 480)
    broken = "AAAA" if covers == "whole" else [{"card_no": "AAAA", "card_password": "AAAA"}]
    assert end(broken) == Unknown("unreadable cards")


@pytest.mark.parametrize(
    ("told", "balance"),
    [
        ({"balance": "12.30", "currency": "CNY"}, speech.Balance(1230)),
        ({"balance": "12.30", "currency": "USD"}, speech.Balance(1230, currency="USD")),
        ({"balance": "12.30"}, speech.Balance(None, "unreadable answer")),
        ({"balance": "12.30", "currency": "元"}, speech.Balance(None, "unreadable answer")),
    ],
)
def test_a_balance_is_in_the_currency_that_they_tell(told: dict[str, str], balance: speech.Balance) -> None:
    look = DIALECTS["dujiao_next"].balance(account("dujiao_next"), START)
    next(look)
    with pytest.raises(StopIteration) as end:
        look.send(Reply(200, {}, json.dumps({"ok": True, **told}).encode()))
    assert end.value.value == balance


def test_values_are_hidden_in_json_forms_and_xml() -> None:
    hidden = speech.hidden_values("card_pwd", "account", "cards")
    for text in (
        '{"card_pwd":"TOPSECRET"}', '{"card_pwd" : "TOPSECRET", "x": 1}', '"{\\"card_pwd\\":\\"TOPSECRET\\"}"',
        '{"cards":["TOPSECRET","x"]}', "a=1&account=TOPSECRET&b=2", "<account>TOPSECRET</account>",
        "card_pwd=TOPSECRET", '{"card_pwd":12345678}',
    ):  # fmt: skip
        shown = masked(text, (), hidden)
        assert "TOPSECRET" not in shown, text
        assert "12345678" not in shown, text
    assert masked('{"other":"KEPT","n":1}', (), hidden) == '{"other":"KEPT","n":1}'


LONG = 1 << 18


@pytest.mark.parametrize(
    "body",
    [
        b"\\" * LONG,
        b'{"cards":[' * (LONG // 10),
        b'\\"card_no\\":\\"' * (LONG // 16),
        b"<a>" * (LONG // 3),
        b"[" * LONG,
        b'{"a":' * (LONG // 5),
        b"a[b]" + b"[b]" * (LONG // 4) + b"=1",
        b"a=1&" * (LONG // 4),
        b'{"code":200,"data":' + b"9" * 5000 + b"}",
        json.dumps(
            {"code": 200, "data": {"external_orderno": OUTER, "status": 2, "total_price": "1e999999999"}}
        ).encode(),
        json.dumps({"resultno": "0", "sporderid": OUTER, "ordercash": "9E+99999999"}).encode(),
    ],
    ids=range(11),
)
def test_a_hostile_answer_costs_no_more_than_its_length(body: bytes) -> None:
    """A quarter of a megabyte of anything is read, or not, and masked, in the time of reading it."""
    for code in ("kasushou", "fanchen", "fanchen_xml", "acg_faka"):
        found = play(DIALECTS[code], account(code), order(kind_of(code)), "query", Reply(200, {}, body))
        assert isinstance(found.answer, Unknown | Accepted)
        masked(body.decode(), (), DIALECTS[code].hidden)
    form = msgspec.structs.replace(
        SHIPPED["mifeng"], told=msgspec.structs.replace(SHIPPED["mifeng"].told, format="form")
    )
    found = play(engine.compile(form), account("mifeng"), order(), "query", Reply(200, {}, body))
    assert isinstance(found.answer, Unknown)
    assert isinstance(DIALECTS["mifeng"].parse_callback(account("mifeng"), Callback({}, "", body), START), Refusal)


@pytest.mark.parametrize("amount", ["1e999999999", "-9e99999", "Infinity", "NaN", "1" * 20])
def test_an_amount_that_nobody_owes_is_none(amount: str) -> None:
    assert speech.fen_of(amount) is None
