"""The life of an order, told by both suppliers, without any fault."""

import pytest
from tests.simulator.speaking import Fulu, Kasushou, Listener, World, until

Client = Kasushou | Fulu


def test_a_top_up_is_taken_worked_on_delivered_and_told(world: World, client: Client, listener: Listener) -> None:
    body = {"url": listener.url} if isinstance(client, Kasushou) else {}
    before = world.get(f"suppliers/{client.name}")["balance_fen"]
    assert client.buy("itm_7-1", **body)[0]
    until(lambda: client.state("itm_7-1") == "done")
    until(lambda: listener.heard)
    (message,) = listener.heard
    assert client.verifies(message)
    assert client.told(message) == "done"
    assert "itm_7-1" in message.values()
    assert before - world.get(f"suppliers/{client.name}")["balance_fen"] in (1500, 1520)
    assert world.get(f"suppliers/{client.name}/deliveries") == {
        "total": 1, "by_outer": {"itm_7-1": 1}, "over_one": [],
    }  # fmt: skip
    until(lambda: world.order(client.name, "itm_7-1")["callback_acked"])


def test_cards_come_with_the_query_and_differ(client: Client) -> None:
    client.buy_cards("itm_8-1", 3)
    until(lambda: client.state("itm_8-1") == "done")
    assert len(set(client.cards("itm_8-1"))) == 3


def test_fulu_callbacks_carry_no_cards(world: World) -> None:
    hearing = Listener("SUCCESS")
    world.put("suppliers/fulu", {"callback_url": hearing.url, "work_ms": 0})
    Fulu(world).buy_cards("itm_9-1", 2)
    until(lambda: hearing.heard)
    hearing.close()
    assert "PW-" not in str(hearing.heard)


def test_an_order_under_way_is_processing_until_its_time(world: World, client: Client) -> None:
    world.put(f"suppliers/{client.name}", {"work_ms": 600_000})
    assert client.buy("itm_10-1")[0]
    assert client.state("itm_10-1") == "processing"
    assert world.delivered(client.name, "itm_10-1") == 0


def test_an_unknown_order_is_not_found(client: Client) -> None:
    assert client.state("nobody-1") in ("code 400 订单不存在", "code 4001")


def test_a_bad_account_is_refused_before_acceptance(world: World, client: Client) -> None:
    for account in ("bad-1", "12", ""):
        assert client.buy("itm_11-1", account=account) in ((False, "充值账号有误"), (False, 2002))
    assert world.order(client.name, "itm_11-1") is None


def test_an_account_ending_in_four_noughts_fails_later_and_gives_the_money_back(world: World, client: Client) -> None:
    before = world.get(f"suppliers/{client.name}")["balance_fen"]
    assert client.buy("itm_12-1", account="13800130000")[0]
    until(lambda: client.state("itm_12-1") == "failed")
    assert world.get(f"suppliers/{client.name}")["balance_fen"] == before
    assert world.delivered(client.name, "itm_12-1") == 0
    world.put(f"suppliers/{client.name}", {"fail_suffix": ""})
    assert client.buy("itm_12-2", account="13800130000")[0]
    until(lambda: client.state("itm_12-2") == "done")


def test_a_number_bought_twice_is_delivered_twice_and_counted(world: World, client: Client) -> None:
    assert client.buy("itm_13-1")[0]
    assert client.buy("itm_13-1")[0]
    assert client.buy("itm_13-2")[0]
    until(lambda: world.delivered(client.name, "itm_13") == 3)
    path = f"suppliers/{client.name}/deliveries"
    assert world.get(path)["over_one"] == ["itm_13-1"]
    assert world.get(path, group_by_item=1)["by_outer"] == {"itm_13": 3}


def test_a_supplier_may_refuse_a_known_number(world: World, client: Client) -> None:
    world.put(f"suppliers/{client.name}", {"dedupe": True})
    assert client.buy("itm_14-1")[0]
    assert client.buy("itm_14-1") in ((False, "外部订单号已存在"), (False, 2003))


