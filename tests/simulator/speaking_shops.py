"""Clients of the card shops, written for these tests: naive, and one reading more."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlencode

import httpx2
from tests.simulator.speaking import PATIENCE_S, PHONE, World, compact

FORM = "application/x-www-form-urlencoded"
Raw = tuple[str, dict[str, str], bytes]  # a callback's path, headers, body


class Shop:
    """What the stories ask of every client; `codes` are the words of its dialect."""

    name = ack = first = second = card = ""
    kind = "top_up"  # of its first product
    at_once = False  # no order of it is ever under way
    price_fen = 0
    codes: dict[str, Any] = {}

    def __init__(self, world: World) -> None:
        self.world = world

    def post(self, path: str, body: bytes, headers: dict[str, str], timeout: float) -> httpx2.Response:
        return self.world.http.post(f"/{self.name}{path}", content=body, headers=headers, timeout=timeout)

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S, **more: Any) -> httpx2.Response:
        raise NotImplementedError


class DujiaoNext(Shop):
    name, ack, first, second, card, price_fen = "dujiao_next", '{"ok": true}', "401", "402", "411", 1530
    key, secret = "simulator-dujiao-key", "simulator-dujiao-secret"
    codes = {
        "not_found": "order_not_found", "bad_account": "bad_request", "sold_out": "insufficient_stock",
        "balance": "insufficient_balance", "declined": "payment_failed", "no_product": "sku_unavailable",
        "off_sale": "product_unavailable", "sign": "invalid_signature", "user": "invalid_api_key",
        "time": "timestamp_expired",
    }  # fmt: skip
    statuses = {"balance": 402, "sold_out": 409, "declined": 200, "no_product": 400}

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.ids: dict[str, int] = {}

    def sign(self, method: str, path: str, stamp: str, body: bytes) -> str:
        lines = [method, path, stamp, hashlib.md5(body).hexdigest()]
        return hmac.new(self.secret.encode(), "\n".join(lines).encode(), "sha256").hexdigest()

    def send(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout: float = PATIENCE_S, **wrong: str
    ) -> httpx2.Response:
        path = f"/api/v1/upstream{path}"
        content, stamp = (compact(body).encode() if body else b""), wrong.get("stamp", str(int(time.time())))
        headers = {
            "Dujiao-Next-Api-Key": wrong.get("key", self.key),
            "Dujiao-Next-Timestamp": stamp,
            "Dujiao-Next-Signature": wrong.get("sign", self.sign(method, path.partition("?")[0], stamp, content)),
            "Content-Type": "application/json",
        }
        url = f"/{self.name}{path}"
        return self.world.http.request(method, url, content=content, headers=headers, timeout=timeout)

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S, **more: Any) -> httpx2.Response:
        body = {
            "sku_id": int(more.get("product", self.first)), "quantity": more.get("quantity", 1),
            "downstream_order_no": outer, "manual_form_data": {"account": more.get("account", PHONE)},
        }  # fmt: skip
        if "callback" in more:
            body["callback_url"] = more["callback"]
        return self.send("POST", "/orders", body, timeout)

    def buy(self, outer: str, **more: Any) -> tuple[bool, Any]:
        told = self.buy_raw(outer, **more).json()
        if told["ok"]:
            self.ids[outer] = told["order_id"]
        return told["ok"], told.get("error_code")

    def query_raw(self, outer: str) -> httpx2.Response:
        return self.send("GET", f"/orders/{self.ids.get(outer, 999_999)}")

    def state(self, outer: str) -> str:
        told = self.query_raw(outer).json()
        return self.word(told["status"]) if told["ok"] else f"code {told['error_code']}"

    def word(self, status: str) -> str:
        words = {"paid": "processing", "fulfilling": "processing", "canceled": "failed"}
        return {"completed": "done", "delivered": "done", **words}.get(status, "strange")

    def cards(self, outer: str) -> list[tuple[str, ...]]:
        payload = self.query_raw(outer).json()["fulfillment"]["payload"]
        return [tuple(line.split("----")) for line in payload.splitlines()]

    def balance_fen(self) -> int:
        return round(float(self.send("POST", "/ping").json()["balance"]) * 100)

    def goods(self) -> dict[str, tuple[int, int]]:
        found: list[Any] = []
        while (
            len(found) < (told := self.send("GET", f"/products?page={len(found) // 2 + 1}&page_size=2").json())["total"]
        ):
            found += told["items"]
        skus = [sku for one in found for sku in one["skus"]]
        return {str(sku["id"]): (round(float(sku["price_amount"]) * 100), sku["stock_quantity"]) for sku in skus}

    def wrong(self, kind: str) -> str:
        wrong = {"sign": {"sign": "0" * 64}, "user": {"key": "x"}, "time": {"stamp": str(int(time.time()) - 70)}}[kind]
        reply = self.send("POST", "/ping", **wrong)
        assert reply.status_code == 401
        return str(reply.json()["error_code"])

    def verifies(self, raw: Raw) -> bool:
        _, headers, body = raw
        mine = self.sign("POST", "/api/v1/upstream/callback", headers["dujiao-next-timestamp"], body)
        return headers.get("dujiao-next-signature") == mine

    def told(self, raw: Raw) -> tuple[str, str]:
        told = json.loads(raw[2])
        return told["downstream_order_no"], self.word(told["status"])


class AcgFaka(Shop):
    """All its refusals have the same code; the words are the difference."""

    name, first, second, card, price_fen = "acg_faka", "501", "511", "511", 1540
    app, key = "1001", "simulator-acg-faka-key"
    codes = {
        "not_found": "订单不存在", "sold_out": "库存不足", "balance": "余额不足", "declined": "商品维护中，暂不可下单",
        "no_product": "商品不存在", "off_sale": "当前商品已停售", "sign": "密钥错误", "user": "商户ID不存在",
        "duplicate": "The request ID already exists",
    }  # fmt: skip

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.ids: dict[str, str] = {}

    def sign(self, fields: dict[str, str]) -> str:
        pairs = [f"{name}={value}" for name, value in sorted(fields.items()) if value]
        return hashlib.md5(f"{'&'.join(pairs)}&key={self.key}".encode()).hexdigest()

    def send(self, call: str, fields: dict[str, str], timeout: float = PATIENCE_S, **wrong: str) -> httpx2.Response:
        fields = {**fields, "app_id": self.app, "app_key": self.key}
        fields = {**fields, "sign": self.sign(fields), **wrong}
        return self.post(f"/shared/{call}", urlencode(fields).encode(), {"Content-Type": FORM}, timeout)

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S, **more: Any) -> httpx2.Response:
        fields = {
            "shared_code": more.get("product", self.first), "num": str(more.get("quantity", 1)), "request_no": outer,
            "contact": more.get("account", PHONE), "device": "0", "password": "",
        }  # fmt: skip
        return self.send("commodity/trade", fields, timeout)

    def buy(self, outer: str, **more: Any) -> tuple[bool, Any]:
        told = self.buy_raw(outer, **more).json()
        if told["code"] != 200:
            return False, told["msg"]
        self.ids[outer] = told["data"]["tradeNo"]
        return True, None

    def query_raw(self, outer: str) -> httpx2.Response:
        return self.send("commodity/query", {"tradeNo": self.ids.get(outer, "1")})

    def state(self, outer: str) -> str:
        told = self.query_raw(outer).json()
        if told["code"] != 200:
            return f"code {told['msg']}"
        if told["data"]["status"] != 1:
            return "strange"
        secret = told["data"]["secret"]
        return "processing" if secret is None or secret.startswith("正在发货中") else "done"

    def cards(self, outer: str) -> list[tuple[str, ...]]:
        return [tuple(line.split("----")) for line in self.query_raw(outer).json()["data"]["secret"].splitlines()]

    def balance_fen(self) -> int:
        return round(self.send("authentication/connect", {}).json()["data"]["balance"] * 100)

    def goods(self) -> dict[str, tuple[int, int]]:
        groups = self.send("commodity/items", {}).json()["data"]
        goods = [one for group in groups for one in group["children"]]
        return {one["code"]: (round(one["factory_price"] * 100), one["stock"]) for one in goods}

    def wrong(self, kind: str) -> str:
        wrong = {"sign": {"sign": "0" * 32}, "user": {"app_id": "9"}}[kind]
        return str(self.send("authentication/connect", {}, **wrong).json()["msg"])


class Agiso(Shop):
    name, first, second, card, price_fen, kind = "agiso", "611", "612", "611", 460, "card"
    at_once = True
    token, secret = "simulator-agiso-token", "simulator-agiso-secret"
    codes = {
        "sold_out": 2002, "balance": 2004, "declined": 2004, "no_product": 2001, "off_sale": 2003, "sign": 1002,
        "user": 1001, "time": 1003, "ip": 1005, "fast": 1006,
    }  # fmt: skip

    def send(self, call: str, fields: dict[str, Any], timeout: float = PATIENCE_S, **wrong: str) -> httpx2.Response:
        fields = {**fields, "timestamp": wrong.get("stamp", str(int(time.time())))}
        text = "".join(name + str(fields[name]) for name in sorted(fields))
        sign = hashlib.md5(f"{self.secret}{text}{self.secret}".encode()).hexdigest()
        body = urlencode({**fields, "sign": wrong.get("sign", sign)})
        headers = {
            "Authorization": f"Bearer {wrong.get('token', self.token)}", "ApiVersion": wrong.get("version", "1"),
            "Content-Type": FORM,
        }  # fmt: skip
        return self.post(f"/acpr/{call}", body.encode(), headers, timeout)

    def buy_raw(self, outer: str, timeout: float = PATIENCE_S, **more: Any) -> httpx2.Response:
        product, quantity = more.get("product", self.first), more.get("quantity", 1)
        fields = {"cpkId": product, "num": quantity, "handPickOrderId": outer, "buildCpd": more.get("link", "false")}
        return self.send("CardPwd/HandPick", fields, timeout)

    def buy(self, outer: str, **more: Any) -> tuple[bool, Any]:
        told = self.buy_raw(outer, **more).json()
        assert told["IsSuccess"] is (told["Error_Code"] == 0)
        return told["IsSuccess"], told["Error_Code"]

    query_raw = buy_raw  # picking again with the same number is the only question there is

    def state(self, outer: str) -> str:
        code = self.buy(outer)[1]
        return {0: "done", 2006: "processing", 2007: "failed"}.get(code, "strange" if code == 9797 else f"code {code}")

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["c"], one["p"]) for one in self.buy_raw(outer).json()["Data"]["CardPwdArr"]]

    def balance_fen(self) -> int:
        return int(self.world.get("suppliers/agiso")["balance_fen"])

    def goods(self) -> dict[str, tuple[int, int]]:
        kinds = self.send("CardPwd/GetList", {"pageIndex": 1, "pageSize": 100}).json()["Data"]["List"]
        return {str(one["IdNo"]): (round(float(one["PurPrice"]) * 100), one["RemainingCount"]) for one in kinds}

    def wrong(self, kind: str) -> int:
        late = {"stamp": str(int(time.time()) + 660)}
        wrong = {"sign": {"sign": "0" * 32}, "user": {"token": "x"}, "time": late}[kind]
        return int(self.send("CardPwd/GetList", {}, **wrong).json()["Error_Code"])
