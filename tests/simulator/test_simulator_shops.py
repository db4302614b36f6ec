"""The stories of an order and of what goes wrong with it, told by the card shops and the `*.do` platforms."""

from collections.abc import Iterator

import httpx2
import pytest
from tests.simulator.speaking import Listener, World, until
from tests.simulator.speaking_platforms import Fanchen, FanchenXml
from tests.simulator.speaking_shops import AcgFaka, Agiso, DujiaoNext, Shop

SHOPS = (Fanchen, FanchenXml, DujiaoNext, AcgFaka, Agiso)
Client = Fanchen | DujiaoNext | AcgFaka | Agiso
SOON_S = 0.3


@pytest.fixture(params=SHOPS, ids=lambda shop: shop.name)
def client(request: pytest.FixtureRequest, world: World) -> Shop:
    client: Shop = request.param(world)
    world.put(f"suppliers/{client.name}", {"calls_per_s": 0})
    return client


@pytest.fixture
def listener(world: World, client: Shop) -> Iterator[Listener]:
    if not client.ack:
        pytest.skip("this dialect has no callbacks")
    hearing = Listener(client.ack)
    world.put(f"suppliers/{client.name}", {"callback_url": hearing.url, "callback_gap_ms": 10, "work_ms": 5})
    yield hearing
    hearing.close()


def accepted(world: World, client: Shop, outer: str) -> bool:
    return world.order(client.name, outer) is not None


def test_an_order_is_taken_delivered_and_told(world: World, client: Client, listener: Listener) -> None:
    before = client.balance_fen()
    assert client.buy("itm_7-1")[0]
    until(lambda: client.state("itm_7-1") == "done")
    until(lambda: listener.raw)
    assert client.verifies(listener.raw[0])
    assert client.told(listener.raw[0]) == ("itm_7-1", "done")
    until(lambda: world.order(client.name, "itm_7-1")["callback_acked"])
    assert before - client.balance_fen() == client.price_fen


def test_cards_come_with_the_query_and_differ(world: World, client: Client) -> None:
    assert client.buy("itm_8-1", product=client.card, quantity=3)[0]
    until(lambda: client.state("itm_8-1") == "done")
    assert len(set(client.cards("itm_8-1"))) == 3
    assert world.delivered(client.name, "itm_8-1") == 1


def test_an_order_under_way_is_processing_and_an_unknown_one_not_found(world: World, client: Client) -> None:
    if client.at_once:
        return
    world.put(f"suppliers/{client.name}", {"work_ms": 600_000})
    assert client.buy("itm_10-1")[0]
    assert client.state("itm_10-1") == "processing"
    assert client.state("nobody-1") == f"code {client.codes['not_found']}"


def test_what_cannot_be_had_is_refused_in_the_dialects_words(world: World, client: Client) -> None:
    products = [
        {"id": 1, "price": "5.00", "stock": 1}, {"id": 2, "price_fen": 90_000}, {"id": 3, "on_sale": False},
    ]  # fmt: skip
    products = [{**one, "kind": client.kind} for one in products]
    world.put(f"suppliers/{client.name}", {"products": products, "balance": "10.00"})
    assert client.buy("a-1", product="1")[0]
    for outer, product, why in (
        ("a-2", "1", "sold_out"), ("a-3", "2", "balance"), ("a-4", "3", "off_sale"), ("a-5", "4", "no_product"),
    ):  # fmt: skip
        assert client.buy(outer, product=product) == (False, client.codes[why])
        assert not accepted(world, client, outer)


def test_a_bad_account_is_refused_and_a_marked_one_fails_later(world: World, client: Client) -> None:
    if "bad_account" in client.codes:
        assert client.buy("itm_11-1", account="bad-1") == (False, client.codes["bad_account"])
        before = client.balance_fen()
        assert client.buy("itm_12-1", account="13800130000")[0]
        until(lambda: client.state("itm_12-1") == "failed")
        assert client.balance_fen() == before


@pytest.mark.parametrize("kind", ["sign", "user", "time"])
def test_what_is_not_signed_now_by_the_client_is_refused(client: Client, kind: str) -> None:
    if kind in client.codes:
        assert client.wrong(kind) == client.codes[kind]
        assert client.goods()


def test_prices_and_stock_are_listed_and_changed_one_by_one(world: World, client: Client) -> None:
    goods = client.goods()
    assert goods[client.first][0] == client.price_fen
    world.put(f"suppliers/{client.name}/products/{client.first}", {"price": "16.00", "stock": 3})
    assert client.goods() == {**goods, client.first: (1600, 3)}
    path = f"/control/suppliers/{client.name}/products"
    assert world.http.delete(f"{path}/{client.first}").status_code == 200
    assert client.first not in client.goods()
    assert world.http.delete(f"{path}/{client.first}").status_code == 404
    assert world.http.put(f"{path}/9", json={"colour": "red"}).status_code == 400


@pytest.mark.parametrize(
    ("fault", "why"), [("sold_out", "sold_out"), ("balance_empty", "balance"), ("decline", "declined")]
)
def test_refusals_before_acceptance(world: World, client: Client, fault: str, why: str) -> None:
    world.faults(client.name, {"fault": fault})
    assert client.buy("f-1") == (False, client.codes[why])
    assert not accepted(world, client, "f-1")


