"""Clients of more dialects, written for these tests from the same documents: a third reading, on purpose naive."""

import hashlib
import time
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

import httpx2
from tests.simulator.speaking import PATIENCE_S, PHONE, Heard, World, compact

OK_STATES = ("processing", "done", "failed")


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def sorted_pairs(fields: dict[str, Any]) -> str:
    return "&".join(f"{k}={v}" for k, v in sorted(fields.items()) if k != "sign" and v not in ("", None))


class Tongue:
    """What the stories of every dialect need; each client below says only how."""

    name: ClassVar[str]
    ack: ClassVar[str]
    secret: ClassVar[str]
    fine: ClassVar[Any]  # the code of success
    codes: ClassVar[dict[str, Any]]
    words: ClassVar[dict[Any, str]]
    shelf: ClassVar[str]  # the first digit of its products
    price_fen: ClassVar[int]
    sells_cards: ClassVar[bool] = True
    guard: ClassVar[str] = ""  # the field that says what an order may cost at most
    strange_code: ClassVar[Any] = 9797

    def __init__(self, world: World, name: str = "") -> None:
        self.world = world
        self.instance = name or self.name

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        raise NotImplementedError

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        raise NotImplementedError

    def look(self) -> tuple[str, dict[str, Any]]:
        """A request that changes nothing."""
        raise NotImplementedError

    def balance(self, told: Any) -> float:
        return float(told["data"]["balance"])

    def price_shown(self) -> float:
        raise NotImplementedError

    def verifies(self, message: Heard) -> bool:
        raise NotImplementedError

    def post(self, path: str, content: bytes, timeout: float, headers: dict[str, str] | None = None) -> httpx2.Response:
        return self.world.http.post(f"/{self.instance}/{path}", content=content, headers=headers, timeout=timeout)

    def ask(self, path: str, body: dict[str, Any], **wrong: Any) -> Any:
        return self.send(path, body, **wrong).json()

    def code(self, told: Any) -> Any:
        return told["code"]

    def status(self, told: Any) -> Any:
        return told["data"]["status"]

    def buy(
        self, outer: str, product: str = "", account: str = PHONE, quantity: int = 1, **more: Any
    ) -> tuple[bool, Any]:
        path, body = self.order(outer, product or f"{self.shelf}0001", account, quantity)
        code = self.code(self.ask(path, {**body, **more}))
        return code == self.fine, code

    def buy_raw(self, outer: str) -> httpx2.Response:
        return self.send(*self.order(outer, f"{self.shelf}0001", PHONE, 1))

    def buy_cards(self, outer: str, quantity: int) -> None:
        assert self.buy(outer, f"{self.shelf}0101", "", quantity)[0]

    def query_raw(self, outer: str) -> httpx2.Response:
        return self.send(*self.question(outer))

    def state(self, outer: str) -> str:
        told = self.query_raw(outer).json()
        if self.code(told) != self.fine:
            return f"code {self.code(told)}"
        return self.words.get(self.status(told), "strange")

    def cards(self, outer: str) -> list[tuple[str, str]]:
        raise NotImplementedError

    def told(self, message: Heard) -> str:
        return self.words[message["status"]]

    def guarded(self, most: str) -> dict[str, Any]:
        return {self.guard: most}


class Kayixin(Tongue):
    name, ack, fine, shelf, price_fen = "kayixin", "ok", 1000, "3", 1510
    secret = "simulator-kayixin-secret-32bytes"
    codes = {"sold_out": 2004, "balance": 2009, "decline": 2006, "account": 2007, "number": 2008, "above": 2005,
             "product": 2001, "off": 2002, "kind": 2003, "order": 3001, "sign": 1001, "who": 1002, "time": 1003,
             "path": 1004, "body": 1005, "address": 1006, "often": 1007}  # fmt: skip
    words = {1: "processing", 2: "processing", 3: "done", 4: "failed", 5: "failed"}
    guard = "safePrice"

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        raw = wrong.get("raw") or compact(body)
        stamp, who = wrong.get("stamp", str(int(time.time()))), wrong.get("who", "10030")
        sign = wrong.get("sign", md5(f"{who}{self.secret}3.0{stamp}{raw}"))
        headers = {"X-APP-ID": who, "X-Version": "3.0", "X-Timestamp": stamp, "X-Signature": sign}
        return self.post(f"api/v3/{path}", raw.encode(), timeout, headers)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        attach = [{"name": "充值账号", "value": account}] if account else []
        return "order/create", {"goodsId": product, "count": quantity, "outerNumber": outer, "attach": attach}

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "order/getDetail", {"orderNumber": "", "outerNumber": outer}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "user/getAccount", {}

    def price_shown(self) -> float:
        return float(self.ask("goods/getDetail", {"goodsId": 30001})["data"]["salesPrice"])

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["cardNo"], one["cardPwd"]) for one in self.query_raw(outer).json()["data"]["cards"]]

    def verifies(self, message: Heard) -> bool:
        head = message.headers
        text = f"{head['x-app-id']}{self.secret}{head['x-version']}{head['x-timestamp']}{message.raw.decode()}"
        return head.get("x-signature") == md5(text)


