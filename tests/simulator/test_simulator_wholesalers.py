"""What only 蜜蜂汇云, 咔咔云, 京兆云 or 商腾 does."""

import json

from tests.simulator.speaking import PHONE, Listener, World, until
from tests.simulator.tongues_of_wholesalers import Jingzhao, Kakayun, Mifeng, Shangteng


def test_mifeng_takes_a_form_as_well_as_json(world: World) -> None:
    client = Mifeng(world)
    path, body = client.order("itm_3-1", "70001", "13800138001", 1)
    assert client.ask(path, body, form=True)["code"] == 0
    assert world.order("mifeng", "itm_3-1")["account"] == "13800138001"


def test_mifeng_is_asked_by_our_number_only_with_the_time_of_the_order(world: World) -> None:
    client = Mifeng(world)
    assert client.buy("itm_3-1")[0]
    assert client.ask("order_info", {"order_id": "", "third_id": "itm_3-1", "time": ""})["code"] == 10001
    number = world.order("mifeng", "itm_3-1")["number"]
    assert client.ask("order_info", {"order_id": number})["data"]["third_id"] == "itm_3-1"
    (one,) = client.ask("order_list", {"third_id": "itm_3-1"})["data"]["list"]
    assert one["order_id"] == number


def test_mifeng_sells_ten_cards_and_one_top_up_at_a_time(world: World) -> None:
    client = Mifeng(world)
    assert client.buy("m-1", "70101", "", 11) == (False, 10001)
    assert client.buy("m-2", quantity=2) == (False, 10001)
    assert client.buy("m-3", "70101", "", 10)[0]


def test_tampered_cards_carry_a_good_signature_at_mifeng(world: World) -> None:
    client, hearing = Mifeng(world), Listener("SUCCESS")
    world.put("suppliers/mifeng", {"callback_url": hearing.url})
    world.faults("mifeng", {"fault": "callback_tampered"})
    client.buy_cards("f-1", 1)
    until(lambda: hearing.heard)
    hearing.close()
    assert client.verifies(hearing.heard[0])
    assert hearing.heard[0]["ys_cards[0][card_pwd]"] == "TAMPERED"
    assert client.cards("f-1")[0][1] != "TAMPERED"


def test_kakayun_takes_an_account_among_other_fields_and_signs_the_list_as_it_was_sent(world: World) -> None:
    client = Kakayun(world)
    attach = [{"attachtype": 9, "value": "张/三"}, {"attachtype": 1, "value": PHONE}]
    assert client.buy("k-1", attach=attach)[0]
    assert world.order("kakayun", "k-1")["account"] == PHONE


def test_kakayun_is_asked_by_get_and_by_either_number(world: World) -> None:
    client = Kakayun(world)
    assert client.ask("user/info", {}, get=True)["code"] == 1
    assert client.buy("k-1")[0]
    number = world.order("kakayun", "k-1")["number"]
    assert client.ask("order/get", {"orderno": number}, get=True)["data"]["usorderno"] == "k-1"
    assert client.ask("order/get", {"orderno": "", "usorderno": ""})["code"] == 1300
    assert client.ask("order/create", {"buynum": 1, "usorderno": "k-2"})["code"] == 1203
    assert client.ask("order/create", {"goodsid": 80001, "usorderno": "k-2"})["code"] == 1204


def test_a_rule_for_one_product_strikes_a_query_by_the_suppliers_own_number(world: World) -> None:
    client = Kakayun(world)
    assert client.buy("k-1")[0]
    number = world.order("kakayun", "k-1")["number"]
    world.faults("kakayun", {"fault": "wrong_status", "on": "query", "product": "80001"})
    assert client.ask("order/get", {"orderno": number})["data"]["status"] == 97


def test_kakayun_shows_its_goods(world: World) -> None:
    client = Kakayun(world)
    page = client.ask("goods/all", {"limit": 2, "page": 3})
    assert (page["nowpage"], page["allpage"], page["count"]) == ("3", 3, 5)
    assert [one["goodsid"] for one in page["data"]] == [80101]
    found = client.ask("goods/alllite", {"goodsid": ["80002", "80101"]})["data"]
    assert [one["goodsprice"] for one in found] == ["8.2000", "4.9500"]
    assert len(client.ask("goods/all", {"goodstype": 0})["data"]) == 1
    (field,) = client.ask("goods/details", {"goodsid": 80003})["data"]["attach"]
    assert field["verification"] == 2
    assert client.ask("goods/tpl", {"goodsid": 80001})["data"][0]["type"] == 1
    assert client.ask("goods/tpl", {"goodsid": 80101})["data"] == []
    assert "stock" in client.ask("goods/detailslite", {"goodsid": 80001})["data"]
    assert client.ask("goods/details", {})["code"] == 1203
    assert len(client.ask("goods/group", {})["data"]) == 2


