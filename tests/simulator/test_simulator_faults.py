"""Every fault, seen from outside, in both dialects."""

import time
from typing import get_args

import httpx2
import pytest
from tests.simulator.speaking import Fulu, Kasushou, Listener, World, until

from simulator.model import FaultKind
from simulator.page import FAULTS

Client = Kasushou | Fulu
SOON_S = 0.3


def accepted(world: World, client: Client, outer: str) -> bool:
    return world.order(client.name, outer) is not None


def test_a_silent_supplier_has_not_accepted(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "timeout_before_accept"})
    with pytest.raises(httpx2.ReadTimeout):
        client.buy_raw("f-1", timeout=SOON_S)
    assert not accepted(world, client, "f-1")


def test_a_silent_supplier_has_accepted(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "timeout_after_accept"})
    with pytest.raises(httpx2.ReadTimeout):
        client.buy_raw("f-1", timeout=SOON_S)
    until(lambda: world.delivered(client.name, "f-1") == 1)
    assert client.state("f-1") == "done"


def test_a_hold_ends_by_itself(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "timeout_before_accept", "hold_ms": 20})
    assert client.buy_raw("f-1").status_code == 504


@pytest.mark.parametrize(("fault", "took"), [("error_500_before_accept", False), ("error_500_after_accept", True)])
def test_a_500_says_nothing_about_acceptance(world: World, client: Client, fault: str, took: bool) -> None:
    world.faults(client.name, {"fault": fault})
    assert client.buy_raw("f-1").status_code == 500
    assert accepted(world, client, "f-1") is took


def test_a_web_page_for_an_answer(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "unreadable_body"})
    reply = client.buy_raw("f-1")
    assert (reply.status_code, reply.text[:6]) == (200, "<html>")
    assert accepted(world, client, "f-1")


def test_gbk_under_a_header_of_utf8(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "garbled_charset"})
    reply = client.buy_raw("f-1")
    assert "utf-8" in reply.headers["content-type"]
    with pytest.raises(UnicodeDecodeError):
        reply.content.decode()
    assert "成功" in reply.content.decode("gbk")


def test_a_status_that_no_document_names(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "wrong_status", "on": "query"})
    assert client.buy("f-1")[0]
    assert client.state("f-1") == "strange"
    world.faults(client.name, {"fault": "wrong_status", "what": "code"})
    assert client.buy("f-2") == (False, 9797)
    assert accepted(world, client, "f-2")


def test_a_slow_answer_and_a_dripping_one_arrive_whole(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "delay", "delay_ms": 120}, {"fault": "slow_drip", "delay_ms": 120})
    began = time.monotonic()
    assert client.buy("f-1")[0]
    assert time.monotonic() - began > 0.2
    assert client.state("f-1") in ("processing", "done")


def test_a_transport_fault_may_strike_the_query(world: World, client: Client) -> None:
    assert client.buy("f-1")[0]
    world.faults(client.name, {"fault": "timeout_after_accept", "on": "query", "hold_ms": 10})
    assert client.query_raw("f-1").status_code == 504


def test_queries_that_fail_or_find_nothing_for_a_while(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "query_error", "times": 1})
    assert client.buy("f-1")[0]
    assert client.query_raw("f-1").status_code == 500
    until(lambda: client.state("f-1") == "done")
    world.faults(client.name, {"fault": "query_not_found_for_ms", "delay_ms": 200})
    assert client.buy("f-2")[0]
    assert client.state("f-2") in ("code 400 订单不存在", "code 4001")
    until(lambda: client.state("f-2") == "done")


@pytest.mark.parametrize(
    ("fault", "codes"),
    [
        ("sold_out", ("商品库存不足", 3003)),
        ("balance_empty", ("账户余额不足", 2001)),
        ("decline", ("商品维护中，暂不可下单", 3008)),
    ],
)
def test_refusals_before_acceptance(world: World, client: Client, fault: str, codes: tuple[int, int]) -> None:
    world.faults(client.name, {"fault": fault})
    took, code = client.buy("f-1")
    assert not took
    assert code in codes
    assert not accepted(world, client, "f-1")


