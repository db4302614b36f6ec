"""Others' standards at the door: every wrong call is refused in their own words, and changes nothing.

The callers are the simulator's buyers, which sign by the standards' documents on their own.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.stack import Stack

_numbers = itertools.count(1)
APP = {"app_id": "677859093659717", "app_secret": "invented-app-secret"}


class Shop:
    """A buyer of the simulator with a key of ours."""

    def __init__(self, stack: Stack, standard: str, name: str, channel: str = "shop", **more: Any) -> None:
        self.stack, self.standard, self.name = stack, standard, name
        given = {"standard": standard, "label": name, **(APP if standard == "goofish" else {}), **more}
        self.key = stack.operator.post(f"/channels/{stack.channels[channel]}/supply_keys", given)
        self.tell()

    def tell(self, **other: str) -> None:
        """Give the simulator's buyer the credentials, some of them changed."""
        key = self.key
        if self.standard == "goofish":
            credentials = {**APP, "mch_id": key["key"], "mch_secret": key["secret"]}
        else:
            credentials = {"key": key["key"], "secret": key["secret"]}
        said = {"standard": self.standard, "base_url": key["address"], "credentials": {**credentials, **other}}
        assert self.stack.world.http.put(f"/buyers/{self.name}", json=said).status_code == 200

    def call(self, path: str, body: object = None, **more: Any) -> tuple[int, Any]:
        told = self.stack.world.http.post(f"/buyers/{self.name}/call", json={"path": path, "body": body, **more}).json()
        return told["status"], told["body"]

    def order(self, goods: str | int, number: str | None = None, **more: Any) -> tuple[int, Any]:
        asked = {"goods": str(goods), "number": number or f"S{next(_numbers):06}", **more}
        told = self.stack.world.http.post(f"/buyers/{self.name}/order", json=asked).json()
        return told["status"], told["body"]

    def sku(self, code: str) -> int:
        goods = self.stack.operator.every(f"/channels/{self.key['channel']}/supply_goods", standard=self.standard)
        return int(next(one["number"] for one in goods if one["code"] == code))


@pytest.fixture(scope="module")
def goofish(stack: Stack) -> Shop:
    return Shop(stack, "goofish", "fish")


@pytest.fixture(scope="module")
def dujiao(stack: Stack) -> Shop:
    return Shop(stack, "dujiao_next", "unicorn")


@pytest.fixture
def nothing_moves(stack: Stack) -> Iterator[None]:
    """Whatever the test does, no row of orders, money, keys or deliveries comes of it."""

    def kept() -> dict[str, int]:
        schemas = ("checkout.", "ledger.", "fulfilment.", "entitlement.", "stock.", "webhook.", "infra.facts")
        return {name: rows for name, rows in stack.counts().items() if name.startswith(schemas)}

    before = kept()
    yield
    assert kept() == before


def purchase(goods: str = "link", **more: Any) -> dict[str, Any]:
    return {"order_no": f"S{next(_numbers):06}", "goods_no": goods, "buy_quantity": 1,
            "notify_url": "http://127.0.0.1:9/notify", **more}  # fmt: skip


def test_goofish_goods_are_those_that_it_can_say(stack: Stack, goofish: Shop) -> None:
    """Listed with type, price and stock; the operator sees the others too, each with its reason."""
    status, told = goofish.call("/goofish/goods/list", {"page_no": 1, "page_size": 100})
    assert (status, told["code"]) == (200, 0)
    listed = {one["goods_no"]: one for one in told["data"]["list"]}
    assert told["data"]["count"] == len(listed)
    assert {"cards", "link", "rare", "top-up"} <= set(listed)
    assert not {"five", "monthly", "hands", "choice", "two-phones"} & set(listed)
    assert listed["cards"].items() >= {"goods_type": 2, "price": 9900, "status": 1, "goods_name": "套餐 cards"}.items()
    assert (listed["link"]["stock"], listed["rare"]["stock"]) == (99_999, 0)
    assert listed["top-up"]["template"] == [{"code": "account", "name": "手机号", "desc": "手机号", "check": 0}]
    goods = stack.operator.every(f"/channels/{stack.channel_id}/supply_goods", standard="goofish")
    reasons = {one["code"]: one["reason"]["code"] for one in goods if not one["sold"]}
    assert reasons.items() >= {"five": "supply.voucher", "monthly": "supply.later", "hands": "supply.physical",
                               "choice": "supply.choice", "two-phones": "supply.accounts"}.items()  # fmt: skip
    assert {one["code"] for one in goods if one["sold"]} == set(listed)
    # By type, by word, by page, and one by one.
    assert {one["goods_type"] for one in _list(goofish, goods_type=1)} == {1}
    assert [one["goods_no"] for one in _list(goofish, keyword="cards")] == ["cards"]
    assert len(_list(goofish, page_size=1)) == 1
    assert _list(goofish, page_size=500) == _list(goofish)
    assert goofish.call("/goofish/goods/detail", {"goods_type": 2, "goods_no": "cards"})[1]["data"] == listed["cards"]
    for type_, goods_no in ((1, "cards"), (2, "five"), (2, "no-such")):
        asked = {"goods_type": type_, "goods_no": goods_no}
        assert goofish.call("/goofish/goods/detail", asked)[1]["code"] == 1100