def test_money_stock_product_and_type_are_checked(world: World, client: Client) -> None:
    products = [
        {"id": 1, "name": "a", "price": "5.00", "stock": 1},
        {"id": 2, "name": "b", "price_fen": 90_000},
        {"id": 3, "name": "c", "on_sale": False},
    ]
    world.put(f"suppliers/{client.name}", {"products": products, "balance": "10.00"})
    assert client.buy("a-1", product=1)[0]
    assert client.buy("a-2", product=1) in ((False, "商品库存不足"), (False, 3003))
    assert client.buy("a-3", product=2) in ((False, "账户余额不足"), (False, 2001))
    assert client.buy("a-4", product=3) in ((False, "商品已下架"), (False, 3002))
    assert client.buy("a-5", product=4) in ((False, "商品不存在"), (False, 3001))


def test_kasushou_declines_above_the_safe_price(world: World) -> None:
    client = Kasushou(world)
    assert client.buy("itm_15-1", safe_price="14.99") == (False, "商品价格超出安全价格")
    assert client.buy("itm_15-2", safe_price="15.00")[0]
    assert client.buy("itm_15-3", safe_price="cheap") == (False, "安全价格格式错误")


def test_kasushou_shows_its_goods_in_pages(world: World) -> None:
    client = Kasushou(world)
    first = client.ask("goods/list", {"page": 1, "limit": 3})["data"]
    second = client.ask("goods/list", {"page": 2, "limit": 3})["data"]
    assert first["total"] == 5
    assert len(first["list"] + second["list"]) == 5
    info = client.ask("goods/info", {"id": 1001})["data"]
    assert (info["goods_price"], info["stock_num"]) == ("15.00", 10_000_000)
    assert client.ask("goods/attach", {"goods_id": 1001})["data"][0]["key"] == "recharge_account"
    assert client.ask("goods/attach", {"goods_id": 1101})["data"] == []
    assert client.ask("goods/cate", {})["code"] == 200


def test_fulu_shows_its_goods(world: World) -> None:
    client = Fulu(world)
    assert len(client.ask("fulu.goods.list.get", {})[1]) == 6
    assert client.ask("fulu.goods.info.get", {"product_id": 20001})[1]["purchase_price"] == "15.20"
    assert client.ask("fulu.goods.template.get", {"product_id": 20001})[1]["elements"]
    assert client.ask("fulu.goods.stock.check", {"product_id": 20001, "buy_num": 1})[1]["stock_status"] == "充足"


def test_fulu_sells_phone_credit_by_face_value_and_keeps_types_apart(world: World) -> None:
    client = Fulu(world)
    body = {"charge_phone": "13800138001", "charge_value": 50, "customer_order_no": "itm_16-1"}
    assert client.ask("fulu.order.mobile.add", body)[0] == 0
    until(lambda: client.state("itm_16-1") == "done")
    assert client.ask("fulu.order.mobile.add", {**body, "charge_value": 51})[0] == 3001
    assert client.buy("itm_16-2", product=20101) == (False, 3004)
    assert client.buy("x" * 51) == (False, 1005)


def test_more_suppliers_are_made_by_name(world: World) -> None:
    made = world.put("suppliers/third", {"dialect": "kasushou", "products": [{"id": 1001, "price": 9}]})
    client = Kasushou(world, "third", made["credentials"]["user_id"], made["credentials"]["key"])
    assert client.buy("itm_17-1")[0]
    until(lambda: client.state("itm_17-1") == "done")
    assert world.delivered("kasushou", "") == 0


@pytest.mark.parametrize(
    "wish",
    [{"dialect": "fulu"}, {"credentials": {"secret": "x"}}, {"balance": "much"}, {"products": [{"id": "1", "x": 1}]}],
)
def test_an_impossible_wish_is_refused(world: World, wish: dict[str, object]) -> None:
    assert world.http.put("/control/suppliers/kasushou", json=wish).status_code == 400
    assert world.http.put("/control/suppliers/control", json={"dialect": "fulu"}).status_code == 400
    assert world.http.put("/control/suppliers/kasushou/faults", json=[{"fault": "boredom"}]).status_code == 400
    assert world.http.get("/control/suppliers/nobody").status_code == 404