def test_the_guard_is_for_the_whole_order_or_for_one_piece(world: World) -> None:
    whole, piece = Kakayun(world), Jingzhao(world)
    assert whole.buy("g-1", quantity=2, maxmoney="29.59") == (False, 1210)
    assert whole.buy("g-2", quantity=2, maxmoney="29.60")[0]
    assert piece.buy("g-1", quantity=2, safe_cost="14.74") == (False, "error")
    assert piece.buy("g-2", quantity=2, safe_cost="14.75")[0]


def test_kakayuns_signature_covers_the_cards_and_jingzhaos_does_not(world: World) -> None:
    for client in (Kakayun(world), Jingzhao(world)):
        hearing = Listener(client.ack)
        world.put(f"suppliers/{client.name}", {"callback_url": hearing.url})
        client.buy_cards("c-1", 2)
        until(lambda hearing=hearing: hearing.heard)
        assert client.verifies(hearing.heard[0])
        hearing.heard.clear()
        world.faults(client.name, {"fault": "callback_tampered"})
        client.buy_cards("c-2", 1)
        until(lambda hearing=hearing: hearing.heard)
        hearing.close()
        assert client.verifies(hearing.heard[0]) == (client.name == "jingzhao")
    (card,) = json.loads(hearing.heard[0]["cards"])
    assert card["card_password"] == "TAMPERED"
    assert client.cards("c-2")[0][1] != "TAMPERED"


def test_jingzhao_hands_over_cards_at_once_when_it_has_them(world: World) -> None:
    client = Jingzhao(world)
    world.put("suppliers/jingzhao", {"work_ms": 0})
    path, body = client.order("c-1", "90101", "", 2)
    told = client.ask(path, body)["data"]
    assert (told["state"], told["product_price"], told["total_price"]) == (200, "4.6000", "9.2000")
    assert [(one["card_no"], one["card_password"]) for one in told["cards"]] == client.cards("c-1")
    shown = client.ask("order", {"order_id": told["order_id"]})["data"]
    assert (shown["outer_order_id"], shown["product_type"]) == ("c-1", 2)


def test_jingzhao_shows_its_goods(world: World) -> None:
    client = Jingzhao(world)
    world.put("suppliers/jingzhao/products/90002", {"on_sale": False})
    world.put("suppliers/jingzhao/products/90003", {"stock": 0})
    goods = {one["id"]: one for one in client.ask("product-list", {})["data"]}
    assert (goods[90002]["supply_state"], goods[90003]["stock_state"], goods[90101]["type"]) == (3, 2, 2)
    assert client.ask("product/recharge-params", {"product_id": 90001})["code"] == "ok"
    assert client.ask("product/recharge-params", {"product_id": 90101})["code"] == "error"


def test_shangteng_says_failed_otherwise_in_a_callback_than_in_a_query(world: World) -> None:
    client, hearing = Shangteng(world), Listener("ok")
    world.put("suppliers/shangteng", {"callback_url": hearing.url, "work_ms": 5})
    world.faults("shangteng", {"fault": "lie_failed_then_success", "delay_ms": 60_000, "times": 1})
    assert client.buy("s-1")[0]
    until(lambda: hearing.heard)
    hearing.close()
    assert hearing.heard[0]["status"] == 5
    assert client.query_raw("s-1").json()["data"]["status"] == 3
    world.faults("shangteng", {"fault": "fail_after_accept"})
    assert client.buy("s-2")[0]
    until(lambda: client.query_raw("s-2").json()["data"]["status"] == 4)


def test_shangteng_checks_a_face_value_that_is_sent(world: World) -> None:
    client = Shangteng(world)
    assert client.buy("s-1", "110201", face_value="100") == (False, 411)
    assert client.buy("s-2", "110201", face_value="50")[0]


def test_shangteng_shows_its_goods(world: World) -> None:
    client = Shangteng(world)
    world.put("suppliers/shangteng/products/110201", {"on_sale": False})
    page = client.ask("Product/index", {"limit": "3", "page": "2"})["data"]
    assert (page["total"], page["last_page"], page["current_page"]) == (4, 2, 2)
    assert [(one["id"], one["status"]) for one in page["data"]] == [(110201, 0)]