def _list(shop: Shop, **more: Any) -> list[Any]:
    found: list[Any] = shop.call("/goofish/goods/list", {"page_no": 1, "page_size": 100, **more})[1]["data"]["list"]
    return found


def test_goofish_says_who_we_are_and_what_is_left(stack: Stack, goofish: Shop) -> None:
    info = goofish.call("/goofish/open/info")[1]["data"]
    assert info["app_id"] == int(APP["app_id"])
    assert info["features"] == {"is_support_order_refund": False, "is_support_goods_notify": False,
                                "is_support_loss_purchase": True}  # fmt: skip
    balance = stack.channel.get("/balance")["balance"]["amount_minor"]
    assert goofish.call("/goofish/user/info")[1] == {"code": 0, "msg": "OK", "data": {"balance": balance}}


@pytest.mark.usefixtures("nothing_moves")
def test_goofish_refuses_strangers_old_clocks_and_changed_bytes(stack: Stack, goofish: Shop) -> None:
    path, body = "/goofish/order/purchase/create", purchase()
    for seconds in (-301, 301):
        assert goofish.call(path, body, clock_s=seconds)[1]["code"] == 408
    assert goofish.call(path, body, sign="0" * 32)[1]["code"] == 401
    assert goofish.call("/goofish/open/info", sign="0" * 32)[1]["code"] == 401
    for wrong in ({"mch_secret": "x"}, {"app_secret": "x"}, {"app_id": "1"}, {"mch_id": "999999999999"}):
        goofish.tell(**wrong)
        assert goofish.call(path, body)[1]["code"] == 401, wrong
    goofish.tell()
    # The address names another merchant than the signature does; and there is none at all.
    other = Shop(stack, "goofish", "fish-2", channel="other")
    stack.world.http.patch("/buyers/fish-2", json={"base_url": goofish.key["address"]})
    assert other.call(path, body)[1]["code"] == 401
    stack.world.http.patch("/buyers/fish-2", json={"base_url": f"{stack.url}/supply/goofish/not-there"})
    assert other.call(path, body)[1]["code"] == 401


