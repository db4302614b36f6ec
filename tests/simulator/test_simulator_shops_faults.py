"""What goes wrong at the card shops and the `*.do` platforms, and at every supplier's door, clock and price list."""

import httpx2
import pytest
from tests.simulator.speaking import Fulu, Kasushou, Listener, World, until
from tests.simulator.speaking_platforms import CALLING, AnyShop, Fanchen
from tests.simulator.speaking_shops import AcgFaka, Agiso, DujiaoNext, Shop

SOON_S = 0.3


def accepted(world: World, shop: Shop, outer: str) -> bool:
    return world.order(shop.name, outer) is not None


@pytest.mark.parametrize(
    ("fault", "why"), [("sold_out", "sold_out"), ("balance_empty", "balance"), ("decline", "declined")]
)
def test_refusals_before_acceptance(world: World, shop: AnyShop, fault: str, why: str) -> None:
    world.faults(shop.name, {"fault": fault})
    assert shop.buy("f-1") == (False, shop.codes[why])
    assert not accepted(world, shop, "f-1")


def test_a_list_may_lie_about_stock_and_price(world: World, shop: AnyShop) -> None:
    world.put(f"suppliers/{shop.name}/products/{shop.first}", {"stock": 0})
    world.faults(shop.name, {"fault": "stock_lies", "times": 1}, {"fault": "price_lies", "percent": 50})
    assert shop.goods()[shop.first] == (shop.price_fen, 1)
    assert shop.buy("f-1") == (False, shop.codes["sold_out"])
    world.put(f"suppliers/{shop.name}/products/{shop.first}", {"stock": 9})
    assert shop.goods()[shop.first] == (shop.price_fen, 9)
    assert shop.buy("f-2")[0]
    assert world.order(shop.name, "f-2")["price_fen"] == shop.price_fen * 3 // 2


def test_a_silent_supplier_may_have_accepted(world: World, shop: AnyShop) -> None:
    for fault, took in (("timeout_before_accept", False), ("timeout_after_accept", True)):
        world.faults(shop.name, {"fault": fault})
        with pytest.raises(httpx2.ReadTimeout):
            shop.buy_raw(fault, timeout=SOON_S)
        assert accepted(world, shop, fault[:30]) is took


def test_answers_that_say_nothing_about_acceptance(world: World, shop: AnyShop) -> None:
    for fault, status, took in (
        ("error_500_before_accept", 500, False), ("error_500_after_accept", 500, True), ("unreadable_body", 200, True),
    ):  # fmt: skip
        world.faults(shop.name, {"fault": fault})
        reply = shop.buy_raw(fault)
        assert (reply.status_code, reply.text[:6]) == (status, "<html>")
        assert accepted(world, shop, fault) is took


def test_the_other_charset_under_the_header_of_ones_own(world: World, shop: AnyShop) -> None:
    world.faults(shop.name, {"fault": "decline"}, {"fault": "garbled_charset"})
    reply = shop.buy_raw("f-1")
    right, wrong = ("gbk", "utf-8") if shop.name.startswith("fanchen") else ("utf-8", "gbk")
    assert "维护" in reply.content.decode(wrong)
    assert "维护" not in reply.content.decode(right, "replace")


def test_a_status_and_a_code_that_no_document_names(world: World, shop: AnyShop) -> None:
    assert shop.buy("f-1")[0]
    if shop.name != "agiso":
        world.faults(shop.name, {"fault": "wrong_status", "on": "query"})
        assert shop.state("f-1") == "strange"
    world.faults(shop.name, {"fault": "wrong_status", "what": "code"})
    assert not shop.buy("f-2")[0]
    assert accepted(world, shop, "f-2")


