"""Clients of 梵尘 and of the `*.do` platforms that are built alike, written for these tests."""

import hashlib
import json
import xml.etree.ElementTree as ET
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
from tests.simulator.speaking import PATIENCE_S, PHONE
from tests.simulator.speaking_shops import FORM, AcgFaka, Agiso, DujiaoNext, Raw, Shop


class Fanchen(Shop):
    name, ack, first, second, card, price_fen = "fanchen", "OK", "30001", "30002", "30101", 1510
    user, key = "10086", "simulator-fanchen-key"
    buying = ("userid", "productid", "num", "areaid", "serverid", "account", "spordertime", "sporderid")
    codes = {
        "not_found": 5007, "bad_account": 5004, "sold_out": 5003, "balance": 5002, "declined": 5013, "price": 5008,
        "duplicate": 5006, "no_product": 5003, "off_sale": 5003, "sign": 5005, "user": 5001, "ip": 5009, "bad": 5012,
    }  # fmt: skip

    def sign(self, fields: dict[str, str], names: tuple[str, ...]) -> str:
        text = "&".join([f"{name}={fields.get(name, '')}" for name in names] + [f"key={self.key}"])
        return hashlib.md5(text.encode("gbk")).hexdigest().upper()

    def send(
        self, call: str, names: tuple[str, ...], fields: dict[str, str], timeout: float = PATIENCE_S, **wrong: str
    ) -> httpx2.Response:
        fields = {"userid": self.user, **fields}
        fields = {**fields, "sign": self.sign(fields, names), **wrong}
        return self.post(f"/fc{call}.do", urlencode(fields, encoding="gbk").encode(), {"Content-Type": FORM}, timeout)

    def read(self, reply: httpx2.Response) -> dict[str, Any]:
        return json.loads(reply.content.decode("gbk"))

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S, **more: Any) -> httpx2.Response:
        now = datetime.now(timezone(timedelta(hours=8))).strftime("%Y%m%d%H%M%S")
        fields = {
            "productid": more.get("product", self.first), "num": str(more.get("quantity", 1)), "areaid": "",
            "serverid": "", "account": more.get("account", PHONE), "spordertime": now, "sporderid": outer,
        }  # fmt: skip
        if "most" in more:
            fields["checkprice"] = more["most"]
        if "callback" in more:
            fields["back_url"] = more["callback"]
        return self.send("gameonlinepay", self.buying, fields, timeout)

    def buy(self, outer: str, **more: Any) -> tuple[bool, Any]:
        code = int(self.read(self.buy_raw(outer, **more))["resultno"])
        return code in (0, 1, 2), code

    def query_raw(self, outer: str) -> httpx2.Response:
        return self.send("searchpay", ("userid", "sporderid"), {"sporderid": outer})

    def state(self, outer: str) -> str:
        code = int(self.read(self.query_raw(outer))["resultno"])
        words = {0: "processing", 2: "processing", 1: "done", 9: "failed"}
        return words.get(code, "strange" if code == 9797 else f"code {code}")

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["cardno"], one["cardpsw"]) for one in self.read(self.query_raw(outer))["cards"]]

    def balance_fen(self) -> int:
        return round(float(self.read(self.send("searchbalance", ("userid",), {}))["balance"]) * 100)

    def goods(self) -> dict[str, tuple[int, int]]:
        told = self.read(self.send("userproductprice", ("userid", "productid"), {"productid": ""}))
        return {
            one["productid"]: (round(float(one["productprice"]) * 100), int(one["stock"])) for one in told["products"]
        }

    def wrong(self, kind: str) -> int:
        wrong = {"sign": {"sign": "0" * 32}, "user": {"userid": "1"}}[kind]
        return int(self.read(self.send("searchbalance", ("userid",), {}, **wrong))["resultno"])

    def verifies(self, raw: Raw) -> bool:
        fields = self.heard(raw)
        names = ("userid", "orderid", "sporderid", "merchantsubmittime", "resultno")
        return fields.get("sign") == self.sign(fields, names)

    def heard(self, raw: Raw) -> dict[str, str]:
        return dict(parse_qsl(raw[2].decode("ascii"), encoding="gbk", keep_blank_values=True))

    def told(self, raw: Raw) -> tuple[str, str]:
        fields = self.heard(raw)
        return fields["sporderid"], {"1": "done", "2": "processing", "9": "failed"}[fields["resultno"]]


class FanchenXml(Fanchen):
    name, first, second, card, price_fen = "fanchen_xml", "31001", "31002", "31101", 1505
    user, key = "10087", "simulator-fanchen-xml-key"

    def read(self, reply: httpx2.Response) -> dict[str, Any]:
        text = reply.content.decode("gbk").replace('encoding="GB2312"', "")
        return {one.tag: _tree(one) for one in ET.fromstring(text)}


def _tree(element: ET.Element) -> Any:
    if len(element) and element.tag in ("cards", "products"):
        return [_tree(one) for one in element]
    return {one.tag: _tree(one) for one in element} if len(element) else element.text or ""


SHOPS = (Fanchen, FanchenXml, DujiaoNext, AcgFaka, Agiso)
CALLING = [shop for shop in SHOPS if shop.ack]  # those that call back
AnyShop = Fanchen | DujiaoNext | AcgFaka | Agiso