class Yiqida(Tongue):
    name, ack, fine, shelf, price_fen = "yiqida", "ok", 200, "4", 1505
    secret = "simulator-yiqida-key"
    codes = dict.fromkeys(
        ("sold_out", "balance", "decline", "account", "number", "above", "product", "off", "kind", "order", "sign",
         "who", "time", "path", "body", "address", "often"), 506,
    )  # fmt: skip
    words = {0: "processing", 2: "processing", 3: "processing", 6: "processing", 4: "done", 5: "failed"}
    guard = "externalSellPrice"

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        raw = wrong.get("raw") or compact(body)
        stamp = wrong.get("stamp", str(int(time.time() * 1000)))
        query = {"timestamp": stamp, "userName": wrong.get("who", "10040")}
        query["sign"] = wrong.get("sign", md5(f"{stamp}{raw}{self.secret}"))
        return self.post(f"api/{path}?{urlencode(query)}", raw.encode(), timeout)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        body = {"commodityId": product, "external_orderno": outer, "buyCount": quantity, "template": [quote(account)]}
        return "UserOrder/CreateOrder", body

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "UserOrder/QueryOrderModel", {"external_orderno": outer, "orderNo": ""}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "UserAccount/GetBalance", {}

    def price_shown(self) -> float:
        return float(self.ask("UserCommdity/GetCommodityInfo", {"id": 40001})["data"]["price"])

    def cards(self, outer: str) -> list[tuple[str, str]]:
        texts = self.query_raw(outer).json()["data"]["carmi"]
        return [(text.split("----")[0], text.split("----")[1]) for text in texts]

    def verifies(self, message: Heard) -> bool:
        return message.query.get("sign") == md5(message.raw.decode() + self.secret)


class Fengzhushou(Tongue):
    name, ack, fine, shelf, price_fen = "fengzhushou", '{"code": "0"}', 0, "5", 1490
    secret = "simulator-fengzhushou-key"
    codes = {"sold_out": 3999, "balance": 4002, "decline": 3999, "account": 3100, "number": 3001, "above": 3104,
             "product": 2000, "off": 2000, "kind": 2000, "order": 3000, "sign": 102, "who": 1000, "time": 103,
             "path": 400, "body": 400, "address": 1000, "often": 107}  # fmt: skip
    words = {0: "processing", 1: "done", 9: "failed", 97: "strange"}
    sells_cards = False
    guard = "skuPrice"

    def sign(self, body: dict[str, Any]) -> str:
        return hashlib.sha1(f"{sorted_pairs(body)}&signKey={self.secret}".encode()).hexdigest().upper()

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = wrong.get("stamp", str(int(time.time() * 1000)))
        body = {"projectCode": wrong.get("who", "SIM50"), "timestamp": stamp, **body}
        body["sign"] = wrong.get("sign", self.sign(body))
        raw = wrong.get("raw") or compact(body)
        return self.post(f"fzs-stdopen-api/api/v1/{path}", raw.encode(), timeout)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        body = {"skuCode": product, "channelOrderNo": outer, "account": account, "num": quantity, "ext": ""}
        return "sendgoods", body

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "queryorder", {"channelOrderNo": outer}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "balance", {}

    def code(self, told: Any) -> Any:
        return told["retcode"]

    def state(self, outer: str) -> str:
        code = self.query_raw(outer).json()["retcode"]
        return self.words.get(code, f"code {code}")

    def told(self, message: Heard) -> str:
        return self.words[message["retcode"]]

    def verifies(self, message: Heard) -> bool:
        return message.get("sign") == self.sign(message)


class Chengquan(Tongue):
    name, ack, fine, shelf, price_fen = "chengquan", "OK", 7000, "6", 1495
    secret = "simulator-chengquan-key"
    codes = {"sold_out": 7104, "balance": 7107, "decline": 7106, "account": 7108, "number": 7109, "product": 7101,
             "off": 7102, "kind": 7103, "order": 7201, "sign": 7003, "who": 7002, "time": 7004, "path": 7005,
             "body": 7001, "address": 7006, "often": 7007}  # fmt: skip
    words = {"RECHARGE": "processing", "SUCCESS": "done", "FAIL": "failed"}

    def sign(self, body: dict[str, Any]) -> str:
        return md5(f"{sorted_pairs(body)}&key={self.secret}").upper()

    def send(self, path: str, body: dict[str, Any], timeout: float = PATIENCE_S, **wrong: Any) -> httpx2.Response:
        stamp = wrong.get("stamp", str(int(time.time())))
        body = {"app_id": wrong.get("who", "10060"), "timestamp": stamp, **body}
        body["sign"] = wrong.get("sign", self.sign(body))
        return self.post(path, (wrong.get("raw") or compact(body)).encode(), timeout)

    def order(self, outer: str, product: str, account: str, quantity: int) -> tuple[str, dict[str, Any]]:
        body = {"order_no": outer, "product_id": product, "recharge_number": account, "amount": quantity}
        return "order/directCharge", {**body, "version": "v1"}

    def question(self, outer: str) -> tuple[str, dict[str, Any]]:
        return "order/get", {"order_no": outer}

    def look(self) -> tuple[str, dict[str, Any]]:
        return "user/balance/get", {}

    def price_shown(self) -> float:
        goods = self.ask("coupon/type/goods/list", {"page": 1, "page_size": 2})["data"]["list"]
        return float(goods[0]["price"])

    def cards(self, outer: str) -> list[tuple[str, str]]:
        return [(one["card_no"], one["card_password"]) for one in self.query_raw(outer).json()["data"]["cards"]]

    def verifies(self, message: Heard) -> bool:
        return message.get("sign") == self.sign(message)