@pytest.mark.usefixtures("nothing_moves")
def test_goofish_refuses_bad_bodies_with_its_own_code(goofish: Shop) -> None:
    path = "/goofish/order/purchase/create"
    for body in (
        {}, purchase(buy_quantity="1"), purchase(buy_quantity=0), purchase(buy_quantity=1001), purchase(order_no=""),
        purchase(order_no=7), purchase(order_no="a\x00b"), purchase(order_no="x" * 65), purchase(max_amount=-1),
        purchase(max_amount=1.5), purchase(notify_url="ftp://x"), purchase(notify_url="nothing"),
    ):  # fmt: skip
        assert goofish.call(path, body)[1]["code"] == 1201, body
    for raw in ("", "nothing", "[]", "{", '{"order_no":' * 2000, "\x00"):
        assert goofish.call(path, raw=raw)[1]["code"] == 1201, raw[:20]
    assert goofish.call(path, raw='{"x":"' + "y" * (1 << 20) + '"}')[1]["code"] == 1201
    for fields in ({}, {"game_name": "x"}, {"account": ""}, {"account": 5}):
        body = {**purchase("top-up"), "biz_content": fields}
        assert goofish.call("/goofish/order/recharge/create", body)[1]["code"] == 1201, fields
    assert goofish.order("top-up", fields={"account": "!"})[1]["code"] == 1201  # does not look like a phone
    for goods in ("five", "monthly", "top-up", "no-such", "CARDS"):
        assert goofish.call(path, purchase(goods))[1]["code"] == 1100, goods
    for query in ({"order_no": "a\x00b"}, {"out_order_no": "\x00"}, {"order_no": 5}):
        assert goofish.call("/goofish/order/detail", {"order_type": 2, **query})[1]["code"] == 1201, query
    for page in (0, -1, "1"):
        assert goofish.call("/goofish/goods/list", {"page_no": page})[1]["code"] == 1201
    for query in ({"order_type": 2}, {"order_type": 3, "order_no": "x"}):
        assert goofish.call("/goofish/order/detail", query)[1]["code"] == 1201
    for later in ("order/refund/apply", "order/refund/notify", "order/ticket/create", "goods/change/subscribe"):
        told = goofish.call(f"/goofish/{later}", {})[1]
        assert (told["code"], "暂不支持" in told["msg"]) == (1, True)


@pytest.mark.usefixtures("nothing_moves")
def test_goofish_sold_out_and_too_dear(goofish: Shop) -> None:
    assert goofish.order("silver")[1]["code"] == 1102
    assert goofish.order("link", max_amount=9899)[1]["code"] == 1202
    assert goofish.order("link", quantity=2, max_amount=9900)[1]["code"] == 1202


def test_goofish_one_number_is_one_order_and_one_charge(stack: Stack, goofish: Shop) -> None:
    """Asked again, also with a lower limit and another address: the same order, paid once. Another content: no."""
    before = stack.channel.get("/balance")["balance"]["amount_minor"]
    number = f"S{next(_numbers):06}"
    first = goofish.order("link", number, max_amount=9900)[1]["data"]
    assert first["order_status"] == 20
    assert first["order_amount"] == 9900
    assert first["card_items"][0]["card_pwd"].startswith("https://learn.example/r/")
    assert goofish.order("link", number)[1]["data"] == first
    again = {**purchase("link"), "order_no": number, "max_amount": 1, "notify_url": "https://elsewhere.example/x"}
    assert goofish.call("/goofish/order/purchase/create", again)[1]["data"] == first
    assert goofish.order("link", number, quantity=2)[1]["code"] == 1203
    assert goofish.order("rare", number)[1]["code"] == 1203
    assert before - stack.channel.get("/balance")["balance"]["amount_minor"] == 9900
    # The order is the channel's own, like any other.
    order = stack.channel.get("/orders", channel_order_no=number)["data"][0]
    assert (order["id"], order["buyer"]) == (first["out_order_no"], f"supply:{number}")
    # ... and its buyer is nobody whom the channel knows by that name.
    stack.order("link", buyer=number)
    assert [one["id"] for one in stack.channel.every("/orders", buyer=f"supply:{number}")] == [first["out_order_no"]]
    # Every look at the link was recorded, with who looked.
    looks = [line for line in stack.channel.get(f"/orders/{order['id']}/timeline") if line["what"] == "key.revealed"]
    assert len(looks) >= 3
    assert "goofish" in looks[0]["data"]["by"]


def test_a_replay_is_answered_when_its_bundle_is_gone(stack: Stack, goofish: Shop, dujiao: Shop) -> None:
    operator = stack.operator
    bundle = next(one["id"] for one in operator.every("/bundles") if one["code"] == "rare")
    sku = dujiao.sku("rare")
    numbers = [f"S{next(_numbers):06}" for _ in range(2)]
    first = [goofish.order("rare", numbers[0])[1]["data"], dujiao.order(sku, numbers[1])[1]]
    assert [first[0]["order_status"], first[1]["status"]] == [10, "fulfilling"]  # nobody has the key: it waits
    operator.post(f"/bundles/{bundle}/withdraw")
    try:
        assert [goofish.order("rare", numbers[0])[1]["data"], dujiao.order(sku, numbers[1])[1]] == first
        assert goofish.order("rare")[1]["code"] == 1101
        assert goofish.call("/goofish/goods/detail", {"goods_type": 2, "goods_no": "rare"})[1]["code"] == 1101
        assert dujiao.order(sku)[1]["error_code"] == "sku_unavailable"
    finally:
        operator.post(f"/bundles/{bundle}/put_on_sale")