def test_a_price_rise_is_charged_and_shown(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "price_rise", "percent": 50})
    if isinstance(client, Kasushou):
        assert client.buy("f-0", safe_price="20.00") == (False, "商品价格超出安全价格")
        assert client.ask("goods/info", {"id": 1001})["data"]["goods_price"] == "22.50"
    else:
        assert client.ask("fulu.goods.info.get", {"product_id": 20001})[1]["purchase_price"] == "22.80"
    assert client.buy("f-1")[0]
    assert world.order(client.name, "f-1")["price_fen"] in (2250, 2280)


def test_failing_for_good_after_acceptance(world: World, client: Client, listener: Listener) -> None:
    world.faults(client.name, {"fault": "fail_after_accept"})
    assert client.buy("f-1")[0]
    until(lambda: client.state("f-1") == "failed")
    until(lambda: listener.heard)
    assert client.told(listener.heard[0]) == "failed"
    assert world.order(client.name, "f-1")["refunded"]


def test_a_lie(world: World, client: Client, listener: Listener) -> None:
    world.faults(client.name, {"fault": "lie_failed_then_success", "delay_ms": 150})
    assert client.buy("f-1")[0]
    until(lambda: client.state("f-1") == "failed")
    assert not world.order(client.name, "f-1")["refunded"]
    until(lambda: client.state("f-1") == "done")
    until(lambda: len(listener.heard) == 2)
    assert [client.told(message) for message in listener.heard] == ["failed", "done"]
    assert world.delivered(client.name, "f-1") == 1


def test_stuck_until_cleared(world: World, client: Client, listener: Listener) -> None:
    world.faults(client.name, {"fault": "stuck"})
    assert client.buy("f-1")[0]
    until(lambda: world.order(client.name, "f-1")["state"] == "processing")
    assert client.state("f-1") == "processing"
    assert world.http.delete(f"/control/suppliers/{client.name}/faults").status_code == 200
    until(lambda: client.state("f-1") == "done")


def test_partial_and_repeated_cards(world: World, client: Client) -> None:
    world.faults(client.name, {"fault": "partial_cards", "times": 1})
    client.buy_cards("f-1", 3)
    until(lambda: client.state("f-1") == "done")
    assert len(client.cards("f-1")) == 2
    world.faults(client.name, {"fault": "duplicate_card"})
    client.buy_cards("f-2", 1)
    until(lambda: client.state("f-2") == "done")
    assert client.cards("f-2")[0] in client.cards("f-1")


def test_no_callback(world: World, client: Client, listener: Listener) -> None:
    world.faults(client.name, {"fault": "no_callback", "times": 1})
    assert client.buy("f-1")[0]
    until(lambda: client.state("f-1") == "done")
    assert client.buy("f-2")[0]
    until(lambda: listener.heard)
    assert world.order(client.name, "f-1")["callbacks_sent"] == 0


def test_a_callback_before_the_answer(world: World, client: Client, listener: Listener) -> None:
    world.put(f"suppliers/{client.name}", {"work_ms": 600_000})
    world.faults(client.name, {"fault": "callback_before_answer"})
    assert client.buy("f-1")[0]
    assert [client.told(message) for message in listener.heard] == ["done"]


def test_a_callback_twice(world: World, client: Client, listener: Listener) -> None:
    world.faults(client.name, {"fault": "callback_twice"})
    assert client.buy("f-1")[0]
    until(lambda: len(listener.heard) == 2)
    assert listener.heard[0] == listener.heard[1]


