"""Other systems sell our bundle: five parts, all cards and links, one of them from a supplier of ours.

A 闲鱼 shop buys by 闲管家's standard, a card shop by dujiao-next's. Both are told at the address that came with the
order, again and again until they say their word; what they are told and what they can ask for are the same cards, real
ones; and each order is paid once out of the same deposit as every other order of the channel.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from tests import alliance
from tests.stack import Stack, until

from heyi.app.cli.apply import Applying
from heyi.app.cli.client import Client

APP = {"app_id": "677859093659717", "app_secret": "invented-app-secret"}


def _open_shop(stack: Stack, standard: str) -> str:
    """A buyer of the simulator with a fresh key of the channel's; answers its name."""
    name, given = f"journey-{standard}", APP if standard == "goofish" else {}
    made = stack.operator.post(f"/channels/{stack.channel_id}/supply_keys", {"standard": standard, **given})
    credentials = {"key": made["key"], "secret": made["secret"]}
    if standard == "goofish":
        credentials = {**APP, "mch_id": made["key"], "mch_secret": made["secret"]}
    said = {"standard": standard, "base_url": made["address"], "credentials": credentials}
    assert stack.world.http.put(f"/buyers/{name}", json=said).status_code == 200
    return name


def _post(stack: Stack, path: str, body: dict[str, Any]) -> Any:
    told = stack.world.http.post(path, json=body).json()
    assert told["status"] == 200, told
    return told["body"]


def _notified(stack: Stack, shop: str, count: int) -> list[Any]:
    """What has come, when so much has come."""

    def heard() -> list[Any] | None:
        found: list[Any] = stack.world.http.get(f"/buyers/{shop}").json()["notified"]
        return found if len(found) >= count else None

    return until(heard) or []


def _true_cards(stack: Stack, order: dict[str, Any], pairs: list[tuple[str | None, str]]) -> None:
    """The cards are those of the vault and of the supplier, and the links are this order's own."""
    rights = {item["component"]: item["entitlement"] for item in order["items"]}
    shown = {one["benefit"]: one for one in stack.channel.post(f"/orders/{order['id']}/reveal")}
    wanted = {(shown[part]["code"], shown[part]["secret"]) for part in ("coffee", "tea", "takeaway")}
    wanted |= {(None, f"https://learn.example/r/{rights['course']}"), (None, f"https://read.example/{rights['ebook']}")}
    assert set(pairs) == wanted
    assert shown["coffee"]["secret"] == alliance.secret_of(shown["coffee"]["code"])


def _heard_by_people(stack: Stack, order: dict[str, Any], standard: str, tries: int) -> None:
    """The timeline shows every try and who saw the cards, and nothing secret of them; no delivery keeps a body."""
    story = until(lambda: _story(stack, order, tries))
    assert [one.get("error", "") for one in _tries(story)] == ["not acknowledged"] * (tries - 1) + [""]
    looks = {line["data"].get("by", "") for line in story if line["what"] == "key.revealed"}
    assert any(by.endswith(f"notified by {standard}") for by in looks), looks
    assert "SECRET" not in json.dumps(story)
    kept = stack.rows("select body, url from webhook.deliveries where url is not null")
    assert kept
    assert {bytes(row.body) for row in kept} == {b""}


def _story(stack: Stack, order: dict[str, Any], tries: int) -> list[Any] | None:
    story: list[Any] = stack.channel.get(f"/orders/{order['id']}/timeline")
    return story if len(_tries(story)) >= tries else None


def _tries(story: list[Any]) -> list[Any]:
    """What was sent to the shop; the channel's own webhooks hear of its orders, too."""
    return [line["data"] for line in story if line["what"] == "webhook.sent" and "/buyers/" in line["data"]["url"]]


def test_a_xianyu_shop_sells_five_parts(stack: Stack) -> None:
    shop = _open_shop(stack, "goofish")
    stack.world.http.patch(f"/buyers/{shop}", json={"fail_times": 2})
    before = stack.channel.get("/balance")["balance"]["amount_minor"]
    stack.world.put("suppliers/kasushou", {"work_ms": 300})
    try:
        told = _post(stack, f"/buyers/{shop}/order", {"goods": "cards", "number": "XG-1", "max_amount": 9900})
    finally:
        stack.world.put("suppliers/kasushou", {"work_ms": 50})
    placed = told["data"]
    assert (told["code"], placed["order_status"], "card_items" in placed) == (0, 10, False)

    # The supplier delivers; the shop is told, and does not say its word at once.
    first = _notified(stack, shop, 1)[0]
    assert (first["verified"], first["accepted"]) == (True, False)
    for tries, later in ((2, timedelta(seconds=10)), (3, timedelta(minutes=10))):
        stack.forward(later)
        _notified(stack, shop, tries)
    heard = _notified(stack, shop, 3)
    assert [one["verified"] for one in heard] == [True] * 3
    assert heard[2]["accepted"]
    assert heard[0]["body"] == heard[2]["body"]
    body = heard[2]["body"]
    assert body.items() >= {"order_type": 2, "order_no": "XG-1", "order_status": 20}.items()
    assert heard[2]["path"].endswith("/notify/XG-1")

    # Asked, we say the same; and the cards are true.
    asked = {"path": "/goofish/order/detail", "body": {"order_type": 2, "order_no": "XG-1"}}
    detail = _post(stack, f"/buyers/{shop}/call", asked)["data"]
    assert detail["card_items"] == body["card_items"]
    assert detail["end_time"] == body["end_time"]
    order = stack.channel.get("/orders", channel_order_no="XG-1")["data"][0]
    assert order["id"] == placed["out_order_no"]
    _true_cards(stack, order, [(one.get("card_no"), one["card_pwd"]) for one in body["card_items"]])
    _heard_by_people(stack, order, "goofish", 3)
    again = _post(stack, f"/buyers/{shop}/order", {"goods": "cards", "number": "XG-1", "max_amount": 9900})["data"]
    assert again["card_items"] == body["card_items"]
    assert before - stack.channel.get("/balance")["balance"]["amount_minor"] == 9900
    stack.audit()


