"""Signatures against vectors and against a third reading of the documents."""

import pytest
from tests.simulator.speaking import PHONE, Fulu, Kasushou, World

from simulator import signing


def test_an_empty_body_signs_as_the_published_vector() -> None:
    assert signing.kasushou("1758153600", {}, "k") == "b419c6db8ddf09052e9ee617bfb3dcff69047e46"
    assert signing.kasushou("1758153600", [], "k") == "b419c6db8ddf09052e9ee617bfb3dcff69047e46"


def test_keys_are_sorted_on_every_level_and_slashes_and_chinese_stay_raw() -> None:
    body = {"url": "http://a/b", "attach": {"z": "中", "a": [{"y": 1, "b": 2}]}}
    assert signing.sorted_json(body) == '{"attach":{"a":[{"b":2,"y":1}],"z":"中"},"url":"http://a/b"}'


def test_fulu_sorts_characters_not_fields() -> None:
    assert signing.fulu_text("ba中a", "s") == signing.fulu_text("中aab", "s")
    # U+FF21 comes after an emoji's first surrogate: by code unit, not by code point.
    assert sorted("Ａ😀", key=signing._code_units) == ["😀", "Ａ"]


def test_yiqida_signs_as_its_document_shows() -> None:
    body = b'{"external_orderno":"test001","orderNo":""}'
    assert signing.yiqida("1756972222538", body, "1234567890") == "75b83efcf9f67a921f20bad6f461d938"
    assert signing.yiqida("", b'{"orderNo":"B1","status":4}', "1234567890") == "d99cd027c2039798dcdbea17d78046e2"


def test_kayixin_signs_the_bytes_that_were_sent() -> None:
    body = '{"outerNumber":"itm_1-1","name":"中/文"}'.encode()
    assert signing.kayixin("10030", "k", "3.0", "1760767397", body) == "44eecf67eb653f37be3a2bb59492bfc7"


def test_empty_fields_are_left_out_and_numbers_stay_as_written() -> None:
    stamp = "1756972222538"
    order = {"projectCode": "P", "timestamp": stamp, "num": "1", "skuPrice": "15.20", "account": "13800138001"}
    mine = signing.fengzhushou({**order, "ext": "", "callbackUrl": None, "sign": "x"}, "k")
    assert mine == "9E799F04D8AC0F94A2288DC9AFD2433E45D94AE3"
    order = {"order_no": "itm_1-1", "app_id": "10060", "amount": "1", "notify_url": " "}
    assert signing.chengquan(order, "k") == "CE6022F07510ACD29F669C636A93AEA5"


def test_mifeng_signs_empty_fields_and_says_array_for_cards() -> None:
    fields = {"third_id": "itm_1-1", "app_key": "1", "timestamp": "1756972222", "goods_sku": "", "call_back_url": None}
    signed = signing.mifeng({**fields, "ys_cards": [{"card_no": "1"}], "datas": {"target": "1"}, "sign": "x"}, "s")
    assert signed == "0a975bf5544b157572b3eb1cb2a38cfa"


def test_kakayun_signs_lists_as_json_and_jingzhao_no_cards() -> None:
    order = {"userid": "10080", "timestamp": "1735002156", "goodsid": "80001", "buynum": "1", "usorderno": ""}
    listed = {**order, "attach": [{"attachtype": 1, "value": "中/文"}], "sign": "x"}
    assert signing.kakayun(listed, "k") == "b6258a0cb95a66e2defbb933ff9c43a8"
    order = {"timestamp": "1735002156", "recharge_account": "中文", "product_id": "90001", "customer_id": "10090"}
    assert signing.jingzhao({**order, "client_ip": "", "cards": "[]"}, "k") == "249b1621f4acbc38720117fb7bd5538d"


def test_shangteng_signs_like_kasushou() -> None:
    body = {"recharge_account": "13800138000", "notify_url": "https://a.com/n", "external_orderno": "中文"}
    assert signing.kasushou("1758153600", body, "k") == "019db3ef1af67f3776703c3bdd1379c3e742bfad"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"sign": "0" * 40}, "签名错误"),
        ({"stamp": "1758153600000"}, "时间戳已过期"),
        ({"stamp": "1758153600"}, "时间戳已过期"),
    ],
)
def test_kasushou_refuses_what_is_not_signed_now(world: World, wrong: dict[str, str], said: str) -> None:
    told = Kasushou(world).ask("user/info", {}, **wrong)
    assert (told["code"], told["msg"]) == (400, said)
    assert Kasushou(world, user="10002").ask("user/info", {})["msg"] == "签名错误"
    assert Kasushou(world).ask("user/info", {})["code"] == 200


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"sign": "0" * 32}, 1001),
        ({"app_key": "x"}, 1002),
        ({"timestamp": "2025-01-01 00:00:00"}, 1003),
        ({"timestamp": "soon"}, 1003),
        ({"sign_type": "rsa"}, 1005),
        ({"biz_content": "[]"}, 1005),
    ],
)
def test_fulu_refuses_what_is_not_signed_now(world: World, wrong: dict[str, str], code: int) -> None:
    assert Fulu(world).ask("fulu.user.info.get", {}, **wrong)[0] == code
    assert Fulu(world).ask("fulu.user.info.get", {})[0] == 0
    assert Fulu(world).ask("fulu.no.such", {})[0] == 1004


def test_the_raw_calls_are_shown_without_secrets(world: World) -> None:
    Fulu(world).buy("itm_1-1", account=PHONE)
    Kasushou(world).ask("user/info", {})
    (call,) = world.get("suppliers/fulu/calls")["data"]
    assert call["endpoint"] == "fulu.order.direct.add"
    assert "itm_1-1" in call["body"]
    assert Fulu.app_key not in call["body"]
    (call,) = world.get("suppliers/kasushou/calls")["data"]
    assert len(call["headers"]["sign"]) < 10


def test_fanchen_signs_a_fixed_order_in_gbk_and_upper_case() -> None:
    fields = {"sporderid": "itm_1-1", "userid": "10086", "account": "张三"}
    order = ("userid", "account", "areaid", "sporderid")
    assert signing.fanchen(fields, order, "k") == "B754B99ED2FAFD86A2B661730964B971"
    assert signing.exact("AB", "AB")
    assert not signing.exact("AB", "ab")


def test_dujiao_signs_method_path_time_and_the_bodys_md5() -> None:
    body = b'{"sku_id":1,"quantity":1}'
    signed = signing.dujiao_next("your_api_secret", "POST", "/api/v1/upstream/orders", "1772366400", body)
    assert signed == "88444ca5a52c0ebfb343ac92fc81723552f70fcbf589c22c0801f94458e2da7f"
    empty = signing.dujiao_next("your_api_secret", "GET", "/api/v1/upstream/products", "1772366400", b"")
    assert empty == "f0d298125eea05352267e35e342f8e2ab809db8edbeff8cbaea4380b6119934e"


def test_acg_signs_what_is_not_empty_sorted_and_unescaped() -> None:
    fields = {"shared_code": "é中", "num": "2", "race": "", "app_id": "1001", "sign": "x"}
    assert signing.acg_faka(fields, "k") == "fbdc42faf0176a37596412d74e28755f"


def test_agiso_signs_names_and_values_between_two_secrets() -> None:
    fields = {"timestamp": "1468476350", "num": "2", "cpkId": "1", "sign": "x"}
    assert signing.agiso(fields, "s") == "4c1e62080284fb678a4fcff9efb6736c"