@pytest.mark.parametrize("what", ["processing", "failed"])
def test_an_older_message_after_the_success(world: World, client: Client, listener: Listener, what: str) -> None:
    world.faults(client.name, {"fault": "callback_out_of_order", "what": what})
    assert client.buy("f-1")[0]
    until(lambda: len(listener.heard) == 2)
    assert [client.told(message) for message in listener.heard] == ["done", what]
    assert all(client.verifies(message) for message in listener.heard)


@pytest.mark.parametrize("fault", ["callback_unsigned", "callback_tampered"])
def test_callbacks_that_must_not_be_believed(world: World, client: Client, listener: Listener, fault: str) -> None:
    world.faults(client.name, {"fault": fault})
    assert client.buy("f-1")[0]
    until(lambda: listener.heard)
    assert not client.verifies(listener.heard[0])


def test_tampered_cards_carry_a_good_signature_at_kasushou(world: World) -> None:
    client, hearing = Kasushou(world), Listener("ok")
    world.put("suppliers/kasushou", {"callback_url": hearing.url})
    world.faults("kasushou", {"fault": "callback_tampered"})
    client.buy_cards("f-1", 1)
    until(lambda: hearing.heard)
    hearing.close()
    assert client.verifies(hearing.heard[0])
    assert hearing.heard[0]["card_list"][0]["card_no"] == "TAMPERED"
    assert client.cards("f-1")[0][0] != "TAMPERED"


def test_a_callback_is_sent_again_until_acknowledged(world: World, client: Client) -> None:
    hearing = Listener("what?", "fail", {"kasushou": "ok", "fulu": "SUCCESS"}[client.name])
    world.put(f"suppliers/{client.name}", {"callback_url": hearing.url, "callback_gap_ms": 5})
    assert client.buy("f-1")[0]
    until(lambda: world.order(client.name, "f-1")["callback_acked"])
    hearing.close()
    assert world.order(client.name, "f-1")["callbacks_sent"] == 3


def test_a_callback_is_given_up_after_five_more(world: World, client: Client) -> None:
    world.put(f"suppliers/{client.name}", {"callback_url": "http://127.0.0.1:1/", "callback_gap_ms": 1})
    assert client.buy("f-1")[0]
    until(lambda: world.order(client.name, "f-1")["callbacks_sent"] == 6)
    assert world.order(client.name, "f-1")["callback_due_ms"] == 0


def test_rules_are_bounded_and_aimed(world: World, client: Client) -> None:
    product = "1002" if client.name == "kasushou" else "20002"
    world.faults(
        client.name, {"fault": "decline", "times": 2, "outer": "aimed"}, {"fault": "sold_out", "product": product}
    )
    assert client.buy("other-1")[0]
    assert [client.buy(f"aimed-{n}")[0] for n in range(4)] == [False, False, True, True]
    assert client.buy("other-2", product=int(product)) in ((False, "商品库存不足"), (False, 3003))
    assert [rule["used"] for rule in world.get(f"suppliers/{client.name}/faults")["data"]] == [2, 1]


def test_the_same_seed_draws_the_same_faults(world: World, client: Client) -> None:
    def run() -> list[bool]:
        assert world.http.post("/control/reset", json={"keep_products": True}).status_code == 200
        world.put(f"suppliers/{client.name}", {"seed": 42})
        world.faults(client.name, {"fault": "decline", "rate": 0.5})
        return [client.buy(f"r-{n}")[0] for n in range(20)]

    first = run()
    assert first == run()
    assert 3 < sum(first) < 17


def test_every_fault_has_a_name_on_the_page() -> None:
    assert set(FAULTS) == set(get_args(FaultKind))


def test_a_rule_on_queries_is_aimed_at_a_product(world: World, client: Client) -> None:
    product = "1001" if client.name == "kasushou" else "20001"
    client.buy_cards("f-1", 1)
    assert client.buy("f-2")[0]
    world.faults(client.name, {"fault": "query_error", "product": product})
    assert client.query_raw("f-1").status_code == 200
    assert client.query_raw("f-2").status_code == 500
