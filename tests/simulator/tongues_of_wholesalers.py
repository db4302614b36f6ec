"""Clients of 蜜蜂汇云, 咔咔云, 京兆云 and 商腾, as naive as their neighbours in tongues.py."""

import hashlib
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx2
from tests.simulator.speaking import PATIENCE_S, PHONE, Heard, compact
from tests.simulator.tongues import Tongue, md5


class Mifeng(Tongue):
    name, ack, fine, shelf, price_fen = "mifeng", "SUCCESS", 0, "7", 1485
    secret = "simulator-mifeng-secret"
    codes = {"sold_out": 10012, "balance": 10011, "decline": 10013, "account": 10014, "number": 10010, "above": 10012,
             "product": 10012, "off": 10012, "order": 10015, "sign": 10002, "who": 10004, "time": 10003,
             "path": 10001, "body": 10001, "address": 10006, "often": 10016}  # fmt: skip
    words = {1: "processing", 2: "processing", 3: "done", 4: "failed", 6: "failed"}
    guard = "maxAmount"

    def sign(self, fields: dict[str, Any]) -> str:
        signed = {k: v for k, v in fields.items() if k not in ("sign", "datas") and not k.startswith("ys_cards")}
        if any(name.startswith("ys_cards") for name in fields):
            signed["ys_cards"] = "Array"
        return md5("".join(f"{k}{v}" for k, v in sorted(signed.items())) + self.secret)

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = wrong.get("stamp", str(int(time.time())))
        body = {"app_key": wrong.get("who", "simulator-mifeng-app"), "timestamp": stamp, **body}
        body["sign"] = wrong.get("sign", self.sign(body))
        if wrong.get("form"):
            datas = {f"datas[{k}]": v for k, v in body.pop("datas", {}).items()}
            kind = {"Content-Type": "application/x-www-form-urlencoded"}
            return self.post(f"api/merchant/{path}", urlencode({**body, **datas}).encode(), timeout, kind)
        return self.post(f"api/merchant/{path}", (wrong.get("raw") or compact(body)).encode(), timeout)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        datas = {"target": account, "num": quantity}
        return "upload_order", {"miniunit_id": product, "third_id": outer, "goods_sku": "", "datas": datas}

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "order_info", {"order_id": "", "third_id": outer, "time": str(int(time.time()))}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "account", {}

    def price_shown(self) -> float:
        goods = self.ask("productGoodsListNew", {"miniunit_id": "70001", "page": "1"})["data"]["data"]
        return float(goods[0]["goods_price"])

    def status(self, told: Any) -> Any:
        return told["data"]["state"]

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["card_no"], one["card_pwd"]) for one in self.query_raw(outer).json()["data"]["ys_cards"]]

    def verifies(self, message: Heard) -> bool:
        return message.get("sign") == self.sign(message)

    def told(self, message: Heard) -> str:
        return self.words[int(message["state"])]

    def guarded(self, most: str) -> dict[str, Any]:
        return {"datas": {"target": PHONE, "num": 1, "maxAmount": json.loads(most)}}


class Kakayun(Tongue):
    name, ack, fine, shelf, price_fen = "kakayun", "OK", 1, "8", 1480
    secret = "simulator-kakayun-key"
    codes = {"sold_out": -1, "balance": 1213, "decline": 1207, "account": 1211, "no account": 1208, "number": 1205,
             "above": 1210, "product": 1214, "off": 1206, "order": 1301, "sign": 401, "who": 1000, "time": 403,
             "no time": 1202, "path": -1, "body": -1, "address": 402, "often": 404}  # fmt: skip
    words = {0: "processing", 3: "processing", 5: "done", 4: "failed"}
    guard = "maxmoney"

    def sign(self, body: dict[str, Any]) -> str:
        filled = {k: v for k, v in sorted(body.items()) if k != "sign" and v not in ("", None)}
        pairs = (f"{k}={compact(v) if isinstance(v, list) else v}" for k, v in filled.items())
        return md5("&".join(pairs) + self.secret)

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = wrong.get("stamp", int(time.time()))
        body = {"userid": wrong.get("who", "10080"), "timestamp": stamp, **body}
        body["sign"] = wrong.get("sign", self.sign(body))
        if wrong.get("get"):
            return self.world.http.get(f"/{self.instance}/dockapiv3/{path}", params=body, timeout=timeout)
        return self.post(f"dockapiv3/{path}", (wrong.get("raw") or compact(body)).encode(), timeout)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        return "order/create", {"goodsid": product, "buynum": quantity, "usorderno": outer, "attach": account}

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "order/get", {"orderno": "", "usorderno": outer}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "user/info", {}

    def balance(self, told: Any) -> float:
        return float(told["data"]["money"])

    def price_shown(self) -> float:
        return float(self.ask("goods/details", {"goodsid": 80001})["data"]["goodsprice"])

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["card_no"], one["card_pwd"]) for one in self.query_raw(outer).json()["data"]["cards"]]

    def verifies(self, message: Heard) -> bool:
        return message.get("sign") == self.sign(message)