def test_a_card_shop_sells_five_parts(stack: Stack) -> None:
    shop = _open_shop(stack, "dujiao_next")
    stack.world.http.patch(f"/buyers/{shop}", json={"fail_times": 1, "fail_status": 503})
    before = stack.channel.get("/balance")["balance"]["amount_minor"]
    listed = {"path": "/api/v1/upstream/products", "method": "GET", "query": "page_size=100"}
    products = _post(stack, f"/buyers/{shop}/call", listed)["items"]
    sku = next(one["skus"][0]["id"] for one in products if one["slug"] == "cards")
    placed = _post(stack, f"/buyers/{shop}/order", {"goods": str(sku), "number": "DJ-1"})
    assert placed["amount"] == "99.00"
    assert placed["status"] in ("partially_delivered", "delivered")

    _notified(stack, shop, 1)
    stack.forward(timedelta(seconds=10))
    heard = _notified(stack, shop, 2)
    assert [(one["verified"], one["accepted"]) for one in heard] == [(True, False), (True, True)]
    body = heard[1]["body"]
    assert (
        body.items() >= {"order_id": placed["order_id"], "downstream_order_no": "DJ-1", "status": "delivered"}.items()
    )

    asked = {"path": f"/api/v1/upstream/orders/{placed['order_id']}", "method": "GET"}
    detail = _post(stack, f"/buyers/{shop}/call", asked)
    assert detail["fulfillment"] == body["fulfillment"]
    order = stack.channel.get("/orders", channel_order_no="DJ-1")["data"][0]
    cards = body["fulfillment"]["delivery_data"]["cards"]
    _true_cards(stack, order, [(one["code"], one["secret"]) if one["secret"] else (None, one["link"]) for one in cards])
    assert len(body["fulfillment"]["payload"].splitlines()) == 5
    _heard_by_people(stack, order, "dujiao_next", 2)
    assert before - stack.channel.get("/balance")["balance"]["amount_minor"] == 9900
    stack.audit()


def test_an_order_that_ends_in_part_says_what_is_missing(stack: Stack) -> None:
    """The supplier never has the fifth part, and a person gives it up: no success is told, no card of a failed order is
    shown to a shop that has one word for failure, and the other standard hears what came and what did not."""
    fish, unicorn = _open_shop_once(stack, "goofish"), _open_shop_once(stack, "dujiao_next")
    goods = stack.operator.every(f"/channels/{stack.channel_id}/supply_goods", standard="dujiao_next", search="cards")
    stack.world.faults("kasushou", {"fault": "sold_out"})
    assert _post(stack, f"/buyers/{fish}/order", {"goods": "cards", "number": "XG-part"})["data"]["order_status"] == 10
    asked = {"goods": str(goods[0]["number"]), "number": "DJ-part"}
    assert _post(stack, f"/buyers/{unicorn}/order", asked)["status"] == "partially_delivered"
    for number in ("XG-part", "DJ-part"):
        order = stack.channel.get("/orders", channel_order_no=number)["data"][0]

        def given_up(of: str = order["id"]) -> bool:
            (task,) = stack.operator.every("/tasks", order=of)
            body = {"outcome": "failed", "note": "sold out for good"}
            # Refused while the supplier is being asked, and before he has said no.
            return task["attempts"] > 0 and stack.operator.raw(
                "POST", f"/tasks/{task['id']}/resolve", json=body
            ).status_code == 200  # fmt: skip

        until(given_up)
    heard = until(lambda: [one["body"] for one in _notified(stack, fish, 1) if one["body"]["order_no"] == "XG-part"])
    assert (heard[0]["order_status"], "card_items" in heard[0]) == (30, False)
    assert "已交付 4/5，未交付：权益 takeaway" in heard[0]["remark"]
    told = until(lambda: [one["body"] for one in _notified(stack, unicorn, 1)
                          if one["body"]["downstream_order_no"] == "DJ-part"])[0]  # fmt: skip
    assert told["status"] == told["fulfillment"]["status"] == "delivered"
    assert told["fulfillment"]["delivery_data"]["missing"] == ["权益 takeaway"]
    assert len(told["fulfillment"]["delivery_data"]["cards"]) == 4
    assert told["fulfillment"]["payload"].endswith("权益 course、权益 ebook")


