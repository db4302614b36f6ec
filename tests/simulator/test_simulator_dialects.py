"""The stories that every further dialect tells in its own words: orders, refusals, queries, callbacks, faults."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from tests.simulator.speaking import Listener, World, until
from tests.simulator.tongues import Chengquan, Kayixin, Tongue, Yiqida
from tests.simulator.tongues_of_wholesalers import Mifeng


def test_a_top_up_is_taken_delivered_and_told(world: World, tongue: Tongue, ears: Listener) -> None:
    assert tongue.buy("itm_1-1") == (True, tongue.fine)
    until(lambda: tongue.state("itm_1-1") == "done")
    until(lambda: ears.heard)
    (message,) = ears.heard
    assert tongue.verifies(message)
    assert tongue.told(message) == "done"
    assert "itm_1-1" in message.values()
    assert world.delivered(tongue.name, "itm_1-1") == 1
    assert world.order(tongue.name, "itm_1-1")["price_fen"] == tongue.price_fen
    until(lambda: world.order(tongue.name, "itm_1-1")["callback_acked"])


def test_a_balance_is_shown_and_shrinks(world: World, tongue: Tongue) -> None:
    world.put(f"suppliers/{tongue.name}", {"balance": "100.00"})
    assert tongue.balance(tongue.ask(*tongue.look())) == 100
    assert tongue.buy("itm_1-1")[0]
    assert tongue.balance(tongue.ask(*tongue.look())) == 100 - tongue.price_fen / 100


def test_nothing_unsigned_strange_late_or_unreadable_is_heard(world: World, tongue: Tongue) -> None:
    codes, (path, body) = tongue.codes, tongue.look()
    assert tongue.code(tongue.ask(path, body)) == tongue.fine
    assert tongue.code(tongue.ask(path, body, sign="0" * 32)) == codes["sign"]
    assert tongue.code(tongue.ask(path, body, who="nobody")) == codes["who"]
    an_hour_ago = time.time() - 3600
    for stamp in ("soon", "", "1", str(int(an_hour_ago)), str(int(an_hour_ago * 1000))):
        expected = codes["time"] if stamp else codes.get("no time", codes["time"])
        assert tongue.code(tongue.ask(path, body, stamp=stamp)) == expected
    assert tongue.code(tongue.ask("no/such/path", {})) == codes["path"]
    for raw in ("[1]", '"a"', "{"):
        assert tongue.code(tongue.ask(path, body, raw=raw)) == codes["body"]
    world.faults(tongue.name, {"fault": "clock_skew", "delay_ms": 3_600_000})
    assert tongue.code(tongue.ask(path, body)) == codes["time"]


def test_what_cannot_be_bought_is_refused_in_the_dialects_words(world: World, tongue: Tongue) -> None:
    codes = tongue.codes
    products = [
        {"id": 1, "price": "5.00", "stock": 1},
        {"id": 2, "price_fen": 90_000},
        {"id": 3, "on_sale": False},
    ]
    world.put(f"suppliers/{tongue.name}", {"products": products, "balance": "10.00", "dedupe": True})
    assert tongue.buy("a-1", "1")[0]
    assert tongue.buy("a-2", "1") == (False, codes["sold_out"])
    assert tongue.buy("a-3", "2") == (False, codes["balance"])
    assert tongue.buy("a-4", "3") == (False, codes["off"])
    assert tongue.buy("a-5", "4") == (False, codes["product"])
    world.put(f"suppliers/{tongue.name}", {"products": [{"id": 1, "price": "5.00"}]})
    assert tongue.buy("a-1", "1") == (False, codes["number"])
    assert tongue.buy("a-6", "1", "bad-1") == (False, codes["account"])
    assert tongue.buy("a-6", "1", "") == (False, codes.get("no account", codes["account"]))
    assert tongue.buy("", "1") == (False, codes["body"])
    assert tongue.buy("a-6", "1", quantity=0) == (False, codes["body"])
    assert tongue.state("a-6") == f"code {codes['order']}"
    assert world.get(f"suppliers/{tongue.name}")["counters"]["orders"] == 1


def test_a_price_above_the_guard_is_refused(world: World, tongue: Tongue) -> None:
    price = tongue.price_fen / 100
    if tongue.guard:
        assert tongue.buy("g-1", **tongue.guarded(f"{price - 0.01:.2f}")) == (False, tongue.codes["above"])
        assert tongue.buy("g-2", **tongue.guarded(f"{price:.2f}"))[0]
        assert tongue.buy("g-3", **tongue.guarded('"cheap"')) == (False, tongue.codes["body"])
    world.faults(tongue.name, {"fault": "price_rise", "percent": 50})
    if tongue.guard:
        assert tongue.buy("g-3", **tongue.guarded(f"{price:.2f}")) == (False, tongue.codes["above"])
    if tongue.name != "fengzhushou":  # it lists no products
        assert round(tongue.price_shown() * 100) == tongue.price_fen * 150 // 100


@pytest.mark.parametrize("fault", ["sold_out", "balance", "decline"])
def test_faults_before_acceptance(world: World, tongue: Tongue, fault: str) -> None:
    world.faults(tongue.name, {"fault": {"balance": "balance_empty"}.get(fault, fault)})
    assert tongue.buy("f-1") == (False, tongue.codes[fault])
    assert world.order(tongue.name, "f-1") is None


def test_failing_for_good_and_lying_about_it(world: World, tongue: Tongue, ears: Listener) -> None:
    before = world.get(f"suppliers/{tongue.name}")["balance_fen"]
    world.faults(tongue.name, {"fault": "fail_after_accept", "times": 1})
    assert tongue.buy("f-1")[0]
    until(lambda: tongue.state("f-1") == "failed")
    until(lambda: ears.heard)
    assert tongue.told(ears.heard[0]) == "failed"
    assert world.get(f"suppliers/{tongue.name}")["balance_fen"] == before
    world.faults(tongue.name, {"fault": "lie_failed_then_success", "delay_ms": 100})
    assert tongue.buy("f-2")[0]
    until(lambda: tongue.state("f-2") == "failed")
    until(lambda: tongue.state("f-2") == "done")
    until(lambda: len(ears.heard) == 3)
    assert [tongue.told(message) for message in ears.heard[1:]] == ["failed", "done"]
    assert world.delivered(tongue.name, "f-2") == 1


def test_a_status_and_a_code_that_no_document_names(world: World, tongue: Tongue) -> None:
    world.faults(tongue.name, {"fault": "wrong_status", "on": "query"})
    assert tongue.buy("f-1")[0]
    assert tongue.state("f-1") == "strange"
    world.faults(tongue.name, {"fault": "wrong_status", "what": "code"})
    assert tongue.buy("f-2") == (False, tongue.strange_code)
    assert world.order(tongue.name, "f-2") is not None


def test_answers_that_say_nothing(world: World, tongue: Tongue) -> None:
    world.faults(
        tongue.name,
        {"fault": "unreadable_body", "outer": "page"},
        {"fault": "garbled_charset", "outer": "gbk"},
        {"fault": "error_500_after_accept", "outer": "500"},
        {"fault": "timeout_after_accept", "outer": "504", "hold_ms": 5},
    )
    assert tongue.buy_raw("page-1").text.startswith("<html>")
    assert "成功" in tongue.buy_raw("gbk-1").content.decode("gbk")
    assert [tongue.buy_raw(f"{status}-1").status_code for status in (500, 504)] == [500, 504]
    for outer in ("page-1", "gbk-1", "500-1", "504-1"):
        until(lambda outer=outer: tongue.state(outer) == "done")


def test_an_order_is_under_way_or_hidden_for_a_while(world: World, tongue: Tongue) -> None:
    world.put(f"suppliers/{tongue.name}", {"work_ms": 600_000})
    assert tongue.buy("f-1")[0]
    assert tongue.state("f-1") == "processing"
    world.put(f"suppliers/{tongue.name}", {"work_ms": 5})
    world.faults(tongue.name, {"fault": "query_not_found_for_ms", "delay_ms": 150}, {"fault": "stuck", "outer": "s"})
    assert tongue.buy("f-2")[0]
    assert tongue.state("f-2") == f"code {tongue.codes['order']}"
    until(lambda: tongue.state("f-2") == "done")
    world.faults(tongue.name, {"fault": "stuck"})
    assert tongue.buy("s-1")[0]
    until(lambda: world.order(tongue.name, "s-1")["state"] == "processing")
    assert tongue.state("s-1") == "processing"


def test_refused_addresses_and_hasty_queries_have_codes_of_their_own(world: World, tongue: Tongue) -> None:
    assert tongue.buy("f-1")[0]
    world.faults(tongue.name, {"fault": "query_rate_limited", "limit": 1, "window_ms": 60_000})
    assert tongue.state("f-1") in ("processing", "done")
    assert tongue.state("f-1") == f"code {tongue.codes['often']}"
    world.faults(tongue.name, {"fault": "ip_refused"})
    assert tongue.buy("f-2") == (False, tongue.codes["address"])


def test_cards_differ_may_be_too_few_or_sold_before(world: World, tongue: Tongue) -> None:
    if not tongue.sells_cards:
        world.put(f"suppliers/{tongue.name}", {"products": [{"id": 9, "kind": "card"}]})
        assert tongue.buy("c-1", "9") == (False, tongue.codes["kind"])
        return
    tongue.buy_cards("c-1", 3)
    until(lambda: tongue.state("c-1") == "done")
    assert len(set(tongue.cards("c-1"))) == 3
    world.faults(tongue.name, {"fault": "partial_cards", "times": 1}, {"fault": "duplicate_card", "outer": "again"})
    tongue.buy_cards("c-2", 3)
    tongue.buy_cards("again-1", 1)
    for outer in ("c-2", "again-1"):
        until(lambda outer=outer: tongue.state(outer) == "done")
    assert len(tongue.cards("c-2")) == 2
    assert tongue.cards("again-1")[0] in tongue.cards("c-1") + tongue.cards("c-2")


def test_callbacks_too_early_twice_late_and_false(world: World, tongue: Tongue, ears: Listener) -> None:
    def heard_after(count: int, outer: str, **rule: object) -> list[str]:
        world.faults(tongue.name, rule)
        ears.heard.clear()
        assert tongue.buy(outer)[0]
        until(lambda: len(ears.heard) == count)
        return [tongue.told(message) for message in ears.heard]

    assert heard_after(2, "f-1", fault="callback_twice") == ["done", "done"]
    assert heard_after(2, "f-2", fault="callback_out_of_order", what="failed") == ["done", "failed"]
    assert heard_after(2, "f-3", fault="callback_out_of_order") == ["done", "processing"]
    assert all(tongue.verifies(message) for message in ears.heard)
    for fault in ("callback_unsigned", "callback_tampered"):
        heard_after(1, f"{fault}-1", fault=fault)
        assert not tongue.verifies(ears.heard[0])
    world.put(f"suppliers/{tongue.name}", {"work_ms": 600_000})
    world.faults(tongue.name, {"fault": "callback_before_answer"})
    ears.heard.clear()
    assert tongue.buy("f-4")[0]
    assert [tongue.told(message) for message in ears.heard] == ["done"]
    world.put(f"suppliers/{tongue.name}", {"work_ms": 5})
    world.faults(tongue.name, {"fault": "no_callback"})
    assert tongue.buy("f-5")[0]
    until(lambda: tongue.state("f-5") == "done")
    assert world.order(tongue.name, "f-5")["callbacks_sent"] == 0


def test_a_callback_is_sent_again_until_acknowledged(world: World, tongue: Tongue) -> None:
    hearing = Listener("what?", '{"code":"1"}', tongue.ack)
    world.put(f"suppliers/{tongue.name}", {"callback_url": hearing.url, "callback_gap_ms": 5})
    assert tongue.buy("f-1")[0]
    until(lambda: world.order(tongue.name, "f-1")["callback_acked"])
    hearing.close()
    assert world.order(tongue.name, "f-1")["callbacks_sent"] == 3


def test_a_number_bought_twice_is_delivered_twice_where_nobody_refuses_it(world: World, tongue: Tongue) -> None:
    assert tongue.buy("itm_2-1")[0]
    if world.get(f"suppliers/{tongue.name}")["dedupe"]:
        assert tongue.buy("itm_2-1") == (False, tongue.codes["number"])
        return
    assert tongue.buy("itm_2-1")[0]
    until(lambda: world.delivered(tongue.name, "itm_2") == 2)


def test_the_guard_is_for_the_whole_order_where_clients_say_so(world: World) -> None:
    client = Kayixin(world)
    assert client.buy("g-1", quantity=2, safePrice="30.19") == (False, 2005)
    assert client.buy("g-2", quantity=2, safePrice="30.20")[0]


def test_a_callback_address_keeps_its_own_query(world: World) -> None:
    hearing = Listener("ok")
    world.put("suppliers/yiqida", {"callback_url": f"{hearing.url}?shop=1"})
    client = Yiqida(world)
    assert client.buy("y-1")[0]
    until(lambda: hearing.heard)
    hearing.close()
    assert hearing.heard[0].query["shop"] == "1"
    assert client.verifies(hearing.heard[0])


def test_goods_are_shown_in_pages(world: World) -> None:
    many = [{"id": n, "price": "1.50", "kind": "card" if n > 20 else "top_up"} for n in range(1, 26)]
    for name in ("kayixin", "yiqida", "chengquan", "mifeng"):
        world.put(f"suppliers/{name}", {"products": many})
    page = Kayixin(world).ask("goods/getList", {"page": 2, "goodsType": "", "keyWord": ""})["data"]
    assert (page["allPage"], [one["goodsId"] for one in page["items"]]) == (2, [21, 22, 23, 24, 25])
    assert len(Kayixin(world).ask("goods/getList", {"goodsType": "1"})["data"]["items"]) == 5
    assert len(Yiqida(world).ask("UserCommdity/GetCommodityList", {"page": 3, "size": 10})["data"]) == 5
    asked = {"type_id": 2, "page": 1, "page_size": 3}
    assert Chengquan(world).ask("coupon/type/goods/list", asked)["data"]["total"] == 5
    page = Mifeng(world).ask("productGoodsListNew", {"b_id": "3", "page": "2", "pageSize": "99"})["data"]
    assert (page["count"], len(page["data"]), page["data"][0]["goods_price"]) == (20, 10, "1.500")


def test_the_fields_of_a_top_up_are_told(world: World) -> None:
    (field,) = Kayixin(world).ask("goods/getDetail", {"goodsId": 30001})["data"]["rechargeTemplates"]
    assert (field["title"], field["required"]) == ("充值账号", 1)
    assert Kayixin(world).ask("goods/getDetail", {"goodsId": 30101})["data"]["rechargeTemplates"] == []
    assert Kayixin(world).ask("goods/getDetail", {"goodsId": 1})["code"] == 2001
    told = Yiqida(world).ask("UserCommdity/GetCommodityInfo", {"id": 40001})["data"]
    assert "充值账号" in told["template"]


def test_the_cards_of_a_kayixin_callback_open_with_the_secret(world: World) -> None:
    client, hearing = Kayixin(world), Listener("ok")
    world.put("suppliers/kayixin", {"callback_url": hearing.url})
    client.buy_cards("c-1", 2)
    until(lambda: hearing.heard)
    hearing.close()
    sealed = base64.b64decode(hearing.heard[0]["cards"])
    opener = Cipher(algorithms.AES(client.secret.encode()), modes.ECB()).decryptor()
    text = opener.update(sealed)
    cards = json.loads(text[: -text[-1]])
    assert [(one["cardNo"], one["cardPwd"]) for one in cards] == client.cards("c-1")