class Jingzhao(Tongue):
    name, ack, fine, shelf, price_fen = "jingzhao", "ok", "ok", "9", 1475
    secret = "simulator-jingzhao-key"
    codes = {**dict.fromkeys(("sold_out", "balance", "decline", "account", "number", "above", "product", "off",
                              "order", "path", "address"), "error"),
             "sign": "invalid_sign", "who": "disabled_customer", "time": "invalid_parameters",
             "body": "invalid_parameters", "often": "request_frequency"}  # fmt: skip
    words = {100: "processing", 101: "processing", 200: "done", 500: "failed"}
    guard = "safe_cost"
    strange_code = "code_9797"

    def sign(self, body: dict[str, Any]) -> str:
        filled = {k: v for k, v in body.items() if k not in ("sign", "cards") and v != ""}
        return md5(self.secret + "".join(f"{k}{filled[k]}" for k in sorted(filled)))

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = wrong.get("stamp", str(int(time.time())))
        body = {"customer_id": wrong.get("who", "10090"), "timestamp": stamp, **body}
        body["sign"] = wrong.get("sign", self.sign(body))
        return self.post(f"api/{path}", (wrong.get("raw") or urlencode(body)).encode(), timeout)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        body = {"product_id": product, "outer_order_id": outer, "recharge_account": account, "quantity": quantity}
        return "buy", {**body, "client_ip": ""}

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "outer-order", {"outer_order_id": outer}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "customer", {}

    def price_shown(self) -> float:
        return float(self.ask("product", {"product_id": 90001})["data"]["price"])

    def status(self, told: Any) -> Any:
        return told["data"]["state"]

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["no"], one["password"]) for one in self.query_raw(outer).json()["data"]["cards"]]

    def verifies(self, message: Heard) -> bool:
        return message.get("sign") == self.sign(message)

    def told(self, message: Heard) -> str:
        return self.words[int(message["state"])]


class Shangteng(Tongue):
    name, ack, fine, shelf, price_fen = "shangteng", "ok", 200, "11", 1470
    secret = "simulator-shangteng-key"
    codes = dict.fromkeys(
        ("sold_out", "balance", "decline", "account", "number", "above", "product", "off", "kind", "order", "sign",
         "who", "time", "path", "body", "address", "often"), 411,
    )  # fmt: skip
    words = {0: "processing", 1: "processing", 2: "done", 3: "failed", 4: "failed", 5: "failed"}
    sells_cards = False

    def sign(self, stamp: str, body: dict[str, Any]) -> str:
        text = compact(body, sort_keys=True)
        return hashlib.sha1(f"{stamp}{text}{self.secret}".encode()).hexdigest()

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = wrong.get("stamp", str(int(time.time())))
        sign = wrong.get("sign", self.sign(stamp, body))
        headers = {"Userid": wrong.get("who", "10110"), "Timestamp": stamp, "Sign": sign}
        return self.post(f"api/{path}", (wrong.get("raw") or compact(body)).encode(), timeout, headers)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        body = {"product_id": product, "external_orderno": outer, "recharge_account": account, "quantity": quantity}
        return "Order/create", {**body, "notify_url": ""}

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "Order/query", {"external_orderno": outer}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "User/balance", {}

    def balance(self, told: Any) -> float:
        return float(told["data"]["phone_balance"])

    def price_shown(self) -> float:
        return float(self.ask("Product/index", {"limit": "1", "page": "1"})["data"]["data"][0]["price"])

    def code(self, told: Any) -> Any:
        return told["status"]

    def verifies(self, message: Heard) -> bool:
        body = {name: value for name, value in message.items() if name != "sign"}
        return message.get("sign") == self.sign(message["time"], body)