def test_a_list_may_lie_about_stock_and_price(world: World, client: Client) -> None:
    world.put(f"suppliers/{client.name}/products/{client.first}", {"stock": 0})
    world.faults(client.name, {"fault": "stock_lies", "times": 1}, {"fault": "price_lies", "percent": 50})
    assert client.goods()[client.first] == (client.price_fen, 1)
    assert client.buy("f-1") == (False, client.codes["sold_out"])
    world.put(f"suppliers/{client.name}/products/{client.first}", {"stock": 9})
    assert client.goods()[client.first] == (client.price_fen, 9)
    assert client.buy("f-2")[0]
    assert world.order(client.name, "f-2")["price_fen"] == client.price_fen * 3 // 2


def test_a_silent_supplier_may_have_accepted(world: World, client: Client) -> None:
    for fault, took in (("timeout_before_accept", False), ("timeout_after_accept", True)):
        world.faults(client.name, {"fault": fault})
        with pytest.raises(httpx2.ReadTimeout):
            client.buy_raw(fault, timeout=SOON_S)
        assert accepted(world, client, fault[:30]) is took


def test_dujiao_answers_the_first_order_when_asked_again(world: World) -> None:
    client = DujiaoNext(world)
    assert client.buy("itm_1-1")[0]
    first = client.ids["itm_1-1"]
    assert client.buy("itm_1-1", account="13900139000")[0]
    assert client.ids["itm_1-1"] == first
    until(lambda: client.state("itm_1-1") == "done")
    assert world.delivered("dujiao_next", "itm_1-1") == 1
    assert client.send("POST", f"/orders/{first}/cancel").status_code == 409


def test_dujiao_says_it_by_http_status_too(world: World) -> None:
    client = DujiaoNext(world)
    for fault, status in (("sold_out", 409), ("balance_empty", 402), ("decline", 200)):
        world.faults("dujiao_next", {"fault": fault})
        assert client.buy_raw("f-1").status_code == status
    assert client.send("GET", "/orders/1").status_code == 404
    assert client.send("GET", "/products/500402").json()["product"]["skus"][0]["id"] == 402
    world.put("suppliers/dujiao_next/products/402", {"on_sale": False})
    assert client.send("GET", "/products/500402").status_code == 404
    assert client.send("GET", "/categories").json()["ok"]
    assert client.send("PUT", "/ping").status_code == 405


def test_a_number_is_taken_once_where_its_makers_say_so(world: World, client: Client) -> None:
    assert client.buy("itm_14-1", product=client.card)[0]
    took, code = client.buy("itm_14-1", product=client.card)
    assert took is ("duplicate" not in client.codes)
    assert took or code == client.codes["duplicate"]
    until(lambda: world.delivered(client.name, "itm_14-1") == 1)
    assert client.state("itm_14-1") == "done"


def test_acg_answers_cards_at_once_and_a_sentence_for_what_is_shipped_by_hand(world: World) -> None:
    client = AcgFaka(world)
    world.put("suppliers/acg_faka", {"work_ms": 600_000})
    told = client.buy_raw("itm_1-1", product="511", quantity=2).json()["data"]
    assert [len(line.split("----")) for line in told["secret"].splitlines()] == [2, 2]
    assert told["amount"] == 9.56
    assert "正在发货中" in client.buy_raw("itm_2-1").json()["data"]["secret"]
    assert world.delivered("acg_faka", "itm_2-1") == 0
    world.faults("acg_faka", {"fault": "stuck"})
    assert client.buy_raw("itm_3-1", product="511").json()["data"]["secret"] is None
    world.faults("acg_faka", {"fault": "fail_after_accept"})
    assert not client.buy("itm_4-1", product="511")[0]


def test_acg_tells_about_one_product(world: World) -> None:
    client = AcgFaka(world)
    assert client.send("commodity/inventory", {"sharedCode": "511"}).json()["data"]["count"] == 1_000_000
    assert client.send("commodity/valuation", {"code": "511", "num": "3"}).json()["data"]["price"] == 14.34
    assert client.send("commodity/item", {"code": "501"}).json()["data"]["delivery_way"] == 1
    asked = {"shared_code": "511", "num": "2000000"}
    assert client.send("commodity/inventoryState", asked).json() == {"code": 0, "msg": "库存不足"}
    assert client.send("commodity/draft", {}).json()["code"] == 0


def test_agiso_picks_again_the_same_cards_or_a_link_or_an_error(world: World) -> None:
    client = Agiso(world)
    assert client.buy("itm_1-1", quantity=2)[0]
    assert client.cards("itm_1-1") == client.cards("itm_1-1")
    assert "CpdUrl" in client.buy_raw("itm_1-1", link="true").json()["Data"]
    world.faults("agiso", {"fault": "stuck"})
    held = client.buy_raw("itm_2-1").json()
    assert (held["Error_Code"], held["AllowRetry"]) == (2006, True)
    world.faults("agiso")
    until(lambda: client.state("itm_2-1") == "done")
    world.faults("agiso", {"fault": "fail_after_accept"})
    failed = client.buy_raw("itm_3-1").json()
    assert (failed["Error_Code"], failed["AllowRetry"]) == (2007, False)


def test_agiso_answers_twenty_calls_a_second(world: World) -> None:
    client = Agiso(world)
    world.put("suppliers/agiso", {"calls_per_s": 20})
    codes = [client.send("CardPwd/GetList", {}).json()["Error_Code"] for _ in range(40)]
    assert codes[:20] == [0] * 20
    assert 1006 in codes
    assert client.send("CardPwd/GetList", {}, version="2").json()["Error_Code"] == 1004