def test_a_lie_and_an_order_hidden_for_a_while(world: World, shop: AnyShop) -> None:
    if "not_found" not in shop.codes:
        return  # without a query there is nobody to hide from
    world.faults(shop.name, {"fault": "query_not_found_for_ms", "delay_ms": 150})
    assert shop.buy("f-1", product=shop.card)[0]
    assert shop.state("f-1") == f"code {shop.codes['not_found']}"
    until(lambda: shop.state("f-1") == "done")
    world.faults(shop.name, {"fault": "query_error", "times": 1})
    assert shop.query_raw("f-1").status_code == 500
    if shop.ack:
        world.faults(shop.name, {"fault": "lie_failed_then_success", "delay_ms": 100})
        assert shop.buy("f-2")[0]
        until(lambda: shop.state("f-2") == "failed")
        until(lambda: shop.state("f-2") == "done")
        assert world.delivered(shop.name, "f-2") == 1


def test_too_few_cards_and_cards_sold_before(world: World, shop: AnyShop) -> None:
    world.faults(shop.name, {"fault": "partial_cards"})
    assert shop.buy("f-1", product=shop.card, quantity=3)[0]
    until(lambda: shop.state("f-1") == "done")
    assert len(shop.cards("f-1")) == 2
    world.faults(shop.name, {"fault": "duplicate_card"})
    assert shop.buy("f-2", product=shop.card)[0]
    until(lambda: shop.state("f-2") == "done")
    assert shop.cards("f-2")[0] in shop.cards("f-1")


@pytest.mark.parametrize("shop", CALLING, indirect=True, ids=lambda shop: shop.name)
@pytest.mark.parametrize("fault", ["callback_unsigned", "callback_tampered"])
def test_callbacks_that_must_not_be_believed(world: World, shop: AnyShop, bell: Listener, fault: str) -> None:
    world.faults(shop.name, {"fault": fault})
    assert shop.buy("f-1")[0]
    until(lambda: bell.raw)
    assert not shop.verifies(bell.raw[0])


@pytest.mark.parametrize("shop", CALLING, indirect=True, ids=lambda shop: shop.name)
def test_callbacks_too_early_twice_and_out_of_order(world: World, shop: AnyShop, bell: Listener) -> None:
    world.put(f"suppliers/{shop.name}", {"work_ms": 600_000})
    world.faults(shop.name, {"fault": "callback_before_answer"}, {"fault": "callback_twice"})
    assert shop.buy("f-1")[0]
    assert [shop.told(one) for one in bell.raw] == [("f-1", "done")] * 2
    world.put(f"suppliers/{shop.name}", {"work_ms": 0})
    world.faults(shop.name, {"fault": "callback_out_of_order", "what": "failed"})
    assert shop.buy("f-2")[0]
    until(lambda: len(bell.raw) == 4)
    assert [shop.told(one)[1] for one in bell.raw[2:]] == ["done", "failed"]
    assert all(shop.verifies(one) for one in bell.raw)


def test_a_callback_goes_to_the_address_of_its_order_until_acknowledged(world: World, shop: AnyShop) -> None:
    if not shop.ack:
        return
    hearing = Listener("what?", "fail", shop.ack)
    world.put(f"suppliers/{shop.name}", {"callback_gap_ms": 5})
    assert shop.buy("f-1", callback=hearing.url)[0]
    until(lambda: world.order(shop.name, "f-1")["callback_acked"])
    hearing.close()
    assert world.order(shop.name, "f-1")["callbacks_sent"] == 3


def test_a_cost_above_the_guard_is_refused(world: World) -> None:
    shop = Fanchen(world)
    assert shop.buy("f-1", quantity=2, most="30.19") == (False, 5008)
    assert shop.buy("f-2", quantity=2, most="30.20")[0]
    world.faults("fanchen", {"fault": "price_rise", "percent": 1})
    assert shop.buy("f-3", most="15.10") == (False, 5008)


def test_an_address_that_is_not_listed_gets_nothing_at_all(world: World, shop: AnyShop) -> None:
    world.faults(shop.name, {"fault": "ip_refused"})
    if "ip" in shop.codes:
        assert shop.buy("f-1") == (False, shop.codes["ip"])
        world.faults(shop.name, {"fault": "ip_refused", "what": "http"})
    assert shop.buy_raw("f-1").status_code == 403
    assert not accepted(world, shop, "f-1")
    world.faults(shop.name)
    assert shop.goods()


