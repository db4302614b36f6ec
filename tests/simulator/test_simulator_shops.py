"""The stories of an order told by the card shops and the `*.do` platforms."""

import pytest
from tests.simulator.speaking import Listener, World, until
from tests.simulator.speaking_platforms import CALLING, AnyShop
from tests.simulator.speaking_shops import AcgFaka, Agiso, DujiaoNext, Shop


def accepted(world: World, shop: Shop, outer: str) -> bool:
    return world.order(shop.name, outer) is not None


@pytest.mark.parametrize("shop", CALLING, indirect=True, ids=lambda shop: shop.name)
def test_an_order_is_taken_delivered_and_told(world: World, shop: AnyShop, bell: Listener) -> None:
    before = shop.balance_fen()
    assert shop.buy("itm_7-1")[0]
    until(lambda: shop.state("itm_7-1") == "done")
    until(lambda: bell.raw)
    assert shop.verifies(bell.raw[0])
    assert shop.told(bell.raw[0]) == ("itm_7-1", "done")
    until(lambda: world.order(shop.name, "itm_7-1")["callback_acked"])
    assert before - shop.balance_fen() == shop.price_fen


def test_cards_come_with_the_query_and_differ(world: World, shop: AnyShop) -> None:
    assert shop.buy("itm_8-1", product=shop.card, quantity=3)[0]
    until(lambda: shop.state("itm_8-1") == "done")
    assert len(set(shop.cards("itm_8-1"))) == 3
    assert world.delivered(shop.name, "itm_8-1") == 1


def test_an_order_under_way_is_processing_and_an_unknown_one_not_found(world: World, shop: AnyShop) -> None:
    if shop.at_once:
        return
    world.put(f"suppliers/{shop.name}", {"work_ms": 600_000})
    assert shop.buy("itm_10-1")[0]
    assert shop.state("itm_10-1") == "processing"
    assert shop.state("nobody-1") == f"code {shop.codes['not_found']}"


def test_what_cannot_be_had_is_refused_in_the_dialects_words(world: World, shop: AnyShop) -> None:
    products = [
        {"id": 1, "price": "5.00", "stock": 1}, {"id": 2, "price_fen": 90_000}, {"id": 3, "on_sale": False},
    ]  # fmt: skip
    products = [{**one, "kind": shop.kind} for one in products]
    world.put(f"suppliers/{shop.name}", {"products": products, "balance": "10.00"})
    assert shop.buy("a-1", product="1")[0]
    for outer, product, why in (
        ("a-2", "1", "sold_out"), ("a-3", "2", "balance"), ("a-4", "3", "off_sale"), ("a-5", "4", "no_product"),
    ):  # fmt: skip
        assert shop.buy(outer, product=product) == (False, shop.codes[why])
        assert not accepted(world, shop, outer)


def test_a_bad_account_is_refused_and_a_marked_one_fails_later(world: World, shop: AnyShop) -> None:
    if "bad_account" in shop.codes:
        assert shop.buy("itm_11-1", account="bad-1") == (False, shop.codes["bad_account"])
        before = shop.balance_fen()
        assert shop.buy("itm_12-1", account="13800130000")[0]
        until(lambda: shop.state("itm_12-1") == "failed")
        assert shop.balance_fen() == before


@pytest.mark.parametrize("kind", ["sign", "user", "time"])
def test_what_is_not_signed_now_by_the_client_is_refused(shop: AnyShop, kind: str) -> None:
    if kind in shop.codes:
        assert shop.wrong(kind) == shop.codes[kind]
        assert shop.goods()


def test_prices_and_stock_are_listed_and_changed_one_by_one(world: World, shop: AnyShop) -> None:
    goods = shop.goods()
    assert goods[shop.first][0] == shop.price_fen
    world.put(f"suppliers/{shop.name}/products/{shop.first}", {"price": "16.00", "stock": 3})
    assert shop.goods() == {**goods, shop.first: (1600, 3)}
    path = f"/control/suppliers/{shop.name}/products"
    assert world.http.delete(f"{path}/{shop.first}").status_code == 200
    assert shop.first not in shop.goods()
    assert world.http.delete(f"{path}/{shop.first}").status_code == 404
    assert world.http.put(f"{path}/9", json={"colour": "red"}).status_code == 400