def test_orders_are_found_by_both_numbers_but_not_by_strangers(stack: Stack, goofish: Shop, dujiao: Shop) -> None:
    number = f"S{next(_numbers):06}"
    placed = goofish.order("link", number)[1]["data"]
    for query in ({"order_no": number}, {"out_order_no": placed["out_order_no"]}):
        found = goofish.call("/goofish/order/detail", {"order_type": 2, **query})[1]["data"]
        assert found.items() >= {**placed, "goods_no": "link", "buy_quantity": 1, "order_type": 2}.items()
    assert goofish.call("/goofish/order/detail", {"order_type": 1, "order_no": number})[1]["code"] == 1200
    asked = {"order_type": 2, "order_no": number}
    stranger = Shop(stack, "goofish", "fish-3", channel="other")
    assert stranger.call("/goofish/order/detail", asked)[1]["code"] == 1200
    by_id = {"order_type": 2, "out_order_no": placed["out_order_no"]}
    assert stranger.call("/goofish/order/detail", by_id)[1]["code"] == 1200
    # An order of the channel's own open API, or of its other standard, is not one of this standard's.
    own = stack.order("link")
    assert goofish.call("/goofish/order/detail", {**asked, "order_no": own["channel_order_no"]})[1]["code"] == 1200
    assert goofish.order("link", own["channel_order_no"])[1]["code"] == 1203
    theirs = dujiao.order(dujiao.sku("link"))[1]
    assert dujiao.call(f"/api/v1/upstream/orders/{theirs['order_id']}", method="GET")[0] == 200
    other = Shop(stack, "dujiao_next", "unicorn-2", channel="other")
    for path in (f"orders/{theirs['order_id']}", "orders/999999999", f"orders/{dujiao.sku('link')}"):
        assert other.call(f"/api/v1/upstream/{path}", method="GET") == (404, _said("order_not_found"))


class _Said:
    """Equal to an answer of dujiao-next's with this error word."""

    def __init__(self, word: str) -> None:
        self.word = word

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, dict)
            and other["ok"] is False
            and other["error_code"] == self.word
            and bool(other["error_message"])
        )

    def __repr__(self) -> str:
        return f"{{ok: false, error_code: {self.word}}}"

    __hash__ = None  # type: ignore[assignment]


def _said(word: str) -> Any:
    return _Said(word)


def test_dujiao_products_with_forms_and_stock(stack: Stack, dujiao: Shop) -> None:
    status, told = dujiao.call("/api/v1/upstream/products", method="GET", query="page=1&page_size=100")
    assert status == 200
    listed = {one["slug"]: one for one in told["items"]}
    assert (told["ok"], told["total"], told["page_size"]) == (True, len(listed), 100)
    assert {"cards", "link", "rare", "top-up", "two-phones"} <= set(listed)
    assert not {"five", "monthly", "hands", "choice"} & set(listed)
    cards = listed["cards"]
    assert (cards["price_amount"], cards["fulfillment_type"], cards["manual_form_schema"]) == ("99.00", "auto", None)
    sku = listed["link"]["skus"][0]
    assert (sku["stock_quantity"], sku["stock_status"], sku["price_amount"]) == (-1, "unlimited", "99.00")
    assert listed["rare"]["skus"][0]["stock_status"] == "out_of_stock"
    form = listed["two-phones"]["manual_form_schema"]["fields"]
    assert [(one["key"], one["required"], one["label"]) for one in form] == [
        ("phone", True, {"zh-CN": "手机号"}), ("ear", True, {"zh-CN": "手机号"}),
    ]  # fmt: skip
    assert dujiao.call(f"/api/v1/upstream/products/{cards['id']}", method="GET")[1]["product"] == cards
    second = dujiao.call("/api/v1/upstream/products", method="GET", query="page=2&page_size=1")[1]["items"]
    assert second == [told["items"][1]]
    ping = dujiao.call("/api/v1/upstream/ping")[1]
    balance = stack.channel.get("/balance")["balance"]["amount_minor"]
    assert ping.items() >= {"ok": True, "protocol_version": "1.0", "currency": "CNY", "member_level": None}.items()
    assert ping["balance"] == f"{balance // 100}.{balance % 100:02}"
    assert dujiao.call("/api/v1/upstream/categories", method="GET")[1]["categories"][0]["id"] == cards["category_id"]