def test_more_queries_than_the_limit_are_refused_and_counted(world: World, shop: AnyShop) -> None:
    if "not_found" not in shop.codes:
        return
    assert shop.buy("f-1", product=shop.card)[0]
    rule = {"fault": "query_rate_limited", "limit": 3, "window_ms": 600_000}
    world.faults(shop.name, rule)
    assert [shop.query_raw("f-1").status_code for _ in range(5)] == [200] * 3 + [429] * 2
    assert world.get(f"suppliers/{shop.name}/faults")["data"][0]["used"] == 2
    assert world.get(f"suppliers/{shop.name}")["turned_away"] == {"429": 2}
    assert shop.buy("f-2")[0]


@pytest.mark.parametrize("ahead_ms", [700_000, -700_000])
def test_a_supplier_whose_clock_is_wrong_refuses_good_requests(world: World, ahead_ms: int) -> None:
    for shop in (DujiaoNext(world), Agiso(world)):
        world.faults(shop.name, {"fault": "clock_skew", "delay_ms": ahead_ms})
        assert shop.buy_raw("f-1").json().get("error_code", 1003) in ("timestamp_expired", 1003)
        world.faults(shop.name, {"fault": "clock_skew", "delay_ms": ahead_ms // 20})
        assert shop.buy("f-1")[0]


def test_the_first_two_have_a_door_a_limit_and_a_clock_as_well(world: World) -> None:
    kasushou, fulu = Kasushou(world), Fulu(world)
    for name in ("kasushou", "fulu"):
        world.faults(name, {"fault": "ip_refused"})
    told = kasushou.ask("user/info", {})
    assert (told["code"], "IP" in told["msg"]) == (400, True)
    assert fulu.ask("fulu.user.info.get", {})[0] == 1006
    for name in ("kasushou", "fulu"):
        world.faults(name, {"fault": "query_rate_limited", "limit": 0})
    assert (kasushou.state("f-1"), fulu.state("f-1")) == ("code 400 请求过于频繁，请稍后再试", "code 1007")
    for name in ("kasushou", "fulu"):
        world.faults(name, {"fault": "clock_skew", "delay_ms": 700_000})
    assert kasushou.ask("user/info", {})["msg"] == "时间戳已过期"
    assert fulu.ask("fulu.user.info.get", {})[0] == 1003


def test_a_look_may_go_wrong_too(world: World, shop: AnyShop) -> None:
    world.faults(shop.name, {"fault": "error_500_before_accept", "on": "look", "times": 1})
    assert shop.buy("f-1")[0]
    assert world.get(f"suppliers/{shop.name}/faults")["data"][0]["used"] == 0
    look = {"fanchen": ("searchbalance", ("userid",), {}), "dujiao_next": ("POST", "/ping")}
    look |= {"acg_faka": ("authentication/connect", {}), "agiso": ("CardPwd/GetList", {})}
    look["fanchen_xml"] = look["fanchen"]
    assert shop.send(*look[shop.name]).status_code == 500
    assert shop.goods()


def test_a_supplier_is_deleted_with_its_orders_and_may_come_again_empty(world: World) -> None:
    world.put("suppliers/shop-2", {"dialect": "acg_faka", "products": [{"id": "511", "kind": "card"}]})
    shop = AcgFaka(world)
    shop.name, shop.app, shop.key = "shop-2", "shop-2-id", "shop-2-secret"
    assert shop.buy("f-1", product="511")[0]
    for status in (200, 404):
        assert world.http.delete("/control/suppliers/shop-2").status_code == status
    assert shop.buy_raw("f-1").status_code == 404
    made = world.put("suppliers/shop-2", {"dialect": "acg_faka"})
    assert made["dedupe"]
    assert made["counters"]["orders"] == 0