def test_dujiao_answers_the_first_order_when_asked_again(world: World) -> None:
    shop = DujiaoNext(world)
    assert shop.buy("itm_1-1")[0]
    first = shop.ids["itm_1-1"]
    assert shop.buy("itm_1-1", account="13900139000")[0]
    assert shop.ids["itm_1-1"] == first
    until(lambda: shop.state("itm_1-1") == "done")
    assert world.delivered("dujiao_next", "itm_1-1") == 1
    assert shop.send("POST", f"/orders/{first}/cancel").status_code == 409


def test_dujiao_says_it_by_http_status_too(world: World) -> None:
    shop = DujiaoNext(world)
    for fault, status in (("sold_out", 409), ("balance_empty", 402), ("decline", 200)):
        world.faults("dujiao_next", {"fault": fault})
        assert shop.buy_raw("f-1").status_code == status
    assert shop.send("GET", "/orders/1").status_code == 404
    assert shop.send("GET", "/products/500402").json()["product"]["skus"][0]["id"] == 402
    world.put("suppliers/dujiao_next/products/402", {"on_sale": False})
    assert shop.send("GET", "/products/500402").status_code == 404
    assert shop.send("GET", "/categories").json()["ok"]
    assert shop.send("PUT", "/ping").status_code == 405


def test_a_number_is_taken_once_where_its_makers_say_so(world: World, shop: AnyShop) -> None:
    assert shop.buy("itm_14-1", product=shop.card)[0]
    took, code = shop.buy("itm_14-1", product=shop.card)
    assert took is ("duplicate" not in shop.codes)
    assert took or code == shop.codes["duplicate"]
    until(lambda: world.delivered(shop.name, "itm_14-1") == 1)
    assert shop.state("itm_14-1") == "done"


def test_acg_answers_cards_at_once_and_a_sentence_for_what_is_shipped_by_hand(world: World) -> None:
    shop = AcgFaka(world)
    world.put("suppliers/acg_faka", {"work_ms": 600_000})
    told = shop.buy_raw("itm_1-1", product="511", quantity=2).json()["data"]
    assert [len(line.split("----")) for line in told["secret"].splitlines()] == [2, 2]
    assert told["amount"] == 9.56
    assert "正在发货中" in shop.buy_raw("itm_2-1").json()["data"]["secret"]
    assert world.delivered("acg_faka", "itm_2-1") == 0
    world.faults("acg_faka", {"fault": "stuck"})
    assert shop.buy_raw("itm_3-1", product="511").json()["data"]["secret"] is None
    world.faults("acg_faka", {"fault": "fail_after_accept"})
    assert not shop.buy("itm_4-1", product="511")[0]


def test_acg_tells_about_one_product(world: World) -> None:
    shop = AcgFaka(world)
    assert shop.send("commodity/inventory", {"sharedCode": "511"}).json()["data"]["count"] == 1_000_000
    assert shop.send("commodity/valuation", {"code": "511", "num": "3"}).json()["data"]["price"] == 14.34
    assert shop.send("commodity/item", {"code": "501"}).json()["data"]["delivery_way"] == 1
    asked = {"shared_code": "511", "num": "2000000"}
    assert shop.send("commodity/inventoryState", asked).json() == {"code": 0, "msg": "库存不足"}
    assert shop.send("commodity/draft", {}).json()["code"] == 0


def test_agiso_picks_again_the_same_cards_or_a_link_or_an_error(world: World) -> None:
    shop = Agiso(world)
    assert shop.buy("itm_1-1", quantity=2)[0]
    assert shop.cards("itm_1-1") == shop.cards("itm_1-1")
    assert "CpdUrl" in shop.buy_raw("itm_1-1", link="true").json()["Data"]
    world.faults("agiso", {"fault": "stuck"})
    held = shop.buy_raw("itm_2-1").json()
    assert (held["Error_Code"], held["AllowRetry"]) == (2006, True)
    world.faults("agiso")
    until(lambda: shop.state("itm_2-1") == "done")
    world.faults("agiso", {"fault": "fail_after_accept"})
    failed = shop.buy_raw("itm_3-1").json()
    assert (failed["Error_Code"], failed["AllowRetry"]) == (2007, False)


def test_agiso_answers_twenty_calls_a_second(world: World) -> None:
    shop = Agiso(world)
    world.put("suppliers/agiso", {"calls_per_s": 20})
    codes = [shop.send("CardPwd/GetList", {}).json()["Error_Code"] for _ in range(40)]
    assert codes[:20] == [0] * 20
    assert 1006 in codes
    assert shop.send("CardPwd/GetList", {}, version="2").json()["Error_Code"] == 1004