@pytest.mark.usefixtures("nothing_moves")
def test_dujiao_refuses_in_its_own_words(stack: Stack, dujiao: Shop) -> None:
    orders, link = "/api/v1/upstream/orders", dujiao.sku("link")
    body = {"sku_id": link, "quantity": 1, "downstream_order_no": "x-1"}
    for seconds in (-61, 61):
        assert dujiao.call(orders, body, clock_s=seconds) == (401, _said("timestamp_expired"))
    assert dujiao.call(orders, body, sign="0" * 64) == (401, _said("invalid_signature"))
    dujiao.tell(key="nobody")
    assert dujiao.call(orders, body) == (401, _said("invalid_api_key"))
    dujiao.tell(secret="x")
    assert dujiao.call(orders, body) == (401, _said("invalid_signature"))
    dujiao.tell()
    headers = {"Dujiao-Next-Api-Key": "k", "Dujiao-Next-Signature": "s", "Dujiao-Next-Timestamp": "now"}
    odd = stack.operator.raw("GET", f"{stack.url}/api/v1/upstream/products", headers=headers)
    assert (odd.status_code, odd.json()) == (401, _said("invalid_timestamp"))
    bare = stack.operator.raw("GET", f"{stack.url}/api/v1/upstream/products")
    assert (bare.status_code, bare.json()) == (401, _said("missing_auth_headers"))
    for wrong in (
        {"sku_id": "1"}, {"sku_id": 0}, {"quantity": 0}, {"quantity": "1"}, {"downstream_order_no": "y" * 65},
        {"downstream_order_no": "a\x00"}, {"manual_form_data": []}, {"manual_form_data": {"phone": "a\x00"}},
        {"manual_form_data": {"phone": {}}}, {"callback_url": "ftp://x"}, {"trace_id": 1},
    ):  # fmt: skip
        assert dujiao.call(orders, {**body, **wrong}) == (400, _said("bad_request")), wrong
    assert dujiao.call(orders, raw="{") == (400, _said("bad_request"))
    assert dujiao.call(orders, raw="x" * ((1 << 20) + 1)) == (413, _said("bad_request"))
    assert dujiao.call(orders, {**body, "sku_id": 999_999_999}) == (400, _said("sku_unavailable"))
    assert dujiao.order(dujiao.sku("five")) == (400, _said("sku_unavailable"))
    assert dujiao.order(dujiao.sku("silver")) == (409, _said("insufficient_stock"))
    for fields in ({"phone": "13800138000"}, {"phone": "!", "ear": "13800138000"}):
        assert dujiao.order(dujiao.sku("two-phones"), fields=fields) == (400, _said("bad_request"))
    for path in ("products/0", "products/999999999"):
        assert dujiao.call(f"/api/v1/upstream/{path}", method="GET") == (404, _said("product_not_found")), path
    for path in ("products/x", "orders/-1", "orders/" + "9" * 30):
        assert dujiao.call(f"/api/v1/upstream/{path}", method="GET") == (400, _said("bad_request")), path
    for query in ("page=x", "page=", "page_size=1e9", "page_size=" + "9" * 20):
        assert dujiao.call("/api/v1/upstream/products", method="GET", query=query) == (400, _said("bad_request"))


def test_dujiao_a_nonce_is_good_once(dujiao: Shop) -> None:
    """The newer signature contains it; what was said once is not heard again, whatever was asked with it."""
    path = "/api/v1/upstream/ping"
    assert dujiao.call(path, nonce="n-1")[0] == 200
    assert dujiao.call(path, nonce="n-1") == (401, _said("invalid_signature"))
    assert dujiao.call("/api/v1/upstream/products", method="GET", nonce="n-1") == (401, _said("invalid_signature"))
    assert dujiao.call(path, nonce="n-2")[0] == 200
    assert dujiao.call(path, nonce="x" * 129) == (400, _said("bad_request"))
    assert dujiao.call(path, nonce="n-3", sign="0" * 64) == (401, _said("invalid_signature"))
    assert dujiao.call(path, nonce="n-3")[0] == 200  # a nonce is used up only when all else was right