@pytest.mark.parametrize(
    ("account", "status", "in_dujiao"), [("13812340001", 20, "delivered"), ("bad-1", 30, "canceled")]
)
def test_a_top_up_ends_as_it_ends(stack: Stack, account: str, status: int, in_dujiao: str) -> None:
    """The account came with the order and reaches the supplier; a wrong one ends in a failure that is told as one."""
    fish, unicorn = _open_shop_once(stack, "goofish"), _open_shop_once(stack, "dujiao_next")
    goods = stack.operator.every(f"/channels/{stack.channel_id}/supply_goods", standard="dujiao_next")
    sku = next(one["number"] for one in goods if one["code"] == "top-up")
    asked = {"goods": "top-up", "number": f"XG-{account}", "fields": {"account": account}}
    assert _post(stack, f"/buyers/{fish}/order", asked)["data"]["order_status"] == 10
    asked = {"goods": str(sku), "number": f"DJ-{account}", "fields": {"phone": account}}
    assert _post(stack, f"/buyers/{unicorn}/order", asked)["status"] == "fulfilling"
    for number in (f"XG-{account}", f"DJ-{account}"):
        order = stack.channel.get("/orders", channel_order_no=number)["data"][0]
        stack.until_item(order, "video", "delivered" if status == 20 else "failed")
    told = until(
        lambda: [one["body"] for one in _notified(stack, fish, 1) if one["body"]["order_no"] == f"XG-{account}"]
    )
    assert (told[0]["order_type"], told[0]["order_status"]) == (1, status)
    assert ("未交付" in told[0].get("remark", "")) is (status == 30)
    about = {"path": "/goofish/order/detail", "body": {"order_type": 1, "order_no": f"XG-{account}"}}
    assert _post(stack, f"/buyers/{fish}/call", about)["data"]["biz_content"] == {"account": account}
    told = until(lambda: [one["body"] for one in _notified(stack, unicorn, 1)
                          if one["body"]["downstream_order_no"] == f"DJ-{account}"])  # fmt: skip
    assert told[0]["status"] == in_dujiao


def _open_shop_once(stack: Stack, standard: str) -> str:
    """Two keys of a standard may be live at once: the journeys before this one have theirs."""
    for one in stack.operator.every(f"/channels/{stack.channel_id}/supply_keys", standard=standard):
        if not one["revoked_at"]:
            stack.operator.post(f"/supply_keys/{one['id']}/revoke")
    return _open_shop(stack, standard)


def test_one_heyi_buys_from_another(stack: Stack) -> None:
    """Our own dujiao-next connector, read out of the same document by others, at our own door: what is bought there is
    delivered here, once, and the books agree."""
    other = stack.channels["other"]
    made = stack.operator.post(f"/channels/{other}/supply_keys", {"standard": "dujiao_next", "label": "another heyi"})
    before = _deposit(stack, other)
    offer = {"source": "supplier", "supplier": "another-heyi", "cost": "99.00 CNY"}
    resold = {"code": "resold", "partner": "galaxy", "kind": "card_key", "title": "转售卡", "market_price": "99.00 CNY"}
    with Client(stack.url, stack.operator_key) as api:
        goods = stack.operator.every(f"/channels/{other}/supply_goods", standard="dujiao_next", search="link")
        Applying(api, lambda _: None).apply({
            "suppliers": [{"code": "another-heyi", "title": "另一家", "dialect": "dujiao_next", "base_url": stack.url,
                           "credentials": {"api_key": made["key"], "secret": made["secret"]}, "timeout_ms": 5000,
                           "typical_ms": 100}],
            "benefits": [{**resold, "offers": [{**offer, "product_no": str(goods[0]["number"])}]}],
            "bundles": [{"code": "resale", "title": "转售", "price": "120.00 CNY",
                         "components": [{"code": "resold", "benefit": "resold", "weight": 1}]}],
        })  # fmt: skip
    order = stack.order("resale", "resale-buyer")
    item = stack.until_item(order, "resold", "delivered")
    shown = stack.channel.post(f"/entitlements/{item['entitlement']}/reveal")
    # A link, for a card of our own vault would be recognised there: both heyis of this test are one.
    assert "https://learn.example/r/ent_" in f"{shown['code']}{shown['secret']}"
    assert before - _deposit(stack, other) == 9900
    bought = stack.operator.every("/orders", channel=other, channel_order_no=f"{item['id'].partition('_')[2]}-1")
    assert [one["status"]["fulfilment"] for one in bought] == ["done"]
    until(lambda: [row for row in stack.rows("select verdict from fulfilment.callbacks where outer_number = %s",
                                             [bought[0]["channel_order_no"]]) if row.verdict == "trusted"])  # fmt: skip
    stack.audit()


def _deposit(stack: Stack, channel: str) -> int:
    found: int = stack.operator.get(f"/channels/{channel}/deposit")["balance"]["amount_minor"]
    return found