def test_dujiao_one_number_is_one_order_and_what_is_paid_is_not_cancelled(stack: Stack, dujiao: Shop) -> None:
    before, number, sku = stack.channel.get("/balance")["balance"]["amount_minor"], "dj-1", dujiao.sku("link")
    status, first = dujiao.order(sku, number)
    assert status == 200
    assert first.items() >= {"ok": True, "amount": "99.00", "currency": "CNY", "status": "delivered"}.items()
    assert dujiao.order(sku, number)[1] == first
    # By the document the number alone says which order is meant: a refusal would drop one that was paid.
    assert dujiao.order(sku, number, quantity=2)[1] == first
    assert dujiao.order(dujiao.sku("silver"), number)[1] == first
    assert before - stack.channel.get("/balance")["balance"]["amount_minor"] == 9900
    assert dujiao.call(f"/api/v1/upstream/orders/{first['order_id']}/cancel") == (409, _said("cancel_not_allowed"))
    assert dujiao.call("/api/v1/upstream/orders/999999999/cancel") == (404, _said("order_not_found"))
    shown = dujiao.call(f"/api/v1/upstream/orders/{first['order_id']}", method="GET")[1]
    assert shown["fulfillment"]["payload"].startswith("https://learn.example/r/")
    assert shown["items"][0].items() >= {"sku_id": sku, "quantity": 1, "unit_price": "99.00"}.items()
    taken = stack.order("link")["channel_order_no"]
    assert dujiao.order(sku, taken) == (400, _said("bad_request"))  # an order of the channel's own open API


def test_dujiao_without_a_number_the_same_bytes_are_one_order(stack: Stack, dujiao: Shop) -> None:
    """Heard twice (a proxy that repeats, somebody who listened), they buy once; another call is another order."""
    before, at = stack.channel.get("/balance")["balance"]["amount_minor"], str(int(time.time()))
    path, raw = "/api/v1/upstream/orders", json.dumps({"sku_id": dujiao.sku("link"), "quantity": 1}).encode()
    signed = "\n".join(("POST", path, at, hashlib.md5(raw).hexdigest())).encode()
    signature = hmac.new(dujiao.key["secret"].encode(), signed, "sha256").hexdigest()
    headers = {"Dujiao-Next-Api-Key": dujiao.key["key"], "Dujiao-Next-Timestamp": at,
               "Dujiao-Next-Signature": signature, "Content-Type": "application/json"}  # fmt: skip
    told = [stack.operator.raw("POST", stack.url + path, content=raw, headers=headers) for _ in range(2)]
    assert [one.status_code for one in told] == [200, 200]
    assert told[0].json() == told[1].json()
    other = dujiao.call(path, {"sku_id": dujiao.sku("link"), "quantity": 1, "trace_id": "another"})[1]
    assert other["order_id"] != told[0].json()["order_id"]
    assert before - stack.channel.get("/balance")["balance"]["amount_minor"] == 2 * 9900


def test_dujiao_an_empty_callback_is_none(dujiao: Shop) -> None:
    """The project's own client writes it into every order, also when it has no address of its own."""
    for number, more in (("empty-1", {"callback_url": ""}), ("empty-2", {"callback_url": None}), ("empty-3", {})):
        body = {"sku_id": dujiao.sku("link"), "quantity": 1, "downstream_order_no": number, "trace_id": "t", **more}
        status, told = dujiao.call("/api/v1/upstream/orders", body)
        assert (status, told["status"]) == (200, "delivered"), more


def test_dujiao_page_numbers_out_of_bounds_are_no_mistake(dujiao: Shop) -> None:
    every = dujiao.call("/api/v1/upstream/products", method="GET", query="page_size=100")[1]
    for query, page, size in (
        ("page=0&page_size=200", 1, 100), ("page=-3&page_size=0", 1, 20), ("page_size=-1", 1, 20), ("", 1, 20),
    ):  # fmt: skip
        status, told = dujiao.call("/api/v1/upstream/products", method="GET", query=query)
        assert (status, told["page"], told["page_size"]) == (200, page, size), query
        assert told["items"] == every["items"][:size]


def test_dujiao_a_product_off_sale_is_not_one_that_never_was(stack: Stack, dujiao: Shop) -> None:
    """A site forgets what it had mapped to a product that is not found, and keeps it for one that is unavailable."""
    sku = dujiao.sku("gold")
    bundle = next(one["id"] for one in stack.operator.every("/bundles") if one["code"] == "gold")
    stack.operator.post(f"/bundles/{bundle}/withdraw")
    try:
        for number in (sku, dujiao.sku("five")):  # what the standard cannot say (any more) is not on sale there either
            found = dujiao.call(f"/api/v1/upstream/products/{number}", method="GET")
            assert found == (404, _said("product_unavailable"))
    finally:
        stack.operator.post(f"/bundles/{bundle}/put_on_sale")
    assert dujiao.call(f"/api/v1/upstream/products/{sku}", method="GET")[0] == 200
    order = dujiao.order(dujiao.sku("link"))[1]["order_id"]
    assert dujiao.call(f"/api/v1/upstream/products/{order}", method="GET") == (404, _said("product_not_found"))


def test_poor_channels_are_told_so(stack: Stack) -> None:
    id = stack.operator.post("/channels", {"code": "penniless", "title": "p"})["id"]
    stack.channels["penniless"] = id
    dujiao = Shop(stack, "dujiao_next", "poor-1", channel="penniless")
    assert dujiao.order(dujiao.sku("link")) == (402, _said("insufficient_balance"))
    told = Shop(stack, "goofish", "poor-2", channel="penniless").order("link")[1]
    assert (told["code"], "预存款不足" in told["msg"]) == (1, True)


def test_keys_rotate_with_two_live_and_stop_when_revoked(stack: Stack) -> None:
    """The secret is shown once; the old key works beside the new one until it ends; addresses are kept to."""
    operator = stack.operator
    shop = Shop(stack, "dujiao_next", "rotating", channel="other", ips=["203.0.113.0/24"])
    path = f"/channels/{stack.channels['other']}/supply_keys"
    assert shop.call("/api/v1/upstream/ping") == (403, _said("invalid_api_key"))
    operator.patch(f"/supply_keys/{shop.key['id']}", {"ips": ["127.0.0.0/8", "::1"]})
    assert shop.call("/api/v1/upstream/ping")[0] == 200
    listed = [one for one in operator.every(path, standard="dujiao_next", search="rotating") if not one["revoked_at"]]
    assert [one["id"] for one in listed] == [shop.key["id"]]
    assert "secret" not in listed[0]
    while len(live := [one for one in operator.every(path, standard="dujiao_next") if not one["revoked_at"]]) > 1:
        operator.post(f"/supply_keys/{next(one['id'] for one in live if one['id'] != shop.key['id'])}/revoke")
    old, shop.key = shop.key, operator.post(f"/supply_keys/{shop.key['id']}/rotate", {})
    assert shop.key["key"] != old["key"]
    assert shop.call("/api/v1/upstream/ping")[0] == 200
    shop.tell()
    assert shop.call("/api/v1/upstream/ping")[0] == 200
    problem = operator.refused("POST", f"/supply_keys/{shop.key['id']}/rotate", json={})
    assert (problem.status, problem.code) == (409, "supply_key.two_live")
    operator.post(f"/supply_keys/{old['id']}/revoke")
    shop.tell(key=old["key"], secret=old["secret"])
    assert shop.call("/api/v1/upstream/ping") == (401, _said("invalid_api_key"))
    assert operator.refused("POST", f"/supply_keys/{old['id']}/revoke").status == 404
    # Nothing of it is readable in the database.
    dump = str(stack.rows("select * from partner.supply_keys"))
    assert shop.key["secret"] not in dump
    assert APP["app_secret"] not in dump


def test_who_calls_too_fast_is_told_so_and_strangers_use_up_nobodys_rate(stack: Stack) -> None:
    """A key's calls are counted once the signature holds; the rate is a channel's business, not a stranger's."""
    stack.channels["hasty"] = stack.operator.post("/channels", {"code": "hasty", "title": "h"})["id"]
    shop = Shop(stack, "dujiao_next", "hasty", channel="hasty", rate_per_s=2)
    for _ in range(5):
        assert shop.call("/api/v1/upstream/ping", sign="0" * 64)[0] == 401
    answers = [shop.call("/api/v1/upstream/ping") for _ in range(8)]
    assert answers[0][0] == 200
    assert any(answer == (429, _said("bad_request")) for answer in answers)


def test_a_suspended_channel_buys_nothing(stack: Stack) -> None:
    id = stack.operator.post("/channels", {"code": "asleep", "title": "a"})["id"]
    stack.channels["asleep"] = id
    shop = Shop(stack, "goofish", "asleep", channel="asleep")
    assert shop.call("/goofish/user/info")[1]["code"] == 0
    stack.operator.patch(f"/channels/{id}", {"state": "suspended"})
    assert shop.call("/goofish/user/info")[1]["code"] == 401


def test_operators_are_told_what_is_wrong_with_a_key(stack: Stack) -> None:
    path = f"/channels/{stack.channel_id}/supply_keys"
    for body, code in (
        ({"standard": "goofish"}, "supply_key.app_missing"),
        ({"standard": "goofish", "app_id": "1"}, "supply_key.app_missing"),
        ({"standard": "dujiao_next", **APP}, "supply_key.app_not_wanted"),
        ({"standard": "dujiao_next", "ips": ["everywhere"]}, "supply_key.ip_malformed"),
        ({"standard": "dujiao_next", "expires_at": "2020-01-01T00:00:00Z"}, "access_key.expiry_in_past"),
        ({"standard": "no-such"}, "request.invalid"),
    ):
        assert stack.operator.refused("POST", path, json=body).code == code


ROUTES = (
    ("goofish", "POST", "/goofish/goods/list"), ("goofish", "POST", "/goofish/goods/detail"),
    ("goofish", "POST", "/goofish/order/purchase/create"), ("goofish", "POST", "/goofish/order/recharge/create"),
    ("goofish", "POST", "/goofish/order/detail"), ("goofish", "POST", "/goofish/order/refund/apply"),
    ("dujiao_next", "POST", "/api/v1/upstream/ping"), ("dujiao_next", "POST", "/api/v1/upstream/orders"),
    ("dujiao_next", "POST", "/api/v1/upstream/orders/1/cancel"),
)  # fmt: skip
NAMES = st.sampled_from([
    "order_no", "out_order_no", "goods_no", "goods_type", "order_type", "buy_quantity", "max_amount", "notify_url",
    "biz_content", "account", "page_no", "page_size", "keyword", "sku_id", "quantity", "manual_form_data", "phone",
    "downstream_order_no", "callback_url", "trace_id",
])  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70)
    | st.sampled_from(["silver", "five", "http://127.0.0.1:9/x", 1, 2, "", "\x00", "13800138000"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@pytest.mark.usefixtures("nothing_moves")
def test_whatever_is_signed_is_answered_in_the_standards_words(goofish: Shop, dujiao: Shop) -> None:
    """Any body, rightly signed: no crash, no order (nothing named is in stock), an answer of the standard's shape."""

    @given(route=st.sampled_from(ROUTES), body=st.dictionaries(NAMES, VALUES, max_size=8))
    @settings(max_examples=100, derandomize=True, deadline=None, database=None, phases=[Phase.generate],
              suppress_health_check=list(HealthCheck))  # fmt: skip
    def run(route: tuple[str, str, str], body: dict[str, Any]) -> None:
        standard, method, path = route
        raw = json.dumps(body).encode(errors="surrogatepass").decode(errors="replace")
        status, told = (goofish if standard == "goofish" else dujiao).call(path, raw=raw, method=method)
        assert status < 500, (path, body, told)
        assert isinstance(told, dict), told
        if standard == "goofish":
            assert status == 200, told
            assert isinstance(told["code"], int), told
            assert told["msg"], told
        else:
            assert told["ok"] is (status == 200), told
            assert told["ok"] or told["error_code"], told

    run()
